"""Followers: every event once and in order, effect and position together, a failing stream parked while others go on."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from guanhu.journal.v1 import record_pb2
from services.kernel.errors import Unavailable
from services.kernel.feed import LocalFeed
from services.kernel.follow import FeedGap, Follower, RowEffect, each
from services.kernel.journal import Draft, Journal, Recorded
from services.kernel.migrate import migrate
from services.kernel.resources import MIGRATIONS
from tests.contract.journal_server import append_to

# More than two batches of a follower.
MANY = 450
TAKEN_IN_WITHIN_S = 20.0
HEADER = record_pb2.Header(request_id="00000000-0000-4000-8000-000000000001").SerializeToString()
BAD, GOOD = "case-bad", "case-good"


class Case:
    """A journal, and a table that an effect writes to; `fails` says which events an effect fails on, and with what."""

    def __init__(self, pool: ConnectionPool, schema: str) -> None:
        self.pool = pool
        self.schema = schema
        self.journal = Journal(pool, schema)
        self.fails: Callable[[Recorded], Exception | None] = lambda _: None

    def append(self, *streams: str, count: int = 1) -> None:
        """Appends events, `count` to each of the streams, one append after the other."""
        for stream in streams:
            expected = len(self.journal.read_stream(stream))
            drafts = tuple(Draft("guanhu.test.v1.Happened", HEADER, b"") for _ in range(count))
            self.journal.append(replace(append_to(stream, expected), drafts=drafts))

    def effect(self, conn: psycopg.Connection, row: Recorded) -> None:
        """Writes the event down, and fails only after that."""
        table = sql.Identifier(self.schema, "seen")
        conn.execute(sql.SQL("insert into {} (position, stream) values (%s, %s)").format(table), [row.position, row.stream])
        error = self.fails(row)
        if error is not None:
            raise error

    def follower(self, name: str = "view", effect: RowEffect | None = None, feed: LocalFeed | None = None) -> Follower:
        """A follower of the journal; the same name is the same follower, in another process."""
        return Follower(name, feed or LocalFeed(self.journal), self.pool, self.schema, each(effect or self.effect))

    def seen(self) -> list[int]:
        """Positions in the order in which their effects were written."""
        query = sql.SQL("select position from {} order by nth").format(sql.Identifier(self.schema, "seen"))
        with self.pool.connection() as conn:
            return [row[0] for row in conn.execute(query)]


@pytest.fixture
def case(pool: ConnectionPool, fresh_schema: str) -> Iterator[Case]:
    with pool.connection() as conn:
        migrate(conn, fresh_schema, [MIGRATIONS])
        # Nothing here forbids a second effect of an event: the follower must.
        table = "create table {} (nth bigint generated always as identity, position bigint, stream text)"
        conn.execute(sql.SQL(table).format(sql.Identifier(fresh_schema, "seen")))
    made = Case(pool, fresh_schema)
    yield made
    made.journal.close()


def refusing(stream: str, error: Exception) -> Callable[[Recorded], Exception | None]:
    """Fails on every event of a stream."""
    return lambda row: error if row.stream == stream else None


class Refused(Exception):
    """Carries a stable reason, and a text that must not be kept."""

    reason = "PERSON_UNKNOWN"


def test_every_event_is_taken_in_once_and_in_order(case: Case) -> None:
    case.append(*(f"case-{n % 7}" for n in range(MANY)))
    follower = case.follower()
    assert follower.drain() == MANY
    assert case.seen() == list(range(1, MANY + 1))
    assert (follower.position(), follower.step()) == (MANY, 0)


def test_a_follower_that_is_started_again_goes_on_where_it_stood(case: Case) -> None:
    case.append(GOOD, count=3)
    case.follower().drain()
    case.append(GOOD, count=2)
    again = case.follower()
    assert (again.position(), again.drain()) == (3, 2)
    assert case.seen() == [1, 2, 3, 4, 5]


def test_followers_of_other_names_have_positions_of_their_own(case: Case) -> None:
    case.append(GOOD, count=3)
    case.follower("one").drain()
    assert (case.follower("one").position(), case.follower("two").position()) == (3, 0)


@pytest.mark.parametrize("error", [Unavailable(), psycopg.OperationalError("gone")])
def test_when_something_is_away_neither_effect_nor_position_is_stored(case: Case, error: Exception) -> None:
    case.append(GOOD, count=5)
    case.fails = lambda row: error if row.position == 4 else None
    with pytest.raises(type(error)):
        case.follower().step()
    assert (case.seen(), case.follower().position(), case.follower().parked()) == ([], 0, [])
    case.fails = lambda _: None
    case.follower().drain()
    assert case.seen() == [1, 2, 3, 4, 5]


def test_a_failing_stream_is_parked_and_the_others_go_on(case: Case) -> None:
    case.append(GOOD, BAD, GOOD, BAD, GOOD)
    case.fails = refusing(BAD, Refused("高小六"))
    follower = case.follower()
    follower.drain()
    assert (case.seen(), follower.position()) == ([1, 3, 5], 5)
    parked = follower.parked()
    assert [(p.stream, p.position, p.reason, p.source) for p in parked] == [(BAD, 2, "PERSON_UNKNOWN", case.schema)]


def test_a_failure_without_a_stable_reason_is_kept_by_its_kind_never_by_its_text(case: Case) -> None:
    case.append(BAD)
    case.fails = refusing(BAD, ValueError("高小六"))
    follower = case.follower()
    follower.drain()
    assert [parked.reason for parked in follower.parked()] == ["ValueError"]


def test_later_events_of_a_parked_stream_wait_although_they_would_not_fail(case: Case) -> None:
    case.append(BAD)
    case.fails = refusing(BAD, Refused())
    follower = case.follower()
    follower.drain()
    case.fails = lambda _: None
    case.append(BAD, GOOD)
    follower.drain()
    assert (case.seen(), follower.position()) == ([3], 3)


def test_redrive_takes_a_stream_in_from_the_event_that_failed_in_order(case: Case) -> None:
    case.append(BAD, GOOD, BAD, BAD)
    case.fails = refusing(BAD, Refused())
    follower = case.follower()
    follower.drain()
    case.fails = lambda _: None
    assert follower.redrive(BAD) == ""
    assert (case.seen(), follower.parked()) == ([2, 1, 3, 4], [])
    case.append(BAD)
    follower.drain()
    assert case.seen()[-1] == 5


def test_redrive_stops_at_the_next_event_that_fails(case: Case) -> None:
    case.append(BAD, BAD, BAD)
    case.fails = refusing(BAD, Refused())
    follower = case.follower()
    follower.drain()
    case.fails = lambda row: KeyError("x") if row.position == 2 else None
    assert follower.redrive(BAD) == "KeyError"
    assert case.seen() == [1]
    assert [(parked.position, parked.reason) for parked in follower.parked()] == [(2, "KeyError")]


def test_redrive_of_a_stream_that_is_not_parked_does_nothing(case: Case) -> None:
    case.append(GOOD)
    follower = case.follower()
    follower.drain()
    assert follower.redrive(GOOD) == ""
    assert case.seen() == [1]


class Misreading(LocalFeed):
    """A feed that serves its rows otherwise than they are."""

    def __init__(self, journal: Journal, change: Callable[[Sequence[Recorded]], Sequence[Recorded]]) -> None:
        super().__init__(journal)
        self._change = change

    def read(self, after: int, limit: int, wait_s: float) -> Sequence[Recorded]:
        return self._change(super().read(after, limit, wait_s))


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [*rows[:2], *rows[3:]],
        lambda rows: rows[1:],
        lambda rows: [*rows[:2], rows[1], *rows[2:]],
        lambda rows: [rows[1], rows[0], *rows[2:]],
        lambda rows: [replace(row, position=row.position + 1) for row in rows],
    ],
    ids=["one left out", "the first left out", "one twice", "two swapped", "all moved"],
)
def test_a_feed_that_does_not_go_on_one_by_one_is_refused_whole(
    case: Case, change: Callable[[Sequence[Recorded]], Sequence[Recorded]]
) -> None:
    case.append(GOOD, count=5)
    follower = case.follower(feed=Misreading(case.journal, change))
    with pytest.raises(FeedGap):
        follower.step()
    assert (case.seen(), follower.position()) == ([], 0)


def test_two_instances_of_a_follower_never_take_an_event_in_twice(case: Case) -> None:
    instances = [case.follower() for _ in range(3)]
    for instance in instances:
        instance.start()
    try:
        with ThreadPoolExecutor(4) as writers:
            list(writers.map(lambda n: case.append(f"case-{n}", count=3), range(100)))
        assert instances[0].wait(300, TAKEN_IN_WITHIN_S)
    finally:
        for instance in instances:
            instance.stop()
    assert case.seen() == list(range(1, 301))
    assert instances[0].parked() == []


class Away(LocalFeed):
    """A feed that is away until it is told to come back."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self.asked = threading.Event()
        self.back = threading.Event()

    def read(self, after: int, limit: int, wait_s: float) -> Sequence[Recorded]:
        if not self.back.is_set():
            self.asked.set()
            raise Unavailable
        return super().read(after, limit, wait_s)


def test_a_follower_outlives_a_feed_that_is_away(case: Case) -> None:
    case.append(GOOD, count=3)
    feed = Away(case.journal)
    follower = case.follower(feed=feed)
    follower.start()
    try:
        assert feed.asked.wait(TAKEN_IN_WITHIN_S)
        assert case.seen() == []
        feed.back.set()
        assert follower.wait(3, TAKEN_IN_WITHIN_S)
    finally:
        follower.stop()
    assert case.seen() == [1, 2, 3]


def test_waiting_for_a_position_ends_when_the_time_is_over(case: Case) -> None:
    case.append(GOOD)
    follower = case.follower()
    assert not follower.wait(1, 0.0)
    follower.drain()
    assert follower.wait(1, 0.0)
