"""The scheduler under faults: restarts, two instances, lost acknowledgements, clock jumps. Nothing twice, nothing missed."""

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from psycopg_pool import ConnectionPool

from guanhu.command.v1 import command_pb2
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel.dates import from_datetime
from tests.fault.clockwork import Clockwork, FakeClock
from tests.unit.kernel.clocks import at

START = at("2026-03-02 09:00").astimezone(UTC)
# A month from there ends at 24:00 of 2 April, in China Standard Time.
END = at("2026-04-03 00:00").astimezone(UTC)
WHOLE = [30, 14, 7, 1, 0]
Make = Callable[[], Clockwork]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def make(pool: ConnectionPool, fresh_schema: str, clock: FakeClock) -> Make:
    """Makes one more instance over the same journal."""
    return lambda: Clockwork(pool, fresh_schema, clock)


def new_id() -> str:
    return str(uuid.uuid4())


def days_told(works: Clockwork) -> list[int]:
    return [days for _, _, days in works.told()]


def test_every_due_point_is_passed_once_in_order_at_its_legal_instant(make: Make, clock: FakeClock) -> None:
    works = make()
    works.set(new_id(), "DL-PROS-1M", START, new_id())
    works.view.follower.drain()
    told_at = []
    while (due := works.scheduler.next_due()) is not None:
        clock.move(due - clock.now() - timedelta(microseconds=1))
        assert works.run_until_quiet() == 0
        clock.move(timedelta(microseconds=1))
        assert works.run_until_quiet() == 1
        told_at.append(due)
    assert days_told(works) == WHOLE
    assert told_at == [END - timedelta(days=days) for days in WHOLE]
    assert works.happened() == told_at


def test_an_hour_clock_is_over_to_the_second(make: Make, clock: FakeClock) -> None:
    works = make()
    began = START + timedelta(minutes=20, seconds=30)
    clock.move(began - START)
    works.set(new_id(), "DL-QUEST-12H", began, new_id())
    works.view.follower.drain()
    assert works.scheduler.next_due() == began + timedelta(hours=12)
    clock.move(timedelta(hours=12, seconds=-1))
    assert works.run_until_quiet() == 0
    clock.move(timedelta(seconds=1))
    assert works.run_until_quiet() == 1
    assert works.told()[0][0] == "DeadlineExpired"


def test_a_long_sleep_passes_what_was_missed_in_order_and_old_warnings_say_nothing(make: Make, clock: FakeClock) -> None:
    works = make()
    works.set(new_id(), "DL-PROS-1M", START, new_id())
    works.view.follower.drain()
    clock.move(END - START - timedelta(days=5))
    works.run_until_quiet()
    assert days_told(works) == [30, 14, 7]
    clock.move(timedelta(days=400))
    works.run_until_quiet()
    # The warning of the last day was missed for good: the lapse says it all.
    assert days_told(works) == [30, 14, 7, 0]
    assert works.scheduler.next_due() is None


def test_a_restart_repeats_nothing_even_when_the_view_had_not_learnt_of_it(make: Make, clock: FakeClock) -> None:
    first = make()
    for _ in range(5):
        first.set(new_id(), "DL-PROS-1M", START, new_id())
    first.view.follower.drain()
    clock.move(END - START)
    assert first.scheduler.step(clock.now())
    # It dies before the view takes in what it recorded; a new process begins at the first point again.
    second = make()
    assert second.scheduler.step(clock.now())
    second.run_until_quiet()
    counts = Counter(second.told())
    assert set(counts.values()) == {1}
    assert len([key for key in counts if key[0] == "DeadlineExpired"]) == 5


def test_two_instances_at_once_pass_every_point_exactly_once(make: Make, clock: FakeClock) -> None:
    works = [make(), make()]
    streams = [new_id() for _ in range(60)]
    for key in streams:
        works[0].set(key, "DL-PROS-1M", START, new_id())
    works[0].view.follower.drain()
    with ThreadPoolExecutor(2) as instances:
        for days in WHOLE:
            clock.move(END - timedelta(days=days) - clock.now())
            list(instances.map(lambda one: one.scheduler.step(clock.now()), works))
            works[0].view.follower.drain()
    for one in works:
        one.run_until_quiet()
    counts = Counter(works[0].told())
    assert set(counts.values()) == {1}
    assert len(counts) == len(streams) * len(WHOLE)


