"""Steps of counting a period, as data that is recorded and as sentences in Chinese and English.

Law: domain/02 §2.2; each step names the rule that it follows.
"""

from datetime import date, datetime
from typing import Any

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from services.kernel.dates import from_date, from_datetime, to_date, to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME

CHINESE, ENGLISH = "zh", "en"

# What each step says. `{start}` and `{on}` are days, `{at}` an instant, `{amount}` a number, `{rule}` the rule in brackets.
_SENTENCES: dict[int, tuple[str, str]] = {
    pb.STEP_KIND_START: ("{on}为期间开始之日（时），不计算在期间以内{rule}", "{on} starts the period and is not counted{rule}"),
    pb.STEP_KIND_DAYS: ("{amount}日，至{on}", "{amount} days end on {on}{rule}"),
    pb.STEP_KIND_MONTHS: ("{amount}个月，至{on}{rule}", "{amount} months end on {on}{rule}"),
    pb.STEP_KIND_WORKING_DAYS: ("{amount}个工作日，至{on}{rule}", "{amount} working days end on {on}{rule}"),
    pb.STEP_KIND_HOURS: ("{amount}小时，至{at}{rule}", "{amount} hours end at {at}{rule}"),
    pb.STEP_KIND_MINUTES: ("{amount}分钟，至{at}{rule}", "{amount} minutes end at {at}{rule}"),
    pb.STEP_KIND_SECONDS: ("{amount}秒，至{at}{rule}", "{amount} seconds end at {at}{rule}"),
    pb.STEP_KIND_NEXT_HOUR: (
        "自次时起算则至{at}，以较早者为准{rule}",
        "from the next hour they end at {at}; the earlier holds{rule}",
    ),
    pb.STEP_KIND_ROLLED: (
        "{start}为非工作日，顺延至其后第一个工作日{on}{rule}",
        "{start} is no working day: {on} is the first after it{rule}",
    ),
    pb.STEP_KIND_STANDS: (
        "{start}为非工作日，但人身自由受限制，不因节假日延长{rule}",
        "{start} is no working day, but liberty is restricted: the day stands{rule}",
    ),
    pb.STEP_KIND_LETTER: ("委托函载明{on}，以在先者为准", "the letter of commission names {on}, which comes first"),
    pb.STEP_KIND_HOST: (
        "办案期限至{start}，须提前{amount}个工作日，即{on}",
        "the host period ends on {start}; {amount} working days before it is {on}, which comes first",
    ),
    pb.STEP_KIND_GIVEN: ("由机关指定为{on}", "the organ named {on}"),
    pb.STEP_KIND_PROVISIONAL: (
        "期间所涉年份的节假日安排尚未公布，日期可能变动{rule}",
        "the calendar of a year in this period is not published yet: the day may still change{rule}",
    ),
}


def step(
    kind: int,
    on: date | None = None,
    *,
    start: date | None = None,
    at: datetime | None = None,
    amount: int = 0,
    rule: str = "",
) -> pb.CountingStep:
    """One step."""
    return pb.CountingStep(
        kind=kind,  # type: ignore[arg-type]
        on=from_date(on),
        start_on=from_date(start),
        at=from_datetime(at) if at else None,
        amount=amount,
        rule_id=rule,
    )


def tell(taken: Any, language: str) -> str:
    """The sentence of a step."""
    chinese, english = _SENTENCES[taken.kind]
    rule = ""
    if taken.rule_id:
        rule = f"（{taken.rule_id}）" if language == CHINESE else f" ({taken.rule_id})"
    at = to_datetime(taken.at).astimezone(CHINA_STANDARD_TIME).strftime("%Y-%m-%d %H:%M") if taken.HasField("at") else ""
    text = chinese if language == CHINESE else english
    return text.format(
        on=to_date(taken.on) or at,
        start=to_date(taken.start_on),
        at=at,
        amount=taken.amount,
        rule=rule,
    )
