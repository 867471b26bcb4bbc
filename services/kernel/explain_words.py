"""The words of explanations, in Chinese and English, apart from the steps of counting."""

from datetime import datetime
from typing import Any

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.options.v1 import options_pb2
from services.kernel.dates import to_date, to_datetime
from services.kernel.deadline_rules import Rule, Text
from services.kernel.decision import CHINA_STANDARD_TIME

EXPIRY = Text(
    "届满后：{}。系统只记录届满事实并提示，不自动作出或者改变任何决定",
    "when it lapses: {}. The system records the fact and alerts; it decides and changes nothing by itself",
)
HELD = Text("人身自由受限制：期间不因节假日延长", "liberty is restricted: no holiday prolongs the period")
NAMED = Text("由机关指定日期", "to a day that the organ names")
PROVISIONAL = Text("暂定日期", "the date is provisional")
FINAL = Text("确定日期", "the date is final")
CALENDAR = Text(
    "国务院公布相关年份节假日安排后重新计算，变动情况另行记录",
    "when the State Council publishes the calendar of the year it is counted again, and what moved is recorded",
)
CUSTODY = Text(
    "强制措施变更（羁押或者释放）后重新计算是否顺延",
    "custody or release changes whether a holiday prolongs the period",
)
_UNITS = {
    "days": ("{}日", "{} days"),
    "months": ("{}个月", "{} months"),
    "half_months": ("{}个半月（每半月十五日）", "{} half months of 15 days"),
    "years": ("{}年", "{} years"),
    "working_days": ("{}个工作日", "{} working days"),
    "minutes": ("{}分钟", "{} minutes"),
    "hours": ("{}小时", "{} hours"),
    "seconds": ("{}秒", "{} seconds"),
}
_WEEKDAYS = "一二三四五六日"


def length(value: pb.Length) -> Text:
    """A length of time."""
    for field, (zh, en) in _UNITS.items():
        if number := getattr(value, field):
            return Text(zh.format(number), en.format(number))
    return Text("0日", "0 days")


def label(enum: Any, number: int) -> Text:
    """A value of an enum: its Chinese term, and its name in words."""
    value = enum.DESCRIPTOR.values_by_number[number]
    prefix = enum.DESCRIPTOR.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return Text(
        value.GetOptions().Extensions[options_pb2.label],
        value.name.removeprefix(prefix).lower().replace("_", " "),
    )


def instant(at: datetime) -> str:
    """An instant in China Standard Time, to the minute."""
    return f"{at.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M}"


def end(due: pb.Due) -> Text:
    """When a clock ends: 24:00 of its last day, or an instant to the second."""
    if day := to_date(due.due_on):
        return Text(f"{day} 24:00", f"at 24:00 of {day}")
    at = f"{to_datetime(due.due_at).astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M:%S}"
    return Text(at, f"at {at}")


def special(day: pb.SpecialDay) -> Text:
    """A day of the State Council's notice."""
    on = to_date(day.on)
    assert on is not None
    zh = f"{on}（周{_WEEKDAYS[on.weekday()]}）" + ("调休上班" if day.worked else "放假")
    return Text(zh, f"{on} ({on:%A}) " + ("is worked in exchange" if day.worked else "is a day off"))


def history(rule: Rule, event: Any) -> Text:
    """What an event did to the clock."""
    match event:
        case pb.DeadlinePaused():
            reason, left, at = label(pb.PauseReason, event.reason), length(event.remaining), _at(event.paused_at)
            return Text(f"{at}中止：{reason.zh}，剩余{left.zh}", f"{at} stood still: {reason.en}, {left.en} left")
        case pb.DeadlineResumed():
            return Text(f"{_at(event.resumed_at)}恢复计算", f"{_at(event.resumed_at)} went on")
        case pb.DeadlineExtended():
            allowed = rule.extension(event.extension_id)
            ground = allowed.ground if allowed else Text("", "")
            approved = Text(f"批准机关{event.approved_by}", f"approved by {event.approved_by}")
            number = event.approval_no
            return Text(
                f"延长（{event.extension_id}，{ground.zh}）：{event.basis}，{approved.zh}，文号{number or '无'}",
                f"extended ({event.extension_id}, {ground.en}): {event.basis}, {approved.en}, number {number or 'none'}",
            )
        case pb.DeadlineReset():
            cause, at = label(pb.ResetCause, event.cause), _at(event.triggered_at)
            return Text(f"{at}重新计算：{cause.zh}", f"{at} counted anew: {cause.en}")
        case pb.DeadlineMet():
            late = Text("逾期完成", "met late") if event.late else Text("期限内完成", "met in time")
            return Text(f"{_at(event.met_at)}{late.zh}", f"{_at(event.met_at)} {late.en}")
        case pb.DeadlineExpired():
            return Text(f"{_at(event.due_at)}届满，未记录完成", f"{_at(event.due_at)} lapsed, not recorded as met")
        case pb.DeadlineWarned():
            return Text(f"届满前{event.days_before}日预警", f"warned {event.days_before} days before the end")
        case pb.DeadlineWaived():
            return Text(f"豁免：{event.basis}", f"waived: {event.basis}")
        case _:
            return _recomputed(event)


def moot(ended: Any) -> Text:
    """A waiver, because what the clock stood for ended with an event of this kind."""
    return Text(f"豁免：{ended.GetOptions().Extensions[options_pb2.title]}", f"waived: {ended.name}")


def _recomputed(event: pb.DeadlineRecomputed) -> Text:
    cause, before, after = label(pb.RecomputeCause, event.cause), _at(event.due_before), _at(event.due.due_at)
    versions = f"{event.calendar_version_before} → {event.due.calendar_version}"
    if not event.moved:
        return Text(f"{cause.zh}：日期未变，{versions}", f"{cause.en}: the date stays, {versions}")
    return Text(f"{cause.zh}：{before} → {after}，{versions}", f"{cause.en}: {before} → {after}, {versions}")


def _at(value: Any) -> str:
    return instant(to_datetime(value))
