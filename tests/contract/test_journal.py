"""The journal: gapless positions, optimistic concurrency, idempotent requests, coalesced batches, append-only tables."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from services.kernel.append import MAX_BATCH_APPENDS, MAX_WAITING, Appender
from services.kernel.batch import Item, Outcome, Placed, Placement
from services.kernel.errors import AlreadyTracked, KeyTaken, Overloaded, RequestMismatch, VersionConflict
from services.kernel.journal import Appended, Draft, Journal, Tracking
from tests.contract.journal_server import append_to, drafts, new_schema, opened, running_server


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with running_server() as server:
        yield server.url


@pytest.fixture
def schema(uri: str) -> str:
    return new_schema(uri)


@pytest.fixture
def journal(uri: str, schema: str) -> Iterator[Journal]:
    with opened(uri, schema) as journal:
        yield journal


def test_positions_count_from_one_without_gaps_over_all_streams(journal: Journal) -> None:
    first = journal.append(append_to("case-a", count=2))
    refused = journal.append_many([append_to("case-a", expected=1), append_to("case-b", count=3)])
    assert (first.version, first.position) == (2, 2)
    assert isinstance(refused[0], VersionConflict)
    assert [row.position for row in journal.read(0, 100)] == [1, 2, 3, 4, 5]
    assert [row.version for row in journal.read_stream("case-b")] == [1, 2, 3]
    assert [row.position for row in journal.read(3, 1)] == [4]


def test_stored_bytes_come_back_as_they_went_in(journal: Journal) -> None:
    raw = bytes(range(256))
    append = append_to("案件-1", answer=raw)
    journal.append(append)
    assert [row.header for row in journal.read(0, 1)] == [append.drafts[0].header]
    stored = journal.find_request(append.caller, append.request_id)
    assert stored is not None and (stored.answer, stored.hash, stored.position) == (raw, b"hash", 1)


def test_repeat_gets_the_stored_answer_even_after_the_stream_moved_on(journal: Journal) -> None:
    append = append_to("case-a")
    original = journal.append(append)
    journal.append(append_to("case-a", expected=1))
    repeat = journal.append(append_to("case-a", request_id=append.request_id, answer=b"another answer"))
    assert repeat == Appended(original.version, original.position, b"answer", replayed=True)
    assert journal.head() == 2


def test_same_request_id_with_another_body_is_refused_but_not_for_another_caller(journal: Journal) -> None:
    append = append_to("case-a")
    journal.append(append)
    with pytest.raises(RequestMismatch):
        journal.append(append_to("case-b", request_id=append.request_id, request_hash=b"other"))
    journal.append(append_to("case-b", request_id=append.request_id, request_hash=b"other", caller="another"))


@pytest.mark.parametrize("expected", [0, 2, 7])
def test_append_on_another_version_than_the_current_is_refused(journal: Journal, expected: int) -> None:
    journal.append(append_to("case-a"))
    with pytest.raises(VersionConflict):
        journal.append(append_to("case-a", expected=expected))
    assert journal.head() == 1


def test_refused_request_may_come_again_on_the_right_version(journal: Journal) -> None:
    journal.append(append_to("case-a"))
    with pytest.raises(VersionConflict):
        journal.append(append_to("case-a", request_id="once more"))
    assert not journal.append(append_to("case-a", expected=1, request_id="once more")).replayed


def test_effect_of_a_position_is_recorded_once_and_in_order(journal: Journal) -> None:
    journal.append(append_to("case-a", tracking=Tracking("audit", "intake", 5)))
    for position in (5, 4):
        with pytest.raises(AlreadyTracked):
            journal.append(append_to("case-b", tracking=Tracking("audit", "intake", position)))
    journal.append(append_to("case-c", tracking=Tracking("audit", "intake", 9)))
    journal.append(append_to("case-d", tracking=Tracking("another", "intake", 1)))
    assert (journal.tracked("audit", "intake"), journal.head()) == (9, 3)


def test_a_key_belongs_to_one_stream_for_ever(journal: Journal) -> None:
    journal.append(append_to("case-a", key="number-1"))
    assert journal.stream_of_key("number-1") == "case-a"
    with pytest.raises(KeyTaken):
        journal.append(append_to("case-b", key="number-1"))
    assert journal.read_stream("case-b") == []
    journal.append(append_to("case-a", expected=1, key="number-1"))


def test_only_one_of_many_concurrent_appends_with_a_key_wins(uri: str, schema: str) -> None:
    # Two processes, several threads each: within a batch, between batches and between processes.
    with opened(uri, schema) as one, opened(uri, schema) as two, ThreadPoolExecutor(16) as pool:
        outcomes = list(
            pool.map(lambda n: (one, two)[n % 2].append_many([append_to(f"case-{n}", key="number-1")])[0], range(16))
        )
    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, KeyTaken) for outcome in outcomes) == 15


def test_one_bad_item_never_fails_the_others_of_its_batch(journal: Journal) -> None:
    outcomes = journal.append_many(
        [append_to("case-a"), append_to("nul \0 in a name"), append_to("case-b", expected=3), append_to("case-c")]
    )
    expected = (Appended, psycopg.DataError, VersionConflict, Appended)
    assert all(isinstance(outcome, kind) for outcome, kind in zip(outcomes, expected, strict=True))
    assert [row.stream for row in journal.read(0, 10)] == ["case-a", "case-c"]


def test_only_one_of_many_concurrent_appends_to_a_version_wins(journal: Journal) -> None:
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: journal.append_many([append_to("case-a")])[0], range(64)))
    assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, VersionConflict) for outcome in outcomes) == 63


def test_the_same_request_from_many_threads_is_recorded_once(journal: Journal) -> None:
    append = append_to("case-a")
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: journal.append(append), range(64)))
    assert {(outcome.position, outcome.answer) for outcome in outcomes} == {(1, b"answer")}
    assert sum(not outcome.replayed for outcome in outcomes) == 1


def test_two_processes_share_one_gapless_order(uri: str, schema: str) -> None:
    with opened(uri, schema) as one, opened(uri, schema) as other, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: (one, other)[n % 2].append(append_to(uuid4().hex, count=1 + n % 3)), range(120)))
        assert [row.position for row in one.read(0, 1000)] == list(range(1, 241))


def test_waiting_reader_is_woken_by_an_append_of_its_own_process(journal: Journal) -> None:
    heads: list[int] = []
    reader = threading.Thread(target=lambda: heads.append(journal.wait(0, 30.0)))
    reader.start()
    journal.append(append_to("case-a"))
    reader.join()
    assert heads == [1]


def test_waiting_reader_sees_an_append_of_another_process(uri: str, schema: str, journal: Journal) -> None:
    heads: list[int] = []
    reader = threading.Thread(target=lambda: heads.append(journal.wait(0, 30.0)))
    reader.start()
    with opened(uri, schema) as other:
        other.append(append_to("case-a"))
    reader.join()
    assert heads == [1]
    assert journal.wait(1, 0.0) == 1


@pytest.mark.parametrize("table", ["events", "requests"])
@pytest.mark.parametrize("change", ["update {} set version = 9", "delete from {}", "truncate {}"])
def test_not_even_the_owner_changes_what_is_recorded(uri: str, schema: str, journal: Journal, table: str, change: str) -> None:
    journal.append(append_to("case-a"))
    for role in ("origin", "replica"):
        with psycopg.connect(uri) as connection:
            connection.execute(sql.SQL("set session_replication_role = {}").format(sql.Identifier(role)))
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
                connection.execute(change.format(f'"{schema}".{table}').encode())
    assert journal.head() == 1


def test_writer_reads_and_appends_and_nothing_else(uri: str, schema: str) -> None:
    with opened(uri + "&options=-c%20role%3Dguanhu_writer", schema) as journal:
        assert journal.append(append_to("case-a")).position == 1
        assert journal.head() == 1
    for statement in ('insert into "{}".positions values (1, 2, 3)', 'update "{}".positions set position = 1'):
        with psycopg.connect(uri) as connection:
            connection.execute("set role guanhu_writer")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.format(schema).encode())


def test_append_refuses_a_snapshot_older_than_its_lock(uri: str, schema: str) -> None:
    arrays = ", ".join(["'{}'"] * 16)
    with psycopg.connect(uri) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.InvalidTransactionState):
            connection.execute(f'select * from "{schema}".append({arrays})'.encode())


class HeldSender:
    """Answers batches only once released, and remembers them."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()
        self.batches: list[list[Item]] = []

    def send(self, items: Sequence[Item]) -> list[Outcome]:
        self.batches.append(list(items))
        self.entered.set()
        self.released.wait()
        return [Appended(0, 0, b"", False) for _ in items]

    def close(self) -> None:
        self.entered.clear()


