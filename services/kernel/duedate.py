"""When a clock ends: counts a length from an instant, applies the days that come first, and keeps every step.

What is returned is recorded with the clock's event; replay never counts again.
Law: domain/02 §2.2; SI-R20 (a report fits inside the host period).
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from services.kernel import period
from services.kernel.calendar import CHINA, PROVISIONAL, WorkingCalendar
from services.kernel.dates import from_date, from_datetime, to_date
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.period import Counting, Period
from services.kernel.step import step

_RULES_OF: dict[int, Counting] = {
    pb.COUNTING_CRIMINAL: Counting.CRIMINAL,
    pb.COUNTING_CIVIL_PROCEDURE: Counting.CIVIL_PROCEDURE,
    pb.COUNTING_CIVIL_CODE: Counting.CIVIL_CODE,
    pb.COUNTING_POLICE: Counting.POLICE,
    pb.COUNTING_WORKING_DAYS: Counting.CRIMINAL,
}


def day_of(at: datetime) -> date:
    """The day of an instant in China Standard Time."""
    return at.astimezone(CHINA_STANDARD_TIME).date()


def start_of(day: date) -> datetime:
    """00:00 of a day in China Standard Time, as a UTC instant."""
    return datetime.combine(day, time(), CHINA_STANDARD_TIME).astimezone(UTC)


def end_of(day: date) -> datetime:
    """24:00 of a day in China Standard Time (TIM-07), as a UTC instant."""
    return start_of(day + timedelta(days=1))


def count(
    counting: int,
    counted_from: datetime,
    length: pb.Length | None,
    *,
    liberty_restricted: bool = False,
    caps: Iterable[pb.Cap] = (),
    calendar: WorkingCalendar = CHINA,
) -> pb.Due:
    """The end of a period that starts at an instant; without a length the earliest cap is the last day."""
    if counting == pb.COUNTING_HOURS:
        assert length is not None
        return _hours(counted_from, length, calendar)
    start = day_of(counted_from)
    due: date | None = None
    nominal: date | None = None
    steps: list[pb.CountingStep] = []
    provisional = False
    special: set[date] = set()
    if length is not None:
        found = _days(counting, start, length, liberty_restricted, calendar)
        due, nominal, steps, provisional = found.due, found.nominal, list(found.counted), found.provisional
        special = _special(calendar, start if length.working_days else nominal - timedelta(days=1), due)
    for cap in caps:
        on = last_day(cap, calendar)
        if due is None or on < due:
            host = to_date(cap.host_on)
            steps.append(step(cap.kind, on, start=host, amount=cap.working_days))
            due, nominal = on, min(nominal or on, on)
            if host:
                provisional = any(calendar.status(year) == PROVISIONAL for year in range(on.year, host.year + 1))
                special = _special(calendar, on, host)
            else:
                provisional, special = False, set()
            if not provisional:
                steps = [taken for taken in steps if taken.kind != pb.STEP_KIND_PROVISIONAL]
    assert due is not None
    made = pb.Due(
        due_at=from_datetime(end_of(due)),
        due_on=from_date(due),
        nominal_on=from_date(nominal),
        counted_from=from_datetime(counted_from),
        counted=length,
        steps=steps,
        calendar_version=calendar.version,
        provisional=provisional,
    )
    made.special_days.extend(pb.SpecialDay(on=from_date(day), worked=day in calendar.work) for day in sorted(special))
    return made


def last_day(cap: pb.Cap, calendar: WorkingCalendar = CHINA) -> date:
    """The last day that a cap allows; before the end of a host period it follows the calendar."""
    if host := to_date(cap.host_on):
        return period.subtract_working_days(host, cap.working_days, calendar)
    on = to_date(cap.on)
    assert on is not None
    return on


def left(counting: int, due: pb.Due, at: datetime, calendar: WorkingCalendar = CHINA) -> pb.Length:
    """What is left of a period when it is interrupted at an instant; that day itself has been used up.

    Counted to the nominal day: the days that a holiday added were never part of the period.
    """
    if counting == pb.COUNTING_HOURS:
        return pb.Length(seconds=max(0, due.due_at.seconds - int(at.timestamp())))
    day, nominal, last = day_of(at), to_date(due.nominal_on), to_date(due.due_on)
    assert nominal is not None
    assert last is not None
    if counting == pb.COUNTING_WORKING_DAYS:
        days = (day + timedelta(days=number) for number in range(1, (last - day).days + 1))
        return pb.Length(working_days=sum(map(calendar.is_working_day, days)))
    return pb.Length(days=max(0, (nominal - day).days))


def _days(
    counting: int, start: date, length: pb.Length, liberty_restricted: bool, calendar: WorkingCalendar
) -> period.Deadline:
    spans = Period(length.days, length.months, length.years, length.working_days, length.half_months)
    if counting == pb.COUNTING_CALENDAR_DAYS:
        last = start + timedelta(days=length.days)
        steps = (step(pb.STEP_KIND_START, start), step(pb.STEP_KIND_DAYS, last, amount=length.days))
        return period.Deadline(last, last, Counting.CRIMINAL, steps, calendar.version, False)
    return period.deadline(start, spans, _RULES_OF[counting], liberty_restricted=liberty_restricted, calendar=calendar)


def _hours(counted_from: datetime, length: pb.Length, calendar: WorkingCalendar) -> pb.Due:
    local = counted_from.astimezone(CHINA_STANDARD_TIME)
    steps = [step(pb.STEP_KIND_START, at=counted_from, rule="TIM-01")]
    if length.hours:
        found = period.hours(local, length.hours)
        naive, latest = found.naive, found.from_next_hour
        steps.append(step(pb.STEP_KIND_HOURS, at=naive, amount=length.hours))
        steps.append(step(pb.STEP_KIND_NEXT_HOUR, at=latest, rule="TIM-06"))
    elif length.minutes:
        # No law counts minutes: they run from the instant itself.
        naive = latest = counted_from + timedelta(minutes=length.minutes)
        steps.append(step(pb.STEP_KIND_MINUTES, at=naive, amount=length.minutes))
    else:
        # What was left when the clock stood still is exact: no hour is given away twice.
        naive = latest = counted_from + timedelta(seconds=length.seconds)
        if hours := length.seconds // 3600:
            steps.append(step(pb.STEP_KIND_HOURS, at=naive, amount=hours))
        else:
            steps.append(step(pb.STEP_KIND_SECONDS, at=naive, amount=length.seconds))
    return pb.Due(
        due_at=from_datetime(naive),
        latest_at=from_datetime(latest),
        counted_from=from_datetime(counted_from),
        counted=length,
        steps=steps,
        calendar_version=calendar.version,
    )


def _special(calendar: WorkingCalendar, after: date, last: date) -> set[date]:
    """Days of the notice after a day and up to another."""
    days = (after + timedelta(days=number) for number in range(1, (last - after).days + 1))
    return {day for day in days if day in calendar.rest or day in calendar.work}
