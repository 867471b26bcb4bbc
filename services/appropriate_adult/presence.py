"""Who was in the room from when to when, and what that covers: presence is evidence, minute by minute.

Law: AA-R01 to AA-R03 (who must be there), AA-R11 (what absence does).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events

Span = tuple[datetime, datetime]

OVER = frozenset({api.SESSION_STATUS_CLOSED, api.SESSION_STATUS_CANCELLED})
NOT_BEGUN = frozenset({api.SESSION_STATUS_SCHEDULED, api.SESSION_STATUS_ARRIVED, api.SESSION_STATUS_RIGHTS_INFORMED})
QUALIFYING = frozenset({events.ATTENDEE_PART_LEGAL_REPRESENTATIVE, events.ATTENDEE_PART_APPROPRIATE_ADULT})


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in the room; it counts as presence until `counts_until`, where the adult lost the part while staying."""

    attendee_id: str
    part: int
    came_at: datetime
    left_at: datetime | None = None
    counts_until: datetime | None = None

    @property
    def in_room(self) -> bool:
        """Whether the attendee is still there."""
        return self.left_at is None

    @property
    def qualifies(self) -> bool:
        """Whether the attendee is there and counts."""
        return self.in_room and self.counts_until is None and self.part in QUALIFYING


@dataclass(frozen=True, slots=True)
class Session:
    """One session; `status` is that of api.SessionStatus, `runs` are the spans in which questions were asked."""

    session_id: str
    planned_from: datetime
    planned_until: datetime
    division_code: str = ""
    travel_minutes: int = 0
    purpose: int = 0
    status: int = api.SESSION_STATUS_SCHEDULED
    record_no: str = ""
    stays: tuple[Stay, ...] = ()
    informed: frozenset[str] = frozenset()
    unmet: frozenset[int] = frozenset()
    runs: tuple[Span, ...] = ()
    running_since: datetime | None = None
    frame: int = 0
    frame_began_at: datetime | None = None
    last_at: datetime | None = None
    objections: frozenset[str] = frozenset()
    signed: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()
    flags: tuple[tuple[int, datetime, datetime], ...] = ()
    excluded: bool = False
    cured: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more happens in the session."""
        return self.status in OVER

    @property
    def defective(self) -> bool:
        """Whether something was missing when questions were asked, or a stage ran without an adult."""
        return bool(self.record_no) and bool(self.unmet or self.flags)

    def stay_of(self, attendee_id: str) -> Stay | None:
        """The newest stay of an attendee."""
        return next((stay for stay in reversed(self.stays) if stay.attendee_id == attendee_id), None)

    @property
    def qualified(self) -> frozenset[str]:
        """Those in the room who count now."""
        return frozenset(stay.attendee_id for stay in self.stays if stay.qualifies)


def with_stay(session: Session, stay: Stay) -> Session:
    """The session after somebody came in."""
    return replace(session, stays=(*session.stays, stay))


def without(session: Session, attendee_id: str, at: datetime) -> Session:
    """The session after somebody left."""
    stays = tuple(replace(s, left_at=at) if s.attendee_id == attendee_id and s.in_room else s for s in session.stays)
    return replace(session, stays=stays)


def disqualified(session: Session, attendee_id: str) -> Session:
    """The session after an attendee lost the part: from the last recorded act on, the stay counts no more."""
    stays = tuple(
        replace(s, counts_until=session.last_at) if s.attendee_id == attendee_id and s.qualifies else s for s in session.stays
    )
    return replace(session, stays=stays)


def without_part(session: Session, part: int) -> Session:
    """The session after everybody who is there in a part lost it."""
    for stay in session.stays:
        if stay.part == part:
            session = disqualified(session, stay.attendee_id)
    return session


def covered(session: Session, until: datetime) -> list[Span]:
    """Spans with somebody qualified in the room, joined and in order."""
    spans = [
        (stay.came_at, min(filter(None, (stay.left_at, stay.counts_until, until))))
        for stay in session.stays
        if stay.part in QUALIFYING
    ]
    joined: list[Span] = []
    for begins, ends in sorted(spans):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(ends, joined[-1][1]))
        else:
            joined.append((begins, ends))
    return joined


def uncovered(session: Session, until: datetime) -> list[Span]:
    """Spans in which questions were asked while nobody qualified was in the room."""
    present = covered(session, until)
    return [gap for run in ran(session, until) for gap in _minus(run, present)]


def ran(session: Session, until: datetime) -> list[Span]:
    """Spans in which questions were asked."""
    return [*session.runs, *([(session.running_since, until)] if session.running_since else [])]


def length(spans: Iterable[Span]) -> timedelta:
    """How long the spans are together."""
    return sum((ends - begins for begins, ends in spans), timedelta())


def minutes(spans: Iterable[Span]) -> int:
    """Full minutes of the spans together."""
    return int(length(spans).total_seconds() // 60)


def _minus(run: Span, present: Iterable[Span]) -> Iterable[Span]:
    at, ends = run
    for begins, until in present:
        if until <= at or begins >= ends:
            continue
        if begins > at:
            yield at, begins
        at = max(at, until)
    if at < ends:
        yield at, ends
