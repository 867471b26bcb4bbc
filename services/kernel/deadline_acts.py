"""What may happen to a clock: each act is checked against the clock's rule and comes to events. Pure.

Law: domain/02 §2.2, domain/10; PD-R27 (what is left is conserved); DL-PROS-SUPPL-1M, DL-PROS-JUR (counted anew).
"""

from collections.abc import Sequence
from datetime import date, datetime

from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel import duedate, period
from services.kernel.calendar import CHINA, WorkingCalendar
from services.kernel.dates import from_date, from_datetime, to_date, to_datetime
from services.kernel.deadline import Deadline, Deadlines
from services.kernel.deadline_rules import BY_CASE, Extension
from services.kernel.deadline_start import known
from services.kernel.errors import IllegalState, Invalid, Violation


def pause(clock: Deadline, reason: int, at: datetime, calendar: WorkingCalendar = CHINA) -> Sequence[Message]:
    """Stops a running clock and keeps what is left of it (PD-R27)."""
    if clock.status == api.DEADLINE_STATUS_PAUSED:
        raise IllegalState("DEADLINE_PAUSED", "the clock stands still already")
    due = _running_at(clock, at)
    if reason not in known(clock.rule_id).pauses:
        raise IllegalState("PAUSE_NOT_PROVIDED", "the rule does not let the clock stand still for this", rule=clock.rule_id)
    remaining = duedate.left(clock.counting, due, at, calendar)
    return [
        pb.DeadlinePaused(
            deadline_id=clock.deadline_id,
            reason=reason,  # type: ignore[arg-type]
            paused_at=from_datetime(at),
            remaining=remaining,
        )
    ]


def resume(clock: Deadline, at: datetime, calendar: WorkingCalendar = CHINA) -> Sequence[Message]:
    """Lets a clock go on with what was left; the day on which it goes on is not counted (TIM-01)."""
    if clock.status != api.DEADLINE_STATUS_PAUSED:
        raise IllegalState("DEADLINE_NOT_PAUSED", "the clock does not stand still")
    assert clock.paused_at is not None
    if at < clock.paused_at:
        raise Invalid(Violation("head.occurred_at", "lies before the pause"))
    due = _counted(clock, at, clock.remaining, calendar)
    return [pb.DeadlineResumed(deadline_id=clock.deadline_id, resumed_at=from_datetime(at), due=due)]


def extend(
    clock: Deadline,
    command: api.ExtendDeadlineRequest,
    at: datetime,
    *,
    host_on: date | None = None,
    calendar: WorkingCalendar = CHINA,
) -> Sequence[Message]:
    """Extends a clock on an approval that was given while it ran; an approval may be recorded after the lapse was.

    The extension is counted from the nominal end: of both readings the one that ends earlier.
    """
    allowed = known(clock.rule_id).extension(command.extension_id)
    if allowed is None:
        raise IllegalState("EXTENSION_NOT_PROVIDED", "the rule does not provide for this extension", rule=clock.rule_id)
    due = _running_at(clock, at)
    if clock.extensions.count(allowed.id) >= allowed.times:
        raise IllegalState("EXTENSIONS_EXHAUSTED", "the clock was extended as often as it may be", rule=clock.rule_id)
    if allowed.until:
        extended = _until(clock, allowed, command, host_on, calendar)
    else:
        length = _part_of(allowed, command)
        nominal = to_date(due.nominal_on)
        assert nominal is not None
        extended = _counted(clock, duedate.start_of(nominal), length, calendar)
    return [
        pb.DeadlineExtended(
            deadline_id=clock.deadline_id,
            extension_id=allowed.id,
            basis=command.basis,
            approved_by=command.approved_by,
            approval_no=command.approval_no,
            due=extended,
        )
    ]


def reset(clock: Deadline, cause: int, at: datetime, calendar: WorkingCalendar = CHINA) -> Sequence[Message]:
    """Counts a clock anew from an instant, whatever became of it: the file came back (CPL Arts. 172 and 175)."""
    times = known(clock.rule_id).resets.get(cause)
    if times is None:
        raise IllegalState("RESET_NOT_PROVIDED", "the rule does not let the clock be counted anew for this", rule=clock.rule_id)
    if clock.resets.count(cause) >= times:
        raise IllegalState("RESETS_EXHAUSTED", "the clock was counted anew as often as it may be", rule=clock.rule_id)
    due = _counted(clock, at, clock.length, calendar)
    return [
        pb.DeadlineReset(
            deadline_id=clock.deadline_id,
            cause=cause,  # type: ignore[arg-type]
            triggered_at=from_datetime(at),
            due=due,
        )
    ]


def meet(clock: Deadline, at: datetime, by: str = "") -> Sequence[Message]:
    """Records that the clock was met; what is late counts all the same, and what was met is met once."""
    if clock.status == api.DEADLINE_STATUS_MET:
        return []
    if clock.status == api.DEADLINE_STATUS_WAIVED:
        raise IllegalState("DEADLINE_CLOSED", "nobody needs to meet the clock any more")
    late = clock.latest_at is not None and at >= clock.latest_at
    return [pb.DeadlineMet(deadline_id=clock.deadline_id, by=by, met_at=from_datetime(at), late=late)]


