"""When an adult can be called: availability, leave, standby shifts and their swaps.

A shift that is offered stays the first adult's until the other has taken it: during a swap two may be on standby, never none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import adult_events_pb2 as events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.register import by_home, county, known
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

DAY_MINUTES = 24 * 60
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class SwapFacts(Facts):
    """What a swap needs besides: the adult whose shift it is."""

    other: AdultState = field(default_factory=AdultState)


def set_availability(command: api.SetAvailabilityRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """Replaces the whole week; night hours are two entries, one before and one after midnight."""
    known(state)
    by_home(state, act)
    violations = [
        Violation(f"times[{number}]", "is no span of minutes of one day of the week")
        for number, time in enumerate(command.times)
        if not (1 <= time.weekday <= WEEK_DAYS and time.begins_minute < time.ends_minute <= DAY_MINUTES)
    ]
    if violations:
        raise Invalid(*violations)
    return [events.AvailabilitySet(times=command.times)]


def record_holiday(command: api.RecordHolidayRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """Leave never overlaps an engagement: that one is ended first, by who leads it."""
    known(state)
    by_home(state, act)
    begins_at, ends_at = span(command.begins_at, command.ends_at)
    if command.holiday_id in state.holidays:
        raise IllegalState("HOLIDAY_EXISTS", "leave with this id is recorded")
    if any(b.begins_at < ends_at and begins_at < b.ends_at for b in state.open_engagements.values()):
        raise IllegalState("ADULT_ENGAGED", "the adult has an engagement then")
    return [events.HolidayRecorded(holiday_id=command.holiday_id, begins_at=command.begins_at, ends_at=command.ends_at)]


def cancel_holiday(command: api.CancelHolidayRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """The adult can be called again."""
    known(state)
    by_home(state, act)
    if command.holiday_id not in state.holidays:
        raise IllegalState("HOLIDAY_UNKNOWN", "there is no such leave")
    return [events.HolidayCancelled(holiday_id=command.holiday_id)]


def assign_shift(command: api.AssignShiftRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """Only those on the roster stand by, one county at a time."""
    known(state)
    by_home(state, act)
    _free_for(command.shift, state)
    return [events.ShiftAssigned(shift=command.shift)]


def cancel_shift(command: api.CancelShiftRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """Takes a shift back."""
    known(state)
    by_home(state, act)
    if command.shift_id not in state.shifts:
        raise IllegalState("SHIFT_UNKNOWN", "the adult has no such shift")
    return [events.ShiftCancelled(shift_id=command.shift_id)]


def offer_shift(command: api.OfferShiftRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """Offers a shift to one other adult; a later offer replaces the earlier one."""
    known(state)
    by_home(state, act)
    if command.shift_id not in state.shifts:
        raise IllegalState("SHIFT_UNKNOWN", "the adult has no such shift")
    if command.to_adult_id == state.adult_id:
        raise Invalid(Violation("to_adult_id", "is the adult who offers"))
    return [events.ShiftOffered(shift_id=command.shift_id, to_adult_id=command.to_adult_id)]


def take_shift(command: api.TakeShiftRequest, state: AdultState, act: Act, facts: Facts) -> Sequence[Message]:
    """Taking over what another adult has offered to this one."""
    known(state)
    by_home(state, act)
    assert isinstance(facts, SwapFacts)
    turn = facts.other.shifts.get(command.shift_id)
    if turn is None or turn.offered_to != state.adult_id:
        raise IllegalState("SHIFT_NOT_OFFERED", "this shift is not offered to the adult")
    shift = events.Shift(
        shift_id=command.shift_id,
        division_code=turn.division_code,
        begins_at=from_datetime(turn.begins_at),
        ends_at=from_datetime(turn.ends_at),
    )
    _free_for(shift, state)
    return [events.ShiftTaken(shift=shift, from_adult_id=command.from_adult_id)]


def hand_over_shift(command: api.HandOverShiftRequest, state: AdultState, _: Act, __: Facts) -> Sequence[Message]:
    """A shift that was taken back in the meantime is gone already: nothing is left to hand over."""
    if command.shift_id not in state.shifts:
        return []
    return [events.ShiftHandedOver(shift_id=command.shift_id, to_adult_id=command.to_adult_id)]


def span(begins_at: object, ends_at: object) -> tuple[datetime, datetime]:
    """Both instants.

    Raises:
        Invalid: the end is not after the beginning.
    """
    begins, ends = to_datetime(begins_at), to_datetime(ends_at)  # type: ignore[arg-type]
    if ends <= begins:
        raise Invalid(Violation("ends_at", "is not after the beginning"))
    return begins, ends


def _free_for(shift: events.Shift, state: AdultState) -> None:
    violations = list(county(shift.division_code, "shift.division_code"))
    begins, ends = to_datetime(shift.begins_at), to_datetime(shift.ends_at)
    if ends <= begins:
        violations.append(Violation("shift.ends_at", "is not after the beginning"))
    if violations:
        raise Invalid(*violations)
    if not state.rostered:
        raise IllegalState("NOT_ON_ROSTER", "only adults on the roster stand by", rule="AA-R17")
    if shift.shift_id in state.shifts:
        raise IllegalState("SHIFT_EXISTS", "the adult has this shift")
    if any(turn.begins_at < ends and begins < turn.ends_at for turn in state.shifts.values()):
        raise IllegalState("SHIFT_OVERLAPS", "the adult stands by elsewhere then")
