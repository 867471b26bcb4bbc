"""F5 到场情况记录: who was in the room from when to when, what was told, objected, corrected and signed.

The adult's own observations are no part of it: they go to the adult's organisation, on a sheet of its own.
"""

from datetime import datetime
from typing import Any

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.papers import record
from services.appropriate_adult.papers.gathered import Gathered
from services.appropriate_adult.papers.terms import NOTHING, clock, term
from services.kernel.dates import to_datetime
from services.paper.form import Block, Closing, Facts, Form, Grid, Heading, Paragraph, Points
from services.paper.wording import chinese_date, chinese_time, day_of, one_line, paragraphs

TITLE = "到场情况记录"
NONE = "无。"
NOT_RECORDED = "未同步录音录像"
MADE = "本记录根据到场过程中的逐项登记制作。"


def build(gathered: Gathered) -> Form:
    """The record of a session that was closed."""
    issued = gathered.issued
    closed_at = to_datetime(gathered.certified.at)
    started = _first(gathered, events.SessionStarted)
    blocks: list[Block] = [Facts(_facts(gathered, started))]
    blocks += [Heading("一、到场人员"), Grid(("身份", "姓名", "到场", "离场"), (3, 3, 3, 3), _present(gathered, closed_at))]
    blocks += [Heading("二、权利义务告知"), *map(Paragraph, _told(gathered))]
    blocks += [Heading("三、过程"), Grid(("时间", "事项", "说明"), (3, 2, 7), record.course(gathered))]
    blocks += [Heading("四、未成年人状态，语言和通俗用语核对"), *map(Paragraph, _state(gathered))]
    blocks += [Heading("五、当场提出的意见及处理"), *_objections(gathered)]
    blocks += [Heading("六、笔录核对与更正"), *_reading(gathered)]
    blocks += [Heading("七、无适格成年人在场的时段"), *_gaps(gathered)]
    blocks += [Heading("八、签名"), Grid(("身份", "姓名", "签名情况"), (3, 4, 5), record.signatures(gathered))]
    blocks.append(Closing(MADE, (), issued.organ_name, chinese_date(day_of(closed_at))))
    return Form(issued.organ_name, TITLE, started.record_no, "", issued.organ_name, day_of(closed_at), tuple(blocks))


def _first(gathered: Gathered, kind: type) -> Any:
    return gathered.in_session(kind)[0]


def _facts(gathered: Gathered, started: Any) -> tuple[tuple[str, str], ...]:
    ended, plan = _first(gathered, events.SessionEnded), gathered.plan
    women = [record.officer(gathered, member.officer) for member in started.staff if member.woman]
    frame = term("SessionFrame", started.frame)
    return (
        ("场次编号", started.record_no),
        ("未成年人", gathered.minor_reference),
        ("诉讼地位", term("MinorRole", gathered.role)),
        ("到场事由", term("AttendancePurpose", plan.session.purpose)),
        ("地点", one_line(plan.place) or NOTHING),
        ("录音录像编号", started.recording_no or NOT_RECORDED),
        ("开始时间", chinese_time(to_datetime(started.at))),
        ("结束时间", chinese_time(to_datetime(ended.at))),
        ("用时", f"{ended.questioned_minutes}分钟，其中有适格成年人在场{ended.attended_minutes}分钟"),
        ("法定时限", f"{frame}{'，已超过' if ended.over_frame else ''}"),
        ("女性工作人员", "、".join(women) or NOTHING),
    )


def _present(gathered: Gathered, closed_at: datetime) -> tuple[tuple[str, ...], ...]:
    rows = [["办案人员", record.officer(gathered, m.officer), *_span(gathered)] for m in _staff(gathered)]
    still: dict[str, list[str]] = {}
    for event in gathered.in_session(*record.COMING, events.AttendeeLeft):
        attendee_id = record.who(event)
        if isinstance(event, events.AttendeeLeft):
            still.pop(attendee_id)[3] = clock(to_datetime(event.at))
            continue
        came = clock(to_datetime(event.at))
        row = [term("AttendeePart", gathered.part_of(attendee_id)), gathered.name_of(attendee_id), came, clock(closed_at)]
        rows.append(row)
        still[attendee_id] = row
    return tuple(map(tuple, rows))


def _staff(gathered: Gathered) -> Any:
    return _first(gathered, events.SessionStarted).staff


def _span(gathered: Gathered) -> tuple[str, str]:
    began, ended = _first(gathered, events.SessionStarted), _first(gathered, events.SessionEnded)
    return clock(to_datetime(began.at)), clock(to_datetime(ended.at))


def _told(gathered: Gathered) -> list[str]:
    told = gathered.in_session(events.RightsAndDutiesInformed)
    return [
        f"{chinese_time(to_datetime(event.at))}，向{term('AttendeePart', gathered.part_of(event.attendee_id))}"
        f"{gathered.name_of(event.attendee_id)}告知权利义务，并由其签名。"
        for event in told
    ] or [NONE]


def _state(gathered: Gathered) -> list[str]:
    interpreted = any(event.part == events.ATTENDEE_PART_INTERPRETER for event in gathered.in_session(events.AttendeeArrived))
    said = paragraphs(_first(gathered, events.SessionEnded).minors_state)
    return [*said, f"翻译人员：{'在场' if interpreted else '未到场'}。"]


def _objections(gathered: Gathered) -> list[Block]:
    answers = {event.objection_id: event for event in gathered.all_of(events.ObjectionResolved)}
    lines: list[str] = []
    for raised in gathered.in_session(events.ObjectionRaised):
        answer = answers[raised.objection_id]
        taken = "采纳" if answer.accepted else "未采纳"
        part, name = term("AttendeePart", gathered.part_of(raised.attendee_id)), gathered.name_of(raised.attendee_id)
        lines.append(
            f"{clock(to_datetime(raised.at))}，{part}{name}提出：{one_line(raised.statement)}"
            f" {clock(to_datetime(answer.at))}处理：{taken}。{one_line(answer.reason)}"
        )
    return [Points(tuple(lines)) if lines else Paragraph(NONE)]


def _reading(gathered: Gathered) -> list[Block]:
    read = _first(gathered, events.RecordRead)
    how = Paragraph(f"{chinese_time(to_datetime(read.at))}，核对方式：{term('ReadingMethod', read.method)}。")
    asked = tuple(
        f"要求更正：{one_line(each.asked) or NOTHING} 处理：{'已更正' if each.made else '未更正'}。"
        for each in read.corrections
    )
    return [how, Points(asked) if asked else Paragraph("没有提出更正。")]


def _gaps(gathered: Gathered) -> list[Block]:
    rows = tuple(
        (
            term("SessionStage", gap.stage),
            clock(to_datetime(gap.begins_at)),
            clock(to_datetime(gap.ends_at)),
            term("GuardStrength", gap.guard),
        )
        for gap in gathered.in_session(events.StageRanWithoutAdult)
    )
    return [Grid(("环节", "起", "止", "程序要求"), (3, 3, 3, 3), rows) if rows else Paragraph(NONE)]