def waive(clock: Deadline, reason: int, basis: str) -> Sequence[Message]:
    """Records that nobody needs to meet the clock any more."""
    if not clock.open:
        return []
    return [pb.DeadlineWaived(deadline_id=clock.deadline_id, reason=reason, basis=basis)]  # type: ignore[arg-type]


def waive_open(deadlines: Deadlines, ended_by: str) -> list[Message]:
    """Waives every open clock of a stream, because what they stood for ended."""
    return [event for clock in deadlines.values() for event in waive(clock, pb.WAIVER_REASON_MOOT, ended_by)]


def pass_point(clock: Deadline, days_before: int, due_at: datetime, now: datetime) -> Sequence[Message]:
    """Passes a due point: a warning, or the lapse as a fact. A point of a date that moved, or was met, says nothing."""
    if clock.status != api.DEADLINE_STATUS_RUNNING or clock.due_at != due_at:
        return []
    end = from_datetime(due_at)
    if days_before:
        # When the end is past too, the lapse says it all.
        if days_before in clock.warned or now >= due_at:
            return []
        return [pb.DeadlineWarned(deadline_id=clock.deadline_id, days_before=days_before, due_at=end)]
    if now < due_at:
        return []
    return [pb.DeadlineExpired(deadline_id=clock.deadline_id, due_at=end)]


def recompute(
    clock: Deadline, cause: int, *, liberty_restricted: bool = False, calendar: WorkingCalendar = CHINA
) -> Sequence[Message]:
    """Counts a running clock again from where it was counted last, and says what moved; nothing where nothing changed."""
    if clock.status != api.DEADLINE_STATUS_RUNNING or clock.due is None:
        return []
    held = clock.liberty_restricted
    if cause == pb.RECOMPUTE_CAUSE_LIBERTY_CHANGED:
        if known(clock.rule_id).custody != BY_CASE:
            raise IllegalState("CUSTODY_FIXED", "the rule says whether somebody is held", rule=clock.rule_id)
        held = liberty_restricted
    before = clock.due
    length = before.counted if before.HasField("counted") else None
    if length is None and not clock.caps:
        return []
    from_at = to_datetime(before.counted_from)
    due = duedate.count(clock.counting, from_at, length, liberty_restricted=held, caps=clock.caps, calendar=calendar)
    moved = due.due_at != before.due_at
    if not moved and due.provisional == before.provisional and held == clock.liberty_restricted:
        return []
    return [
        pb.DeadlineRecomputed(
            deadline_id=clock.deadline_id,
            cause=cause,  # type: ignore[arg-type]
            due_before=before.due_at,
            calendar_version_before=before.calendar_version,
            moved=moved,
            liberty_restricted=held,
            due=due,
        )
    ]


def _running_at(clock: Deadline, at: datetime) -> pb.Due:
    """The end of a clock that ran at an instant; a lapse that was recorded since does not matter."""
    if clock.status == api.DEADLINE_STATUS_PAUSED:
        raise IllegalState("DEADLINE_PAUSED", "the clock stands still")
    if not clock.open or clock.due is None or clock.latest_at is None:
        raise IllegalState("DEADLINE_CLOSED", "the clock was met or waived")
    if at < clock.since:
        raise Invalid(Violation("head.occurred_at", "lies before the clock started"))
    if at >= clock.latest_at:
        raise IllegalState("DEADLINE_OVER", "the period was over by then", rule=clock.rule_id)
    return clock.due


def _counted(clock: Deadline, at: datetime, length: pb.Length | None, calendar: WorkingCalendar) -> pb.Due:
    return duedate.count(
        clock.counting, at, length, liberty_restricted=clock.liberty_restricted, caps=clock.caps, calendar=calendar
    )


def _until(
    clock: Deadline, allowed: Extension, command: api.ExtendDeadlineRequest, host_on: date | None, calendar: WorkingCalendar
) -> pb.Due:
    until, present = to_date(command.until), clock.due_at
    assert present is not None
    if until is None or duedate.end_of(until) <= present:
        raise Invalid(Violation("until", "is required and lies after the present end"))
    months = allowed.months_max
    if months and until > period.add_months(duedate.day_of(clock.since), months, snap_to_month_end=True):
        raise Invalid(Violation("until", f"lies more than {months} months after the start"))
    if host_on and until > period.subtract_working_days(host_on, allowed.host_working_days, calendar):
        raise Invalid(Violation("until", f"leaves less than {allowed.host_working_days} working days of the host period"))
    cap = pb.Cap(kind=pb.STEP_KIND_GIVEN, on=from_date(until))
    return duedate.count(clock.counting, clock.since, None, caps=[cap], calendar=calendar)


def _part_of(allowed: Extension, command: api.ExtendDeadlineRequest) -> pb.Length:
    assert allowed.length is not None
    if command.HasField("until"):
        raise Invalid(Violation("until", "the rule gives this extension a length"))
    if not command.days:
        return allowed.length
    most = allowed.length.days + period.HALF_MONTH_DAYS * allowed.length.half_months
    if command.days > most:
        raise Invalid(Violation("days", "is more than the whole extension"))
    return pb.Length(days=command.days)
