"""Clocks for tests: a stream of clock events, and instants of China Standard Time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel.calendar import CHINA, WorkingCalendar
from services.kernel.dates import from_date, to_date
from services.kernel.deadline import Deadline, Deadlines, evolve
from services.kernel.deadline_start import set_clock
from services.kernel.decision import CHINA_STANDARD_TIME

OWNER, ORGAN, UPPER = "11110108000000001J", "11110108000000002H", "11110108000000003G"


def at(text: str) -> datetime:
    """An instant of China Standard Time."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA_STANDARD_TIME)


def fold(*events: Message, deadlines: Deadlines | None = None) -> dict[str, Deadline]:
    """The clocks after events."""
    found = dict(deadlines or {})
    for event in events:
        found = evolve(found, event)
    return found


def started(rule_id: str, when: str, **fields: Any) -> Deadline:
    """A clock that was just set."""
    [clock] = fold(set_clock({}, rule_id, at(when), owner=OWNER, **fields)).values()
    return clock


def after(clock: Deadline, events: Sequence[Message]) -> Deadline:
    """The clock after more events of its own."""
    return fold(*events, deadlines={clock.deadline_id: clock})[clock.deadline_id]


def due(clock: Deadline) -> date:
    """The last day of a running clock."""
    assert clock.due is not None
    found = to_date(clock.due.due_on)
    assert found is not None
    return found


def extension(extension_id: str, **fields: Any) -> api.ExtendDeadlineRequest:
    """A command to extend."""
    return api.ExtendDeadlineRequest(extension_id=extension_id, basis="案情重大、复杂", approved_by=UPPER, **fields)


def host(day: str, working_days: int = 1) -> pb.Cap:
    """The end of a host period that comes first."""
    return pb.Cap(kind=pb.STEP_KIND_HOST, host_on=from_date(date.fromisoformat(day)), working_days=working_days)


def letter(day: str) -> pb.Cap:
    """A day named in a letter of commission."""
    return pb.Cap(kind=pb.STEP_KIND_LETTER, on=from_date(date.fromisoformat(day)))


# The calendar before and after a notice that makes 4 to 8 January 2027 days off and 2 and 3 January days worked.
NEXT_YEAR: WorkingCalendar = replace(
    CHINA,
    version="cn-2027.test",
    years=CHINA.years | {2027},
    rest=CHINA.rest | {date(2027, 1, day) for day in (1, 4, 5, 6, 7, 8)},
    work=CHINA.work | {date(2027, 1, 2), date(2027, 1, 3)},
)