def test_waiting_appends_are_bounded_and_batches_too() -> None:
    sender = HeldSender()
    appender = Appender(sender)
    calls = [threading.Thread(target=appender.append_many, args=([append_to("first")],))]
    calls[0].start()
    sender.entered.wait()
    waiting = [append_to(f"case-{n}") for n in range(MAX_WAITING - 1)]
    with pytest.raises(Overloaded):
        appender.append_many([*waiting, append_to("x"), append_to("y")])
    calls.append(threading.Thread(target=appender.append_many, args=(waiting,)))
    calls[1].start()
    sender.released.set()
    for call in calls:
        call.join()
    sizes = [len(batch) for batch in sender.batches]
    assert sum(sizes) == MAX_WAITING
    assert max(sizes) == MAX_BATCH_APPENDS


def test_batch_holds_a_stream_and_a_request_once_and_keeps_the_order() -> None:
    sender = HeldSender()
    sender.released.set()
    placed = Placement((Placed("a", 1, drafts()[0]), Placed("b", 1, Draft("t", b"", b""))))
    items: list[Item] = [
        append_to("a", request_id="1"),
        append_to("c", request_id="1"),
        placed,
        append_to("b", request_id="2"),
    ]
    Appender(sender).append_many([*items, append_to("d", request_id="3")])
    assert sender.batches == [[items[0], sender.batches[0][1]], [items[1], placed], [items[3]]]
