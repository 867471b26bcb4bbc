"""The report as a neutral structure of texts: both the PDF and the DOCX print exactly this and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from guanhu.intake.v1 import referral_events_pb2
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from services.kernel.dates import to_date, to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME
from services.paper.wording import chinese_date, label, one_line, paragraphs
from services.social_investigation.report.labels import NO_CONTACT_REASONS, SECTION_FIELDS, section_title, term
from services.social_investigation.report.sections import Section, Table, family_table, items
from services.social_investigation.report.sources import Sources, numbered

NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二", "十三", "十四", "十五")
MARKING = "未成年人信息 保密"
TITLE = "社会调查报告"
NO_DISSENT = "调查人员意见一致，没有不同意见。"
# SI-R03: a reference for handling the case and for education, no more.
CLOSING = "本报告作为办理案件和教育未成年人的参考。报告内容涉及未成年人隐私，知悉人员应当依法保密，不得用于其他用途。"


@dataclass(frozen=True, slots=True)
class Officer:
    """Who signs; `name` is printed when it is known, else the officer id."""

    officer: str
    name: str = ""
    licence_no: str = ""
    signed_on: date | None = None

    @property
    def printed(self) -> str:
        """What stands on the paper for the officer."""
        return self.name or self.officer


@dataclass(frozen=True, slots=True)
class Issue:
    """What the report itself does not say: who issues it, to whom and on which recorded day."""

    organ_name: str
    provider_name: str
    issued_on: date
    investigators: tuple[Officer, ...]
    supervisor: Officer


@dataclass(frozen=True, slots=True)
class Annex:
    """One annex: its number, its title, and where it is known the SHA-256 that proves it, in hexadecimal."""

    number: int
    text: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """A line to sign: the part, the person, and a remark such as the licence number or the day of signing."""

    part: str
    person: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """Everything that is printed, in order; the last section is the signature block."""

    marking: str
    title: str
    report_no: str
    addressee: str
    header: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    annex_heading: str
    annexes: tuple[Annex, ...]
    closing_heading: str
    closing: str
    signatures: tuple[SignatureLine, ...]
    seal: str
    issued_on: date
    issued_text: str


def build(
    report: forms.Report,
    letter: forms.CommissionLetter,
    issue: Issue,
    contacts: Sequence[forms.Contact],
    documents: Sequence[forms.ObtainedDocument] = (),
    consents: Sequence[events.ConsentRecorded] = (),
    visits: frozenset[str] = frozenset(),
) -> Document:
    """The document of a report. Contacts and documents keep the order given: it numbers them.

    `visits` holds the ids of the contacts that were visits and no interviews.
    """
    sources = Sources(contacts, documents, report.attachments, visits)
    sections = [_section(number, section, report, sources) for number, section in enumerate(SECTION_FIELDS)]
    return Document(
        marking=MARKING,
        title=TITLE,
        report_no=report.report_no,
        addressee=issue.organ_name,
        header=_header(report, letter, issue, contacts),
        sections=(*sections, _dissent(report, issue)),
        annex_heading=f"{NUMERALS[13]}、附件",
        annexes=_annexes(report, contacts, documents, consents, visits),
        closing_heading=f"{NUMERALS[14]}、签名盖章",
        closing=CLOSING,
        signatures=_signatures(issue),
        seal=issue.provider_name,
        issued_on=issue.issued_on,
        issued_text=chinese_date(issue.issued_on),
    )


def _header(
    report: forms.Report, letter: forms.CommissionLetter, issue: Issue, contacts: Sequence[forms.Contact]
) -> tuple[tuple[str, str], ...]:
    rows = [
        ("委托机关", issue.organ_name),
        ("委托函编号", letter.commission_no),
        ("委托日期", chinese_date(to_date(letter.issued_on))),
        ("案号", letter.case_number_raw),
        ("案由", letter.case_cause),
        ("办案阶段", label(referral_events_pb2.DESCRIPTOR, "CaseStage", letter.case_stage)),
        ("未成年人", report.basic_facts.name),
        ("受托机构", issue.provider_name),
        *(("调查人员", _with_licence(officer)) for officer in issue.investigators),
        ("督导", _with_licence(issue.supervisor)),
        ("调查方法", "、".join(report.methods)),
        ("访谈走访", f"共{len(contacts)}次{_contact_span(contacts)}"),
        ("未访谈本人原因", _reason(report.no_contact_reason_minor)),
        ("未访谈照料人原因", _reason(report.no_contact_reason_carer)),
        ("出具日期", chinese_date(issue.issued_on)),
    ]
    return tuple((name, one_line(text)) for name, text in rows if text)


def _contact_span(contacts: Sequence[forms.Contact]) -> str:
    days = sorted(to_datetime(contact.started_at).astimezone(CHINA_STANDARD_TIME).date() for contact in contacts)
    if not days:
        return ""
    if days[0] == days[-1]:
        return f"（{chinese_date(days[0])}）"
    return f"（{chinese_date(days[0])}至{chinese_date(days[-1])}）"


def _with_licence(officer: Officer) -> str:
    return f"{officer.printed}（执业证号{officer.licence_no}）" if officer.licence_no else officer.printed


def _reason(code: str) -> str:
    return NO_CONTACT_REASONS.get(code, code)


def _section(number: int, section: int, report: forms.Report, sources: Sources) -> Section:
    field, labels = SECTION_FIELDS[section]
    content = getattr(report, field)
    reasons = [omitted.reason for omitted in report.omitted if omitted.section == section]
    tables: tuple[Table, ...] = (family_table(content),) if field == "family" and content.members else ()
    return Section(
        heading=f"{NUMERALS[number]}、{section_title(section)}",
        items=items(content, labels),
        tables=tables,
        omitted="；".join(text for reason in reasons for text in paragraphs(reason)),
        source=sources.line([source for source in report.sources if source.section == section]),
    )


def _dissent(report: forms.Report, issue: Issue) -> Section:
    names = {officer.officer: officer.printed for officer in (*issue.investigators, issue.supervisor)}
    views = tuple(
        (f"{names.get(dissent.officer, dissent.officer)}的意见", paragraphs(dissent.opinion)) for dissent in report.dissents
    )
    return Section(heading=f"{NUMERALS[12]}、不同意见", items=views, statement="" if views else NO_DISSENT)


def _annexes(
    report: forms.Report,
    contacts: Sequence[forms.Contact],
    documents: Sequence[forms.ObtainedDocument],
    consents: Sequence[events.ConsentRecorded],
    visits: frozenset[str],
) -> tuple[Annex, ...]:
    rows: list[tuple[str, str]] = []
    for number, contact in enumerate(contacts, start=1):
        name = numbered(number, contact, visits)
        rows.append((f"{name}{'记录' if contact.contact_id in visits else '调查笔录'}（{_contact_record(contact)}）", ""))
        rows += [(f"{name}附件：{paper.title}", paper.sha256.hex()) for paper in contact.attachments]
    rows += [(_consent_record(consent), "") for consent in consents]
    rows += [(f"{paper.title}（{paper.source}提供）", paper.sha256.hex()) for paper in documents]
    known = {paper.document_id for paper in documents}
    rows += [(paper.title, paper.sha256.hex()) for paper in report.attachments if paper.document_id not in known]
    return tuple(Annex(number, " ".join(paragraphs(text)), sha256) for number, (text, sha256) in enumerate(rows, start=1))


def _consent_record(consent: events.ConsentRecorded) -> str:
    given = "撤回同意" if consent.withdrawn else "同意"
    by, scope = term("Applicant", consent.by, events.DESCRIPTOR), term("ConsentScope", consent.scope, events.DESCRIPTOR)
    return f"{by}{given}{scope}的记录（{chinese_date(to_date(consent.on))}）"


def _contact_record(contact: forms.Contact) -> str:
    began = to_datetime(contact.started_at).astimezone(CHINA_STANDARD_TIME)
    ended = to_datetime(contact.ended_at).astimezone(CHINA_STANDARD_TIME)
    # An interview past midnight ends on another day, which a bare time would hide.
    until = f"{ended:%H:%M}" if ended.date() == began.date() else f"{chinese_date(ended.date())}{ended:%H:%M}"
    person = f"{term('InterviewPerson', contact.person)}{contact.person_name}"
    signature = term("SignatureState", contact.signature)
    if contact.signature_reason:
        signature = f"{signature}，{contact.signature_reason}"
    when = f"{chinese_date(began.date())}{began:%H:%M}至{until}"
    return "，".join(filter(None, (when, contact.place, person, signature)))


def _signatures(issue: Issue) -> tuple[SignatureLine, ...]:
    parts = [("调查人员", officer) for officer in issue.investigators] + [("督导", issue.supervisor)]
    return tuple(SignatureLine(part, officer.printed, _signed(officer)) for part, officer in parts)


def _signed(officer: Officer) -> str:
    return f"{chinese_date(officer.signed_on)}签名" if officer.signed_on else ""
