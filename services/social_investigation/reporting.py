"""The report: drafted with provenance, reviewed by four eyes, handed in signed and sealed, issued.

Law: SI-R03, SI-R09, SI-R18, SI-R19; sections of form F2 (domain/03 §3.5).
"""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message

from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.dates import to_date
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.social_investigation import clocks, rules
from services.social_investigation.fieldwork import both_consented_to_test
from services.social_investigation.state import State

# Section of F2 to the field that holds it.
SECTIONS: dict[int, str] = {
    forms.REPORT_SECTION_BASIC_FACTS: "basic_facts",
    forms.REPORT_SECTION_GROWTH: "growth",
    forms.REPORT_SECTION_FAMILY: "family",
    forms.REPORT_SECTION_SCHOOL_OR_WORK: "school_or_work",
    forms.REPORT_SECTION_SOCIAL_CONTACTS: "social_contacts",
    forms.REPORT_SECTION_PERSONALITY: "personality",
    forms.REPORT_SECTION_CAUSES: "causes",
    forms.REPORT_SECTION_CONDUCT: "conduct",
    forms.REPORT_SECTION_GUARDIANSHIP: "guardianship",
    forms.REPORT_SECTION_SUPPORT: "support",
    forms.REPORT_SECTION_RISK: "risk",
    forms.REPORT_SECTION_RECOMMENDATION: "recommendation",
}
# Why minor or carer were not seen (F2): codes, because the report prints their official wording.
_NO_CONTACT = {
    "no_contact_reason_minor": frozenset({"ABSCONDED", "REFUSED", "UNREACHABLE", "IDENTITY_UNKNOWN"}),
    "no_contact_reason_carer": frozenset({"NONE_KNOWN", "REFUSED", "UNREACHABLE"}),
}
_CARERS = frozenset({forms.INTERVIEW_PERSON_LEGAL_REPRESENTATIVE, forms.INTERVIEW_PERSON_CARER})


