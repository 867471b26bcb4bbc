"""A new calendar year: provisional dates are counted again once, by events that say what moved."""

import uuid
from datetime import UTC, date
from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from services.kernel import calendar, recount
from services.kernel.dates import to_date, to_datetime
from services.kernel.handler import Call
from services.kernel.identity import Principal
from tests.fault.clockwork import Clockwork, FakeClock
from tests.unit.kernel.clocks import NEXT_YEAR, at

START = at("2026-12-30 09:00").astimezone(UTC)
SCHEDULER = Call(Principal("service", "guanhu:intake", "", "SYSTEM"))


@pytest.fixture
def works(pool: ConnectionPool, fresh_schema: str) -> Clockwork:
    return Clockwork(pool, fresh_schema, FakeClock(START))


def recomputed(works: Clockwork) -> list[Any]:
    rows = works.journal.select("where type = %s order by position", pb.DeadlineRecomputed.DESCRIPTOR.full_name)
    return [works.codec.clear(row) for row in rows]


def test_tim_10_a_published_year_moves_what_was_provisional_once_and_says_what_moved(
    works: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving, staying, certain = (str(uuid.uuid4()) for _ in range(3))
    # Three working days over the New Year, a month to a Saturday at the end of January, and custody, which no holiday prolongs.
    works.set(moving, "DL-FILE-ACCESS-3WD", START, str(uuid.uuid4()))
    works.set(staying, "DL-PROS-1M", START, str(uuid.uuid4()))
    works.set(certain, "DL-ARREST-7D", START, str(uuid.uuid4()))
    works.view.follower.drain()
    assert recount.recount("intake", works.clocks, SCHEDULER) == 0
    monkeypatch.setattr(calendar, "CHINA", NEXT_YEAR)
    assert recount.recount("intake", works.clocks, SCHEDULER) == 2
    # Again, before the view has learnt of it, and after.
    recount.recount("intake", works.clocks, SCHEDULER)
    works.view.follower.drain()
    assert recount.recount("intake", works.clocks, SCHEDULER) == 0
    events = {to_date(event.due.due_on): event for event in recomputed(works)}
    assert len(recomputed(works)) == len(events) == 2
    moved, final = events[date(2027, 1, 3)], events[date(2027, 2, 1)]
    assert (moved.moved, to_datetime(moved.due_before), moved.calendar_version_before) == (
        True,
        at("2027-01-06 00:00"),
        "cn-2026.1",
    )
    assert (final.moved, final.due.calendar_version) == (False, "cn-2027.test")
    assert not any(event.due.provisional for event in events.values())
    assert works.view.rebuild(switch=False)[1] == 0
