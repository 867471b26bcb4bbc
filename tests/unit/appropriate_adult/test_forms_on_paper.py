"""F3, F4 and F5 as PDF/A and DOCX: complete, literal, the same bytes each time, and refused where something is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import form_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.appropriate_adult.paper import BUILT
from services.appropriate_adult.papers import attendance, rights
from services.appropriate_adult.papers.gathered import Gathered
from services.appropriate_adult.papers.terms import article, chinese_number
from services.appropriate_adult.session import EVERY_LINE
from services.kernel.errors import IllegalState
from services.kernel.personal import Opened
from services.paper.form import docx, pdf
from services.paper.glyphs import MissingGlyph
from tests.unit.appropriate_adult import builders as by
from tests.unit.appropriate_adult.form_fixture import HOME, LONG, MINOR, NAME, ORGAN, gathered, source_of, told
from tests.unit.gwt import Story
from tests.unit.paper.reading import conformance, docx_text, pages_of, pdf_text, squeezed

NOTICE, RIGHTS, ATTENDANCE, OBSERVATIONS = (number for number in events.FormKind.values() if number)
RECORDED = told()
OBSERVED = "起初紧张，改用彝语后放松。"
# What each form says, by the fields of domain/04 §4.5.
SAID: dict[int, Sequence[str]] = {
    NOTICE: (
        "未成年人信息保密",
        "合适成年人到场通知书",
        "公未通〔2026〕3号",
        ORGAN,
        MINOR,
        "证人",
        NAME,
        by.ADULT,
        HOME,
        "000-0000000",
        "《中华人民共和国刑事诉讼法》第二百八十一条",
        "询问",
        "试验县公安局执法办案中心一楼询问室",
        "2026年3月9日10时00分",
        "李警官000-1111111",
        "2026年3月9日8时50分",
        "送达回执",
        "已确认收到",
        "收到时间",
        "一份附卷",
    ),
    RIGHTS: (
        "合适成年人权利义务告知书",
        *rights.RIGHTS.values(),
        *rights.DUTIES.values(),
        "《中华人民共和国未成年人保护法》第一百一十条",
        "2026年3月9日9时55分签名",
        "告知人",
        f"{ORGAN}（盖章）",
    ),
    ATTENDANCE: (
        "到场情况记录",
        "00000000-001",
        ORGAN,
        "试验县公安局执法办案中心一楼询问室",
        "2026-03-09-017",
        "police某",
        "policewoman某",
        "吉某",
        "3月9日09:50",
        "3月9日11:20",
        "63分钟，其中有适格成年人在场60分钟",
        "饮食",
        "处理意见",
        "2026年3月9日9时55分，向合适成年人王玥祎告知权利义务",
        "情绪平稳",
        "翻译人员：在场",
        LONG,
        "采纳。已改为逐句提问，并由翻译人员用彝语重述。",
        "核对方式：宣读",
        "要求更正：时间写错处理：已更正",
        "签名并捺印",
        "拒绝签名，理由：认为记录不全",
        "可补正",
    ),
    OBSERVATIONS: ("合适成年人观察记录", OBSERVED, "离开时情绪平稳。", "不入案卷", f"{HOME}（盖章）"),
}


@dataclass(frozen=True)
class Printed:
    """Both prints of a form."""

    pdf: bytes
    docx: bytes


def made(kind: int, recorded: Sequence[Any] = RECORDED, **changes: Any) -> Printed:
    form = BUILT[kind](gathered(kind, recorded, **changes))
    return Printed(pdf(form), docx(form))


@pytest.fixture(scope="module")
def papers() -> dict[int, Printed]:
    return {kind: made(kind) for kind in SAID}


def changed(kind: type, **fields: Any) -> list[Any]:
    """The recorded events, with other fields in those of a kind."""
    events_ = told()
    for event in events_:
        if isinstance(event, kind):
            for name, value in fields.items():
                setattr(event, name, value)
    return events_


@pytest.mark.parametrize("kind", SAID)
def test_every_field_of_the_form_is_printed(papers: dict[int, Printed], kind: int) -> None:
    text, word = pdf_text(papers[kind].pdf), docx_text(papers[kind].docx)
    for said in map(squeezed, SAID[kind]):
        # Page numbers stand inside what goes over a page in the PDF, so the beginning is looked for.
        assert said[:18] in text
        assert said in word


@pytest.mark.parametrize("kind", SAID)
def test_the_same_form_is_the_same_bytes(papers: dict[int, Printed], kind: int) -> None:
    assert made(kind) == papers[kind]


@pytest.mark.parametrize("kind", SAID)
def test_every_form_says_that_it_is_pdf_a(papers: dict[int, Printed], kind: int) -> None:
    assert "<pdfaid:part>3</pdfaid:part>" in conformance(papers[kind].pdf)
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in conformance(papers[kind].pdf)


@pytest.mark.parametrize("kind", SAID)
def test_what_happens_after_the_certified_event_changes_no_form(papers: dict[int, Printed], kind: int) -> None:
    excluded = assignments.SessionEvidenceExcluded(session_id=by.SESSION, subject_id=by.MINOR, grounds="程序违法")
    moved = assignments.AssignmentContinuedAtNextStage(to_uscc=by.PROC)
    assert made(kind, [*RECORDED, excluded, moved]) == papers[kind]


def test_the_adults_observations_stand_on_no_paper_of_the_file(papers: dict[int, Printed]) -> None:
    for kind in (NOTICE, RIGHTS, ATTENDANCE):
        assert squeezed(OBSERVED) not in pdf_text(papers[kind].pdf)
        assert squeezed(OBSERVED) not in docx_text(papers[kind].docx)


def test_the_minors_full_name_and_family_stand_on_no_form() -> None:
    # The service knows neither: a form of address comes from the organ, and why the parents do not come is the organ's alone.
    for kind in SAID:
        assert "在外省务工" not in pdf_text(made(kind).pdf)


def test_a_notice_and_its_seal_stand_on_one_page(papers: dict[int, Printed]) -> None:
    first, slip = pages_of(papers[NOTICE].pdf)
    assert f"{ORGAN}（盖章）" in first
    assert "送达回执" in slip


def test_no_seal_stands_on_a_page_without_text() -> None:
    for filler in range(0, 700, 70):
        for kind, field in ((NOTICE, "contact_officer"), (ATTENDANCE, "minors_state")):
            recorded = told()
            for event in recorded:
                holder = event.notice if isinstance(event, assignments.AttendanceNoticeServed) else event
                if hasattr(holder, field):
                    setattr(holder, field, "调" * filler)
            sealed = [page for page in pages_of(made(kind, recorded).pdf) if "（盖章）" in page]
            assert any(text in sealed[0] for text in ("请携带本人身份证件", attendance.MADE))


def test_what_was_not_filled_is_a_dash_and_what_was_not_done_is_said() -> None:
    recorded = [e for e in RECORDED if not isinstance(e, assignments.ObjectionRaised | assignments.StageRanWithoutAdult)]
    text = pdf_text(made(ATTENDANCE, recorded).pdf)
    assert "五、当场提出的意见及处理无。" in text
    assert "七、无适格成年人在场的时段无。" in text
    bare = told()
    for event in bare:
        if isinstance(event, assignments.AttendanceNoticeServed):
            event.notice.ClearField("contact_officer")
    assert "办案联系人—" in pdf_text(made(NOTICE, bare, adults=[events.PrintedAdult(adult_id=by.ADULT)]).pdf)


def test_a_record_without_recording_corrections_or_names_says_so() -> None:
    recorded = changed(assignments.SessionStarted, recording_no="")
    for event in recorded:
        if isinstance(event, assignments.RecordRead):
            event.ClearField("corrections")
    text = pdf_text(made(ATTENDANCE, recorded, officers=[]).pdf)
    for said in ("未同步录音录像", "没有提出更正。", "女性工作人员policewoman"):
        assert said in text


def test_over_the_frame_of_the_law_is_printed() -> None:
    recorded = changed(assignments.SessionEnded, over_frame=True)
    for event in recorded:
        if isinstance(event, assignments.SessionStarted):
            event.frame = assignments.SESSION_FRAME_SUMMONS_12H
    assert "传唤12小时，已超过" in pdf_text(made(ATTENDANCE, recorded).pdf)


def _at_home() -> list[Any]:
    """A session that the father attends, in an administrative case; nobody asked for an adult."""
    recorded: list[Any] = []
    story = Story.of(by.opened().decider, by.opened().facts)
    role, representative = assignments.MINOR_ROLE_ADMIN_OFFENDER, assignments.ATTENDEE_PART_LEGAL_REPRESENTATIVE
    purpose = forms.ATTENDANCE_PURPOSE_INQUIRY
    schedule = by.command(api.ScheduleSessionRequest, session=by.plan(purpose=purpose), place="试验县公安局")
    for command, at in (
        (by.need(role=role), "08:00"),
        (by.notify(), "08:05"),
        (by.rep_outcome(assignments.LEGAL_REP_OUTCOME_ATTENDING), "08:10"),
        (schedule, "08:20"),
        (by.arrive(representative, by.FATHER, name="阿某甲"), "09:50"),
        (by.inform(by.FATHER), "09:55"),
        (by.start(), "10:00"),
        (by.end(), "10:30"),
        (by.read(), "10:40"),
        (by.sign(assignments.SIGNER_MINOR, assignments.SIGNER_LEGAL_REPRESENTATIVE), "10:50"),
        (by.in_session(api.CloseSessionRequest), "10:55"),
    ):
        done = story.when(command, by.at(at))
        recorded += done
        story = story.given(*done)
    return recorded


def test_a_legal_representative_is_told_as_such() -> None:
    text = pdf_text(made(RIGHTS, _at_home()).pdf)
    for said in (
        "法定代理人权利义务告知书",
        "阿某甲",
        "《中华人民共和国治安管理处罚法》第九十八条",
        "诉讼地位违反治安管理行为人",
    ):
        assert said in text
    assert rights.NO_REPRESENTATIVE not in text


def test_a_session_of_the_legal_representative_has_its_record() -> None:
    text = pdf_text(made(ATTENDANCE, _at_home()).pdf)
    for said in ("法定代理人阿某甲3月9日09:503月9日10:55", "翻译人员：未到场", "未成年人—3月9日10:50签名并捺印"):
        assert said in text


def test_every_line_that_can_be_told_has_its_words() -> None:
    assert set(rights.RIGHTS) | set(rights.DUTIES) == EVERY_LINE
    assert not set(rights.RIGHTS) & set(rights.DUTIES)


def test_markup_in_a_field_is_printed_and_never_read() -> None:
    recorded = changed(assignments.SessionEnded, minors_state='#panic("x") *粗* $a$ <b> #read("/etc/passwd")')
    assert squeezed('#panic("x")*粗*$a$<b>') in pdf_text(made(ATTENDANCE, recorded).pdf)


def test_a_character_without_glyph_is_refused_by_its_number_alone() -> None:
    adults = [events.PrintedAdult(adult_id=by.ADULT, name=f"{NAME}\U0001f600")]
    with pytest.raises(MissingGlyph) as refused:
        made(NOTICE, adults=adults)
    assert str(refused.value) == "no glyph for U+1F600"


def test_a_form_whose_key_is_gone_is_refused() -> None:
    source = source_of(ATTENDANCE, RECORDED)
    opened = [Opened(event, ()) for event in RECORDED[: source.version]]
    found = gathered(ATTENDANCE)
    for number, withheld in enumerate(RECORDED[: source.version]):
        if isinstance(withheld, assignments.ObjectionRaised):
            broken = [*opened[:number], Opened(withheld, ("statement",)), *opened[number + 1 :]]
            with pytest.raises(IllegalState) as refused:
                BUILT[ATTENDANCE](Gathered(found.issued, broken))
            assert refused.value.reason == "CONTENT_WITHHELD"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "一"),
        (10, "十"),
        (18, "十八"),
        (98, "九十八"),
        (101, "一百零一"),
        (110, "一百一十"),
        (281, "二百八十一"),
        (1005, "一千零五"),
    ],
)
def test_a_number_is_written_in_chinese(number: int, said: str) -> None:
    assert chinese_number(number) == said


def test_an_article_that_is_not_known_stays_as_it_was_written() -> None:
    assert article("CPL Art. 281") == "《中华人民共和国刑事诉讼法》第二百八十一条"
    assert article("《某省条例》第三条") == "《某省条例》第三条"