def test_a_clock_that_jumps_back_and_forth_loses_and_repeats_nothing(make: Make, clock: FakeClock) -> None:
    works = make()
    works.set(new_id(), "DL-PROS-1M", START, new_id())
    works.view.follower.drain()
    for jump in (timedelta(days=20), timedelta(days=-19), timedelta(days=25), timedelta(days=-30), timedelta(days=60)):
        clock.move(jump)
        works.run_until_quiet()
    told = days_told(works)
    assert len(told) == len(set(told))
    assert told == sorted(told, reverse=True)
    assert told[-1] == 0


def test_what_is_met_in_time_is_never_said_to_have_lapsed(make: Make, clock: FakeClock) -> None:
    works = make()
    key = new_id()
    works.set(key, "DL-PROS-1M", START, new_id())
    works.view.follower.drain()
    clock.move(END - START - timedelta(seconds=1))
    head = command_pb2.CommandHead(request_id=new_id())
    works.act(key, api.MeetDeadlineRequest(head=head, service="intake", stream=f"case-{key}", deadline_id="DL-PROS-1M"))
    clock.move(timedelta(seconds=1))
    # The view lags: the point is still in its table, and the command finds that there is nothing to say.
    works.scheduler.step(clock.now())
    works.run_until_quiet()
    assert "DeadlineExpired" not in {name for name, _, _ in works.told()}


def test_a_date_that_moved_is_passed_at_its_new_end_only(make: Make, clock: FakeClock) -> None:
    works = make()
    key = new_id()
    works.set(key, "DL-PROS-1M", START, new_id())
    clock.move(END - START - timedelta(hours=2))
    extend = api.ExtendDeadlineRequest(
        head=command_pb2.CommandHead(request_id=new_id(), occurred_at=from_datetime(clock.now())),
        service="intake",
        stream=f"case-{key}",
        deadline_id="DL-PROS-1M",
        extension_id="DL-PROS-15D",
        basis="重大、复杂",
        approved_by="11110108000000001J",
    )
    works.act(key, extend)
    clock.move(timedelta(hours=3))
    works.run_until_quiet()
    assert works.told() == []
    works.view.follower.drain()
    # It ends on 17 April now; the first warning ahead is that of 14 days.
    assert works.scheduler.next_due() == at("2026-04-04 00:00")


def test_a_clock_entered_from_paper_after_its_end_gets_a_day_before_it_is_said_to_have_lapsed(
    make: Make, clock: FakeClock
) -> None:
    works = make()
    works.set(new_id(), "DL-PROS-1M", datetime(2021, 8, 2, 1, 0, tzinfo=UTC), new_id())
    assert works.run_until_quiet() == 0
    clock.move(timedelta(hours=24))
    assert works.run_until_quiet() == 1
    assert works.happened() == [at("2021-09-03 00:00")]


def test_the_table_of_due_points_equals_its_rebuild(make: Make, clock: FakeClock) -> None:
    works = make()
    for number in range(4):
        works.set(new_id(), "DL-PROS-1M", START + timedelta(hours=-number), new_id())
    clock.move(timedelta(days=25))
    works.run_until_quiet()
    assert works.view.rebuild(switch=False)[1] == 0


def test_the_thread_passes_what_falls_due_by_itself_and_may_be_started_again(make: Make, clock: FakeClock) -> None:
    works = make()
    for _ in range(2):
        before = works.journal.head()
        works.set(new_id(), "DL-QUEST-12H", clock.now(), new_id())
        works.view.follower.drain()
        works.scheduler.start()
        clock.move(timedelta(hours=12))
        try:
            # The position behind the clock's own event is that of its lapse.
            assert works.journal.wait(before + 1, 10.0) == before + 2
        finally:
            works.scheduler.stop()
    assert [name for name, _, _ in works.told()] == ["DeadlineExpired"] * 2
