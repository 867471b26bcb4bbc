"""A synthetic report with every section filled; nobody in it exists."""

from datetime import UTC, date, datetime, timedelta

from guanhu.intake.v1 import person_events_pb2, referral_events_pb2
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.types.v1 import types_pb2
from services.kernel.dates import from_datetime
from services.social_investigation.report.document import Issue, Officer
from services.social_investigation.report.labels import SECTION_FIELDS

MINOR = "王玥祎"
SUBJECT = "5b0e1d9e-5a0e-4ad6-8f0c-000000000001"
LONG = (
    "该未成年人幼年随祖父母在乡镇生活，父母常年外出务工，每年仅春节返乡，祖孙之间沟通有限，遇到困难时多自行处理。"
    "升入初中后转入县城寄宿，与同学相处总体平和，但在学业受挫后逐渐沉迷网络，作息不规律，曾有夜不归宿的情况。"
    "经教师多次家访和社工陪伴，近期已恢复规律作息，能够主动说明自己的想法，对自身行为给他人造成的损害有较为清楚的认识。"
)


def day(year: int, month: int, number: int) -> types_pb2.Date:
    return types_pb2.Date(year=year, month=month, day=number)


def contact(number: int, person: int, name: str, relation: str = "") -> forms.Contact:
    began = datetime(2026, 3, number, 1, 30, tzinfo=UTC)
    return forms.Contact(
        contact_id=f"00000000-0000-4000-8000-00000000000{number}",
        subject_id=SUBJECT,
        started_at=from_datetime(began),
        ended_at=from_datetime(began + timedelta(minutes=70)),
        place="试验县青少年社会工作服务站谈话室",
        interviewers=["officer-1", "officer-2"],
        person=person,  # type: ignore[arg-type]
        person_name=name,
        relation=relation,
        signature=forms.SIGNATURE_STATE_SIGNED,
    )


CONTACTS = (
    contact(2, forms.INTERVIEW_PERSON_MINOR, MINOR),
    contact(3, forms.INTERVIEW_PERSON_LEGAL_REPRESENTATIVE, "王某甲", "父亲"),
    contact(5, forms.INTERVIEW_PERSON_TEACHER, "李某乙", "班主任"),
)
SCHOOL_RECORD = forms.ObtainedDocument(
    document_id="00000000-0000-4000-8000-0000000000d1",
    subject_id=SUBJECT,
    title="学籍证明",
    source="试验县第三中学",
    sha256=bytes(range(32)),
    obtained_on=day(2026, 3, 6),
)
LETTER = forms.CommissionLetter(
    commission_no="试检未委〔2026〕7号",
    organ_uscc="11000000000000000A",
    provider_uscc="52000000000000000B",
    case_stage=referral_events_pb2.CASE_STAGE_PROSECUTION_REVIEW,
    case_number_raw="试检刑诉受〔2026〕21号",
    case_cause="盗窃",
    subject_id=SUBJECT,
    subject_sex=person_events_pb2.SEX_FEMALE,
    birth_date=day(2009, 5, 17),
    issued_on=day(2026, 2, 27),
)
ISSUE = Issue(
    organ_name="试验县人民检察院",
    provider_name="试验县青禾社会工作服务中心",
    issued_on=date(2026, 3, 13),
    investigators=(
        Officer("officer-1", "赵某丙", "SW2020000001", date(2026, 3, 12)),
        Officer("officer-2", "钱某丁", "SW2020000002", date(2026, 3, 12)),
    ),
    supervisor=Officer("officer-3", "孙某戊", "SW2015000003"),
)


def full_report() -> forms.Report:
    """Every field of every section is filled, so that a field that is not printed shows as a missing text."""
    report = forms.Report(
        report_no="青禾社调〔2026〕15号",
        subject_id=SUBJECT,
        methods=["访谈", "走访", "查阅资料"],
        dissents=[forms.Dissent(officer="officer-2", opinion="认为考察期限以八个月为宜。")],
        attachments=[forms.Attachment(document_id="a1", title="监护人知情同意书", sha256=bytes(32))],
    )
    for section, (field, labels) in SECTION_FIELDS.items():
        content = getattr(report, field)
        for name, label in labels:
            _fill(content, name, f"{label}的内容。{LONG if name in LONG_FIELDS else ''}")
        report.sources.add(
            section=section,
            contact_ids=[CONTACTS[section % 3].contact_id, CONTACTS[0].contact_id],
            document_ids=[SCHOOL_RECORD.document_id],
        )
    report.basic_facts.name = MINOR
    report.basic_facts.sex = "女"
    return report


LONG_FIELDS = frozenset({"narrative", "guardian_capacity", "teacher_view", "peers", "individual", "after", "plan", "education"})


def _fill(content: object, name: str, text: str) -> None:
    match content, name:
        case forms.BasicFacts(), "birth_date":
            content.birth_date.CopyFrom(day(2009, 5, 17))
        case forms.Growth(), "milestones":
            content.milestones.add(age_years=6, event="入读乡镇小学，由祖父母照料。")
            content.milestones.add(age_years=12, event="转入县城初中寄宿。")
        case forms.Family(), "members":
            content.members.add(relation="父亲", age_years=42, occupation="外出务工", health="良好", record="无")
            content.members.add(relation="祖母", age_years=68, occupation="务农", health="患高血压，行动自如")
        case forms.Personality(), "test":
            test = forms.PsychologicalTest(
                instrument="症状自评量表 1.0", tested_on=day(2026, 3, 4), examiner="周某", result="未见异常"
            )
            content.test.CopyFrom(test)
        case forms.RiskAssessment(), "items":
            content.items.extend(["既往违法：0分", "同伴影响：2分", "监护状况：5分"])
        case forms.RiskAssessment(), "score":
            content.score = 7
        case forms.RiskAssessment(), "band":
            content.band = forms.RISK_BAND_LOW
        case _:
            setattr(content, name, text)
