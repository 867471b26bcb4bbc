"""A follower that reads `position > last` sees every acknowledged event, whatever writers do meanwhile."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from services.kernel.journal import Journal
from tests.contract.journal_server import append_to, new_schema, opened, running_server

WRITERS = 8
EVENTS_IN_A_TRANSACTION = 3
# 8 writers x 1 667 transactions x 3 events: 40 008 events.
TRANSACTIONS_OF_A_WRITER = 1667

Write = Callable[[str], object]

# Pauses between insert and commit: what tears position order and commit order apart, if anything can.
PAUSE = """
create function "{0}".pause() returns trigger language plpgsql as
$$ begin perform pg_sleep(random() * 0.001); return null; end $$;
create trigger pause after insert on "{0}".events for each statement execute function "{0}".pause();
"""

UNSAFE = """
create schema "{0}";
create table "{0}".events (position bigserial primary key, stream text, version bigint, type text, header bytea,
    payload bytea);
"""


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with running_server() as server:
        yield server.url


def execute(uri: str, script: str) -> None:
    with psycopg.connect(uri) as connection:
        connection.execute(script.encode())


def into(journal: Journal) -> Write:
    """Return what a writer of this journal does for each stream."""
    return lambda stream: journal.append(append_to(stream, count=EVENTS_IN_A_TRANSACTION))


def follow_while_writing(follower: Journal, writes: list[Write]) -> tuple[list[str], list[int], set[str]]:
    """Run all writers beside a follower; return streams and positions as it saw them, and what was acknowledged."""
    acknowledged: set[str] = set()
    done = threading.Event()
    streams: list[str] = []
    positions: list[int] = []

    def work(write: Write) -> None:
        chance = random.Random()
        for _ in range(TRANSACTIONS_OF_A_WRITER):
            stream = f"case-{uuid4()}"
            write(stream)
            acknowledged.add(stream)
            done.wait(chance.random() * 0.001)

    def follow() -> None:
        last = 0
        while True:
            # Asked before reading: what was acknowledged by then must be among the rows.
            finished = done.is_set()
            rows = follower.read(last, 500)
            streams.extend(row.stream for row in rows)
            positions.extend(row.position for row in rows)
            last = rows[-1].position if rows else last
            if finished and not rows:
                return

    reader = threading.Thread(target=follow)
    reader.start()
    try:
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(work, writes))
    finally:
        done.set()
        reader.join()
    return streams, positions, acknowledged


def check(streams: list[str], positions: list[int], acknowledged: set[str]) -> None:
    """The oracle: everything acknowledged was seen, whole, in order, without a gap."""
    assert positions == list(range(1, len(positions) + 1))
    assert set(streams) == acknowledged
    assert (
        len(streams)
        == EVENTS_IN_A_TRANSACTION * len(acknowledged)
        == EVENTS_IN_A_TRANSACTION * WRITERS * (TRANSACTIONS_OF_A_WRITER)
    )


@pytest.mark.timeout(300)
def test_follower_of_the_journal_sees_all_that_was_acknowledged_in_order(uri: str) -> None:
    schema = new_schema(uri)
    execute(uri, PAUSE.format(schema))
    with ExitStack() as stack:
        # One journal for each writer: as many processes, none of which coalesces with another.
        journals = [stack.enter_context(opened(uri, schema, size=1)) for _ in range(WRITERS)]
        follower = stack.enter_context(opened(uri, schema, size=1))
        check(*follow_while_writing(follower, [into(journal) for journal in journals]))


@pytest.mark.timeout(300)
def test_follower_of_coalesced_writers_sees_all_that_was_acknowledged_in_order(uri: str) -> None:
    schema = new_schema(uri)
    execute(uri, PAUSE.format(schema))
    with opened(uri, schema) as journal, opened(uri, schema, size=1) as follower:
        check(*follow_while_writing(follower, [into(journal)] * WRITERS))


@pytest.mark.timeout(300)
def test_the_same_check_catches_a_recorder_without_a_lock(uri: str) -> None:
    schema = f"unsafe_{uuid4().hex[:12]}"
    execute(uri, UNSAFE.format(schema) + PAUSE.format(schema))
    row = "(%(stream)s, {}, 'type', '', '')"
    values = ", ".join(row.format(version) for version in range(1, EVENTS_IN_A_TRANSACTION + 1))
    insert = f'insert into "{schema}".events (stream, version, type, header, payload) values {values}'.encode()
    pool: ConnectionPool[psycopg.Connection[Any]]
    with (
        ConnectionPool(uri, min_size=WRITERS, kwargs={"autocommit": True}) as pool,
        opened(uri, schema, size=1) as follower,
    ):

        def write(stream: str) -> None:
            with pool.connection() as connection:
                connection.execute(insert, {"stream": stream})

        seen = follow_while_writing(follower, [write] * WRITERS)
        with pytest.raises(AssertionError):
            check(*seen)
        assert set(seen[0]) < seen[2], "events were lost for the follower, not merely out of order"
