"""A statutory clock: what its events add up to, and what may happen to it. Shared by the deciders of every service.

Pure: a clock ends where its events say; nothing here asks the time. A lapse is recorded as a fact and changes nothing else.
Law: domain/02 §2.2 (clock events), domain/10, domain/00 §0.4; LAW-01.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel.dates import to_datetime

# Proposed: days before the end at which those who answer for a clock are warned.
WARNING_DAYS = (30, 14, 7, 1)
# Proposed: a file that is entered from paper after its clock lapsed has this long to be entered whole.
ENTRY_GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Deadline:
    """One clock; `status` is that of api.DeadlineStatus, `due` is None while it stands still.

    `since` is the instant from which it runs: set, resumed or counted anew.
    `warned` holds the warnings given for the present end; `extensions` and `resets` what happened since it was last counted.
    """

    deadline_id: str
    rule_id: str
    status: int
    owner: str
    counting: int
    since: datetime
    liberty_restricted: bool = False
    caps: tuple[pb.Cap, ...] = ()
    length: pb.Length | None = None
    due: pb.Due | None = None
    remaining: pb.Length | None = None
    paused_at: datetime | None = None
    extensions: tuple[str, ...] = ()
    resets: tuple[int, ...] = ()
    warned: frozenset[int] = frozenset()

    @property
    def open(self) -> bool:
        """Whether it is neither met nor waived."""
        return self.status in OPEN

    @property
    def due_at(self) -> datetime | None:
        """The instant at which it is over."""
        return to_datetime(self.due.due_at) if self.due is not None else None

    @property
    def latest_at(self) -> datetime | None:
        """The latest lawful reading of that instant."""
        if self.due is None:
            return None
        return to_datetime(self.due.latest_at if self.due.HasField("latest_at") else self.due.due_at)


Deadlines = Mapping[str, Deadline]
OPEN = frozenset({api.DEADLINE_STATUS_RUNNING, api.DEADLINE_STATUS_PAUSED, api.DEADLINE_STATUS_EXPIRED})


def evolve(deadlines: Deadlines, event: Any) -> dict[str, Deadline]:
    """The clocks of a stream after an event of theirs."""
    if isinstance(event, pb.DeadlineSet):
        return {**deadlines, event.deadline_id: _set(event)}
    clock = deadlines[event.deadline_id]
    return {**deadlines, event.deadline_id: _CHANGES[type(event)](clock, event)}


def _set(event: pb.DeadlineSet) -> Deadline:
    return Deadline(
        deadline_id=event.deadline_id,
        rule_id=event.basis.rule_id,
        status=api.DEADLINE_STATUS_RUNNING,
        owner=event.owner_uscc,
        counting=event.counting,
        since=to_datetime(event.triggered_at),
        liberty_restricted=event.liberty_restricted,
        caps=tuple(event.caps),
        length=event.due.counted if event.due.HasField("counted") else None,
        due=event.due,
    )


def _running(clock: Deadline, due: pb.Due, **changes: Any) -> Deadline:
    # A new end brings new warnings, and a lapse that was recorded for the old one no longer stands.
    fresh = {"status": api.DEADLINE_STATUS_RUNNING, "remaining": None, "paused_at": None, "warned": frozenset[int]()}
    return replace(clock, due=due, **{**fresh, **changes})


def _paused(clock: Deadline, event: pb.DeadlinePaused) -> Deadline:
    return replace(
        clock,
        status=api.DEADLINE_STATUS_PAUSED,
        due=None,
        remaining=event.remaining,
        paused_at=to_datetime(event.paused_at),
    )


def _extended(clock: Deadline, event: pb.DeadlineExtended) -> Deadline:
    # A day that the organ names replaces what was counted, and with it what came first then.
    caps = clock.caps if event.due.HasField("counted") else ()
    return _running(clock, event.due, caps=caps, extensions=(*clock.extensions, event.extension_id))


def _reset(clock: Deadline, event: pb.DeadlineReset) -> Deadline:
    # Counted anew, it may be extended anew.
    since, resets = to_datetime(event.triggered_at), (*clock.resets, event.cause)
    return _running(clock, event.due, since=since, extensions=(), resets=resets)


def _recomputed(clock: Deadline, event: pb.DeadlineRecomputed) -> Deadline:
    warned = frozenset[int]() if event.moved else clock.warned
    return replace(clock, due=event.due, warned=warned, liberty_restricted=event.liberty_restricted)


_CHANGES: dict[type[Message], Callable[[Deadline, Any], Deadline]] = {
    pb.DeadlinePaused: _paused,
    pb.DeadlineResumed: lambda clock, event: _running(clock, event.due, since=to_datetime(event.resumed_at)),
    pb.DeadlineExtended: _extended,
    pb.DeadlineReset: _reset,
    pb.DeadlineMet: lambda clock, _: replace(clock, status=api.DEADLINE_STATUS_MET),
    pb.DeadlineExpired: lambda clock, _: replace(clock, status=api.DEADLINE_STATUS_EXPIRED),
    pb.DeadlineWarned: lambda clock, event: replace(clock, warned=clock.warned | {event.days_before}),
    pb.DeadlineWaived: lambda clock, _: replace(clock, status=api.DEADLINE_STATUS_WAIVED),
    pb.DeadlineRecomputed: _recomputed,
}
EVENTS: frozenset[type[Message]] = frozenset({pb.DeadlineSet, *_CHANGES})


@dataclass(frozen=True, slots=True)
class DuePoint:
    """An instant at which a clock has something to say: `days_before` its end, 0 for the end itself."""

    at: datetime
    days_before: int


def due_points(end: datetime, since: datetime) -> Sequence[DuePoint]:
    """The due points of an end that was recorded at `since`: those ahead of it, the next first.

    An end that was over when it was recorded comes up once the time for entering the file from paper has passed.
    """
    warnings = [DuePoint(end - timedelta(days=days), days) for days in WARNING_DAYS]
    last = DuePoint(end if end > since else since + ENTRY_GRACE, 0)
    return [*(point for point in warnings if point.at > since), last]


@dataclass(frozen=True, slots=True)
class Setting:
    """A length that an agency made its own where no law fixes the number; None is the default again.

    `effective_on` is its first day.
    """

    uscc: str
    rule_id: str
    variant: str
    length: pb.Length | None
    effective_on: date
