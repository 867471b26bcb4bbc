"""What the events of one adult add up to. It is folded without any personal field."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from guanhu.appropriate_adult.v1 import adult_events_pb2 as events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.kernel.dates import to_date, to_datetime


@dataclass(frozen=True, slots=True)
class Trained:
    """A training as far as it counts."""

    held_on: date
    hours: int
    valid_until: date


@dataclass(frozen=True, slots=True)
class Turn:
    """A standby shift; `offered_to` is the adult to whom it is offered."""

    division_code: str
    begins_at: datetime
    ends_at: datetime
    offered_to: str = ""


@dataclass(frozen=True, slots=True)
class Booking:
    """An engagement; `status` is that of api.EngagementStatus, `confirmed` stays when it is over."""

    assignment_id: str
    case_id: str
    subject_id: str
    begins_at: datetime
    ends_at: datetime
    status: int
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class AdultState:
    """One adult; `home` is empty before the first event.

    `served` holds (case, minor) of every confirmed engagement, for AA-R19; `holidays` are spans by id.
    """

    adult_id: str = ""
    home: str = ""
    supervisor: str = ""
    officer: str = ""
    standing: int = 0
    sex: int = 0
    occupation: int = 0
    languages: frozenset[str] = frozenset()
    districts: frozenset[str] = frozenset()
    state_staff: bool = False
    full_capacity: bool = False
    under_sentence: bool = False
    liberty_restricted: bool = False
    trainings: dict[str, Trained] = field(default_factory=dict)
    queried_on: date | None = None
    query_clear: bool = False
    suspended: bool = False
    removed: bool = False
    availability: tuple[tuple[int, int, int], ...] = ()
    holidays: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    shifts: dict[str, Turn] = field(default_factory=dict)
    engagements: dict[str, Booking] = field(default_factory=dict)
    served: frozenset[tuple[str, str]] = frozenset()
    attended: int = 0

    @property
    def status(self) -> int:
        """api.AdultStatus; 0 before the first event."""
        if not self.home:
            return api.ADULT_STATUS_UNSPECIFIED
        if self.removed:
            return api.ADULT_STATUS_REMOVED
        if self.queried_on and not self.query_clear:
            return api.ADULT_STATUS_EXCLUDED
        return api.ADULT_STATUS_SUSPENDED if self.suspended else api.ADULT_STATUS_ACTIVE

    @property
    def rostered(self) -> bool:
        """Whether the adult is on the roster, and not named for one case only."""
        return self.standing == forms.STANDING_ROSTERED

    @property
    def open_engagements(self) -> dict[str, Booking]:
        """Engagements that take up time."""
        return {key: b for key, b in self.engagements.items() if b.status != api.ENGAGEMENT_STATUS_OVER}


def evolve(state: AdultState, event: Any) -> AdultState:
    """The state after an event."""
    change = _CHANGES.get(type(event))
    if change is None:
        raise TypeError(event.DESCRIPTOR.full_name)
    return change(state, event)


def _entry(state: AdultState, event: events.AdultRegistered | events.AdultEntryChanged) -> AdultState:
    entry = event.entry
    return replace(
        state,
        adult_id=entry.adult_id,
        home=entry.home_uscc,
        supervisor=entry.supervisor,
        officer=entry.officer,
        standing=entry.standing,
        sex=entry.sex,
        occupation=entry.occupation,
        languages=frozenset(entry.languages),
        districts=frozenset(entry.districts),
        state_staff=entry.state_staff,
        full_capacity=entry.full_capacity,
        under_sentence=entry.under_sentence,
        liberty_restricted=entry.liberty_restricted,
    )


def _trained(state: AdultState, event: events.AdultTrained) -> AdultState:
    held_on, valid_until = to_date(event.training.held_on), to_date(event.training.valid_until)
    assert held_on is not None
    assert valid_until is not None
    trained = Trained(held_on, event.training.hours, valid_until)
    return replace(state, trainings={**state.trainings, event.training.training_id: trained})


def _availability(state: AdultState, event: events.AvailabilitySet) -> AdultState:
    return replace(state, availability=tuple((t.weekday, t.begins_minute, t.ends_minute) for t in event.times))


def _holiday(state: AdultState, event: events.HolidayRecorded) -> AdultState:
    span = (to_datetime(event.begins_at), to_datetime(event.ends_at))
    return replace(state, holidays={**state.holidays, event.holiday_id: span})


def _shift(state: AdultState, event: events.ShiftAssigned | events.ShiftTaken) -> AdultState:
    shift = event.shift
    turn = Turn(shift.division_code, to_datetime(shift.begins_at), to_datetime(shift.ends_at))
    return replace(state, shifts={**state.shifts, shift.shift_id: turn})


def _offered(state: AdultState, event: events.ShiftOffered) -> AdultState:
    turn = replace(state.shifts[event.shift_id], offered_to=event.to_adult_id)
    return replace(state, shifts={**state.shifts, event.shift_id: turn})


def _reserved(state: AdultState, event: events.EngagementReserved) -> AdultState:
    booking = Booking(
        event.assignment_id,
        event.case_id,
        event.subject_id,
        to_datetime(event.begins_at),
        to_datetime(event.ends_at),
        api.ENGAGEMENT_STATUS_RESERVED,
    )
    return replace(state, engagements={**state.engagements, event.engagement_id: booking})


def _confirmed(state: AdultState, event: events.EngagementConfirmed) -> AdultState:
    booking = replace(state.engagements[event.engagement_id], status=api.ENGAGEMENT_STATUS_CONFIRMED, confirmed=True)
    return replace(
        state,
        engagements={**state.engagements, event.engagement_id: booking},
        served=state.served | {(booking.case_id, booking.subject_id)},
    )


def _released(state: AdultState, event: events.EngagementReleased) -> AdultState:
    booking = replace(state.engagements[event.engagement_id], status=api.ENGAGEMENT_STATUS_OVER)
    attended = state.attended + (event.end == events.ENGAGEMENT_END_ATTENDED)
    return replace(state, engagements={**state.engagements, event.engagement_id: booking}, attended=attended)


def _without(known: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name != key}


_CHANGES: dict[type, Callable[[AdultState, Any], AdultState]] = {
    events.AdultRegistered: _entry,
    events.AdultEntryChanged: _entry,
    events.AdultTrained: _trained,
    events.AdultRecordQueried: lambda s, e: replace(s, queried_on=to_date(e.query.queried_on), query_clear=e.query.clear),
    events.AdultSuspended: lambda s, _: replace(s, suspended=True),
    events.AdultReinstated: lambda s, _: replace(s, suspended=False),
    events.AdultRemoved: lambda s, _: replace(s, removed=True),
    events.AvailabilitySet: _availability,
    events.HolidayRecorded: _holiday,
    events.HolidayCancelled: lambda s, e: replace(s, holidays=_without(s.holidays, e.holiday_id)),
    events.ShiftAssigned: _shift,
    events.ShiftCancelled: lambda s, e: replace(s, shifts=_without(s.shifts, e.shift_id)),
    events.ShiftOffered: _offered,
    events.ShiftTaken: _shift,
    events.ShiftHandedOver: lambda s, e: replace(s, shifts=_without(s.shifts, e.shift_id)),
    events.EngagementReserved: _reserved,
    events.EngagementRefused: lambda s, _: s,
    events.EngagementConfirmed: _confirmed,
    events.EngagementReleased: _released,
}
