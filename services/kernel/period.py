"""Counts legal periods, and says how: the counting rules differ between criminal, civil and police matters.

Law: TIM-01 to TIM-11 (domain/02 §2.2).
"""

import calendar as gregorian
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from services.kernel.calendar import CHINA, PROVISIONAL, WorkingCalendar
from services.kernel.step import ENGLISH, step, tell

HALF_MONTH_DAYS = 15


class Counting(Enum):
    """Whose rules count a period."""

    CRIMINAL = "CRIMINAL"
    CIVIL_PROCEDURE = "CIVIL_PROCEDURE"
    CIVIL_CODE = "CIVIL_CODE"
    POLICE = "POLICE"


# Where the last day falls on a holiday the first working day after it counts, by the rule of each kind of matter.
_ROLL_RULES = {
    Counting.CRIMINAL: "TIM-03",
    Counting.CIVIL_PROCEDURE: "TIM-06",
    Counting.CIVIL_CODE: "TIM-07",
    Counting.POLICE: "TIM-11",
}


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time as a law gives it; exactly one of the parts is used."""

    days: int = 0
    months: int = 0
    years: int = 0
    working_days: int = 0
    half_months: int = 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A last day and how it was found; `provisional` says that the calendar may still change it."""

    due: date
    nominal: date
    counting: Counting
    counted: tuple[pb.CountingStep, ...]
    calendar_version: str
    provisional: bool

    @property
    def steps(self) -> tuple[str, ...]:
        """Each step as a sentence."""
        return tuple(tell(taken, ENGLISH) for taken in self.counted)


@dataclass(frozen=True, slots=True)
class HourDeadline:
    """The end of a period in hours: the earlier instant is the one to act by, the later the latest lawful reading."""

    naive: datetime
    from_next_hour: datetime


def deadline(
    trigger: date,
    period: Period,
    counting: Counting,
    *,
    liberty_restricted: bool = False,
    calendar: WorkingCalendar = CHINA,
) -> Deadline:
    """The last day of a period that an event on `trigger` starts; that day itself is not counted (TIM-01, TIM-06, TIM-07).

    While liberty is restricted the nominal day stands, holiday or not (TIM-03, TIM-11).
    """
    steps = [step(pb.STEP_KIND_START, trigger)]
    if period.working_days:
        due = add_working_days(trigger, period.working_days, calendar)
        steps.append(step(pb.STEP_KIND_WORKING_DAYS, due, amount=period.working_days, rule="TIM-08"))
        return _told(due, due, counting, steps, calendar, range(trigger.year, due.year + 1))
    nominal = _nominal(trigger, period, counting, steps)
    due = nominal
    stands = liberty_restricted and counting in {Counting.CRIMINAL, Counting.POLICE}
    if not calendar.is_working_day(nominal):
        rule = _ROLL_RULES[counting]
        if stands:
            steps.append(step(pb.STEP_KIND_STANDS, nominal, start=nominal, rule=rule))
        else:
            due = next_working_day(nominal, calendar)
            steps.append(step(pb.STEP_KIND_ROLLED, due, start=nominal, rule=rule))
    # A day that stands whatever the calendar says is never provisional.
    return _told(due, nominal, counting, steps, calendar, range(0) if stands else range(nominal.year, due.year + 1))


def hours(trigger: datetime, length: int) -> HourDeadline:
    """The end of a period in hours; holidays do not stop it (TIM-01, TIM-06)."""
    whole = trigger.replace(minute=0, second=0, microsecond=0)
    begins = whole if whole == trigger else whole + timedelta(hours=1)
    return HourDeadline(trigger + timedelta(hours=length), begins + timedelta(hours=length))


def add_working_days(start: date, days: int, calendar: WorkingCalendar = CHINA) -> date:
    """The day on which `days` working days after `start` have passed; `start` is not counted."""
    return _walk(start, days, timedelta(days=1), calendar)


def subtract_working_days(end: date, days: int, calendar: WorkingCalendar = CHINA) -> date:
    """The working day that lies `days` working days before `end`; `end` is not counted."""
    return _walk(end, days, timedelta(days=-1), calendar)


def next_working_day(day: date, calendar: WorkingCalendar = CHINA) -> date:
    """The day itself when it is worked, else the first worked day after it."""
    while not calendar.is_working_day(day):
        day += timedelta(days=1)
    return day


def add_months(start: date, months: int, *, snap_to_month_end: bool) -> date:
    """The corresponding day of a later month, or its last day where it has no such day.

    With `snap_to_month_end` the last day of a month corresponds to the last day of the later one (TIM-04).
    """
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    last = gregorian.monthrange(year, month + 1)[1]
    at_end = start.day == gregorian.monthrange(start.year, start.month)[1]
    return date(year, month + 1, last if snap_to_month_end and at_end else min(start.day, last))


def _nominal(trigger: date, period: Period, counting: Counting, steps: list[pb.CountingStep]) -> date:
    days = period.days + HALF_MONTH_DAYS * period.half_months
    if days or not (period.months or period.years):
        nominal = trigger + timedelta(days=days)
        steps.append(step(pb.STEP_KIND_DAYS, nominal, amount=days))
        return nominal
    months = period.months + 12 * period.years
    snap = counting is Counting.CRIMINAL
    nominal = add_months(trigger, months, snap_to_month_end=snap)
    rule = "TIM-04" if snap else _ROLL_RULES[counting]
    steps.append(step(pb.STEP_KIND_MONTHS, nominal, amount=months, rule=rule))
    return nominal


def _told(
    due: date, nominal: date, counting: Counting, steps: list[pb.CountingStep], calendar: WorkingCalendar, asked: range
) -> Deadline:
    """`asked` are the years whose calendar the count asked."""
    provisional = any(calendar.status(year) == PROVISIONAL for year in asked)
    if provisional:
        steps.append(step(pb.STEP_KIND_PROVISIONAL, rule="TIM-10"))
    return Deadline(due, nominal, counting, tuple(steps), calendar.version, provisional)


def _walk(day: date, days: int, step: timedelta, calendar: WorkingCalendar) -> date:
    while days > 0:
        day += step
        days -= calendar.is_working_day(day)
    return day