def submit_draft(command: api.SubmitDraftRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#11. Every section is filled and rests on sources, or says why not."""
    rules.in_status(state, api.INVESTIGATION_STATUS_IN_PROGRESS, api.INVESTIGATION_STATUS_RETURNED)
    rules.by_investigator(state, act)
    if state.barred or state.recusals:
        # Once a draft is with the supervisor nobody can be replaced any more.
        raise IllegalState("RECUSAL_PENDING", "a recusal is undecided, or who was recused is not replaced yet", rule="SI-R17")
    report = command.report
    violations = [*_subject(report, state), *_sections(report), *_sources(report, state), *_contacts(report, state)]
    violations += [
        Violation(f"report.dissents[{number}].officer", "is no investigator of this report (SI-R18)")
        for number, dissent in enumerate(report.dissents)
        if dissent.officer not in state.officers
    ]
    if report.HasField("risk") and not report.risk.limits:
        violations.append(Violation("report.risk.limits", "says what the assessment cannot tell (SI-R19)"))
    if violations:
        raise Invalid(*violations)
    if report.personality.HasField("test") and not both_consented_to_test(state):
        raise IllegalState("CONSENT_MISSING", "a test result needs both consents", rule="SI-R09")
    drafted = events.ReportDrafted(
        draft_no=state.draft_no + 1,
        author=act.officer,
        report=report,
        rules=[rules.result("SI-R03", act.on, "satisfied"), rules.result("SI-R18", act.on, "satisfied")],
    )
    return [drafted]


def approve(_: api.ApproveDraftRequest, state: State, act: Act, __: Facts) -> Sequence[Message]:
    """#12. Law: SI-R19 (supervision), four eyes."""
    _by_supervisor(state, act)
    return [events.ReportApprovedBySupervisor(supervisor=act.officer, draft_no=state.draft_no)]


def return_draft(command: api.ReturnDraftRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#12. Law: SI-R19."""
    _by_supervisor(state, act)
    returned = events.ReportReturnedBySupervisor(
        supervisor=act.officer, draft_no=state.draft_no, subject_id=state.subject_id, remarks=command.remarks
    )
    return [returned]


def submit_report(command: api.SubmitReportRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#13. Signed by every investigator and sealed; the service adds the hash of what is handed in."""
    rules.in_status(state, api.INVESTIGATION_STATUS_UNDER_SUPERVISION)
    rules.by_provider(state, act)
    rules.not_frozen(state)
    signed = {signature.officer for signature in command.signatures}
    if not state.officers <= signed:
        raise IllegalState("SIGNATURE_MISSING", "every investigator signs the report", rule="SI-R18")
    violations = []
    if signed - state.officers or len(signed) != len(command.signatures):
        violations.append(Violation("signatures", "hold one signature of each investigator and no other"))
    for number, signature in enumerate(command.signatures):
        if (on := to_date(signature.signed_on)) and on > act.on:
            violations.append(Violation(f"signatures[{number}].signed_on", "lies in the future"))
    if not command.stamped:
        violations.append(Violation("stamped", "the report bears the provider's seal"))
    if violations:
        raise Invalid(*violations)
    assert state.report_due_on is not None
    submitted = events.ReportSubmitted(
        report_no=state.report_no,
        draft_no=state.draft_no,
        signatures=command.signatures,
        stamped=True,
        late=act.on > state.report_due_on,
    )
    return [submitted, *clocks.met(state, clocks.DUE_RULES, act.occurred_at, events.ReportSubmitted)]


def check_issue(state: State, act: Act) -> None:
    """Raises IllegalState unless the report was handed in as it stands and its use is not frozen."""
    rules.not_ended(state)
    rules.by_provider(state, act)
    if not state.submitted or state.submitted_draft != state.draft_no:
        raise IllegalState("REPORT_NOT_SUBMITTED", "only a report that was handed in is issued")
    rules.not_frozen(state)


def issue_report(state: State, act: Act, pdf_sha256: bytes, docx_sha256: bytes) -> Sequence[Message]:
    """The report issued as documents; issued again alike it is not recorded again.

    Raises:
        IllegalState: nothing was handed in, the report is frozen, or the documents differ from those issued before.
    """
    check_issue(state, act)
    issued = (state.submitted_draft, pdf_sha256, docx_sha256)
    if state.issued == issued:
        return []
    if state.issued is not None and state.issued[0] == state.submitted_draft:
        raise IllegalState("REPORT_DIFFERS", "the documents differ from those issued before")
    return [
        events.ReportIssued(
            report_no=state.report_no,
            draft_no=state.submitted_draft,
            pdf_sha256=pdf_sha256,
            docx_sha256=docx_sha256,
        )
    ]


def _by_supervisor(state: State, act: Act) -> None:
    rules.in_status(state, api.INVESTIGATION_STATUS_DRAFTED)
    rules.by_provider(state, act)
    if act.officer != state.supervisor or act.officer == state.author:
        raise IllegalState("FOUR_EYES", "the assigned supervisor reviews the draft, never its author", rule="SI-R19")


def _subject(report: forms.Report, state: State) -> list[Violation]:
    if report.subject_id == state.subject_id:
        return []
    return [Violation("report.subject_id", "is not the subject of the investigation")]


def _sections(report: Any) -> list[Violation]:
    violations = []
    omitted = {section.section for section in report.omitted}
    for section, name in SECTIONS.items():
        filled = report.HasField(name) and bool(getattr(report, name).ListFields())
        if filled and section in omitted:
            violations.append(Violation(f"report.{name}", "is filled and said to be omitted"))
        elif not filled and section not in omitted:
            violations.append(Violation(f"report.{name}", "is required, or its omission is explained (F2)"))
    return violations


def _sources(report: Any, state: State) -> list[Violation]:
    violations = []
    sourced = set()
    for number, source in enumerate(report.sources):
        path = f"report.sources[{number}]"
        if unknown := set(source.contact_ids) - set(state.contacts):
            violations.append(Violation(f"{path}.contact_ids", f"{len(unknown)} of them are no recorded contacts"))
        if unknown := set(source.document_ids) - state.documents:
            violations.append(Violation(f"{path}.document_ids", f"{len(unknown)} of them are no recorded documents"))
        if source.contact_ids or source.document_ids or source.explanation:
            sourced.add(source.section)
    for section, name in SECTIONS.items():
        if report.HasField(name) and section not in sourced:
            violations.append(Violation(f"report.{name}", "names neither a contact, a document nor an explanation"))
    return violations


def _contacts(report: Any, state: State) -> list[Violation]:
    persons = set(state.contacts.values())
    violations = [
        Violation(f"report.{name}", f"is one of {', '.join(sorted(codes))}")
        for name, codes in _NO_CONTACT.items()
        if (code := getattr(report, name)) and code not in codes
    ]
    if forms.INTERVIEW_PERSON_MINOR not in persons and not report.no_contact_reason_minor:
        violations.append(Violation("report.no_contact_reason_minor", "says why the minor was not seen"))
    if not persons & _CARERS and not report.no_contact_reason_carer:
        violations.append(Violation("report.no_contact_reason_carer", "says why no carer was seen"))
    return violations
