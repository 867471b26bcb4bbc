"""F4 权利义务告知书: the lines that were told, in full sentences."""

from collections.abc import Iterable, Mapping
from typing import Final

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.appropriate_adult.papers.gathered import Gathered
from services.appropriate_adult.papers.terms import NOTHING, article, term
from services.kernel.dates import to_datetime
from services.paper.form import Block, Closing, Facts, Form, Heading, Line, Paragraph, Points
from services.paper.wording import chinese_date, chinese_time, day_of, one_line

# Every line of F4 as it is read to the person, in the order of the form (domain/04 §4.5; AA-R05, AA-R06).
RIGHTS: Final[dict[int, str]] = {
    forms.RIGHT_OR_DUTY_KNOW_OWN_RIGHTS: "了解自己在本次到场中享有的权利和承担的义务。",
    forms.RIGHT_OR_DUTY_KNOW_CASE_FACTS: "向办案人员了解履行到场职责所必需的基本案情。",
    forms.RIGHT_OR_DUTY_ATTEND: "在讯问、询问、开庭、宣判或者签署具结书时在场。",
    forms.RIGHT_OR_DUTY_MEET_MINOR: "有办案人员在场的情况下，与未成年人见面、交谈，了解其身心状况。",
    forms.RIGHT_OR_DUTY_OBJECT: "监督办案活动，认为有诱导、威胁等侵犯未成年人合法权益情形的，当场提出意见，并要求记录在案。",
    forms.RIGHT_OR_DUTY_READ_RECORD: "阅读笔录或者听取宣读笔录，认为记载有遗漏或者差错的，要求补充或者更正。",
    forms.RIGHT_OR_DUTY_REIMBURSEMENT: "申请补偿因到场支出的交通等必要费用。",
}
DUTIES: Final[dict[int, str]] = {
    forms.RIGHT_OR_DUTY_BRING_IDENTITY: "到场时出示身份证件和有关证明。",
    forms.RIGHT_OR_DUTY_KEEP_SECRET: "对知悉的案情和未成年人的个人信息保密。",
    forms.RIGHT_OR_DUTY_NO_LEADING: "不得诱导、暗示未成年人，不得代替未成年人回答。",
    forms.RIGHT_OR_DUTY_NO_DISTURBING: "不得干扰办案活动的正常进行。",
    forms.RIGHT_OR_DUTY_NO_CONTACT: "不得就案情与他人联系。",
    forms.RIGHT_OR_DUTY_SIGN: "在笔录和有关文书上签名。",
}
# AA-R05: who is not the legal representative does not act for the minor.
NO_REPRESENTATIVE = "合适成年人不是法定代理人的，不代为行使未成年人的其他诉讼权利。"
KNOWN = "以上权利和义务已向我告知，我已经知悉。"


def build(gathered: Gathered) -> Form:
    """The form of rights and duties that were told."""
    told, issued = gathered.certified, gathered.issued
    at, name = to_datetime(told.at), gathered.name_of(told.attendee_id)
    part = gathered.part_of(told.attendee_id)
    is_adult, called = part == events.ATTENDEE_PART_APPROPRIATE_ADULT, term("AttendeePart", part)
    plan = gathered.plan
    purpose = term("AttendancePurpose", plan.session.purpose if plan else 0)
    title = f"{called}权利义务告知书"
    rows = (
        ("未成年人", gathered.minor_reference),
        ("诉讼地位", term("MinorRole", gathered.role)),
        ("到场事由", purpose),
        ("告知时间", chinese_time(at)),
        ("告知地点", (one_line(plan.place) if plan else "") or NOTHING),
    )
    blocks: tuple[Block, ...] = (
        Facts(rows),
        Paragraph(f"你作为{called}到场。根据{_laws(gathered.role)}的规定，现将你的权利和义务告知如下："),
        Heading("一、权利"),
        Points(_lines(RIGHTS, told.told)),
        Heading("二、义务"),
        Points(_lines(DUTIES, told.told)),
        *([Paragraph(NO_REPRESENTATIVE)] if is_adult else []),
        Closing(
            KNOWN,
            (Line("被告知人", name, f"{chinese_time(at)}签名"), Line("告知人")),
            issued.organ_name,
            chinese_date(day_of(at)),
        ),
    )
    return Form(issued.organ_name, title, "", name, issued.organ_name, day_of(at), blocks)


def _laws(role: int) -> str:
    # AA-R13 for the administrative case, AA-R01 to AA-R04 for all others.
    if role == events.MINOR_ROLE_ADMIN_OFFENDER:
        return article("Public Security Penalties Law Art. 98")
    return article("CPL Art. 281、Minors Protection Law Art. 110")


def _lines(texts: Mapping[int, str], told: Iterable[int]) -> tuple[str, ...]:
    said = frozenset(told)
    return tuple(text for number, text in texts.items() if number in said)
