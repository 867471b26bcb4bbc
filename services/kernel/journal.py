"""The journal of one service. Positions are gapless and in commit order: reading `position > last` misses nothing."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Any, LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from services.kernel import metrics
from services.kernel.append import Appender
from services.kernel.batch import Append, Appended, Batches, Draft, Item, Outcome, Tracking
from services.kernel.errors import Unavailable
from services.kernel.statements import statement

__all__ = ["Append", "Appended", "Draft", "Journal", "Recorded", "StoredRequest", "Tracking"]

READ_ATTEMPTS = 3
READ_TIMEOUT_S = 5.0
# A journal looks for what other processes appended at least this often while anybody waits, and more often while it finds
# something; notifications could stay away for ever.
MIN_POLL_S = 0.05
MAX_POLL_S = 0.25
_ROW = "select position, stream, version, type, header, payload from {}.events "


@dataclass(frozen=True, slots=True)
class Recorded:
    """One stored row, byte for byte."""

    position: int
    stream: str
    version: int
    type: str
    header: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """What was answered to a request."""

    hash: bytes
    version: int
    position: int
    answer: bytes


class Journal:
    """Appends to and reads the journal named `origin`, which lives in the schema of the same name unless told.

    Share one Journal per process: appends coalesce within it. It keeps one connection of the pool for appending.
    """

    def __init__(self, pool: ConnectionPool[Connection[Any]], origin: str, schema: str | None = None) -> None:
        self.origin = origin
        self._pool = pool
        self._schema = (schema or origin,)
        self._labels = {"journal": origin}
        self._appender = Appender(Batches(pool, schema or origin))
        self._grown = Condition()
        self._head = 0
        # When the last of those that wait looked, and how long the others rely on that.
        self._looked = 0.0
        self._pause = MIN_POLL_S

    def append(self, append: Append) -> Appended:
        """Append durably, or return the stored outcome of the same request.

        Raises: VersionConflict, KeyTaken, RequestMismatch, AlreadyTracked, Overloaded; Unavailable when the outcome is unknown.
        """
        return appended(self.append_items([append])[0])

    def append_many(self, appends: Sequence[Append]) -> list[Appended | Exception]:
        """Append each by itself; where one is refused, its exception stands in the list. Raises: Overloaded."""
        return self.append_items(appends)

    def append_items(self, items: Sequence[Item]) -> list[Outcome]:
        """Append requests and bare placements alike. Raises: Overloaded."""
        began = time.perf_counter()
        outcomes = self._appender.append_many(items)
        metrics.append_duration.record(time.perf_counter() - began, self._labels)
        self._saw(max((o.position for o in outcomes if isinstance(o, Appended)), default=0))
        return outcomes

    def read(self, after: int, limit: int) -> list[Recorded]:
        """Return the rows after a position, ascending, without gaps."""
        rows = self._rows(_ROW + "where position > %s order by position limit %s", after, limit)
        return [Recorded(*row) for row in rows]

    def read_stream(self, stream: str, after: int = 0, limit: int = 2000) -> list[Recorded]:
        """Return the rows of a stream after a version, ascending."""
        query = _ROW + "where stream = %s and version > %s order by version limit %s"
        return [Recorded(*row) for row in self._rows(query, stream, after, limit)]

    def read_streams(self, after: Mapping[str, int]) -> list[Recorded]:
        """Return the rows of many streams, each after a version, by stream and version."""
        query = (
            _ROW + "join unnest(%s::text[], %s::bigint[]) as known (name, seen) on stream = name and version > seen"
            " order by stream, version"
        )
        return [Recorded(*row) for row in self._rows(query, list(after), list(after.values()))]

    def head(self) -> int:
        """Return the position of the newest event, 0 for an empty journal."""
        head = int(self._rows("select coalesce(max(position), 0) from {}.events")[0][0])
        self._saw(head)
        return head

    def wait(self, after: int, timeout_s: float) -> int:
        """Return the head as soon as it is past `after`, or when the time is over."""
        deadline = time.monotonic() + timeout_s
        while self._head <= after and self._look() <= after:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            with self._grown:
                self._grown.wait_for(lambda: self._head > after, min(self._pause, remaining))
        return self._head

    def find_request(self, caller: str, request_id: str) -> StoredRequest | None:
        """Return what was answered to a request, if it was recorded."""
        query = "select request_hash, version, position, answer from {}.requests where caller = %s and request_id = %s"
        rows = self._rows(query, caller, request_id)
        return StoredRequest(*rows[0]) if rows else None

    def stream_of_key(self, key: str) -> str:
        """Return the stream that a key belongs to, "" while it belongs to none."""
        rows = self._rows("select stream from {}.keys where key = %s", key)
        return str(rows[0][0]) if rows else ""

    def tracked(self, follower: str, source: str) -> int | None:
        """Return the position that a follower has reached in another journal, None before its first."""
        query = "select position from {}.positions where follower = %s and source = %s"
        rows = self._rows(query, follower, source)
        return int(rows[0][0]) if rows else None

    def select(self, conditions: LiteralString, *values: object) -> list[Recorded]:
        """Return the rows that fulfil conditions in SQL, for readers inside the kernel."""
        return [Recorded(*row) for row in self._rows(_ROW + conditions, *values)]

    def close(self) -> None:
        """Refuse further appends; the pool stays the caller's."""
        self._appender.close()

    def _look(self) -> int:
        """The head, asked for by one for all that wait: dozens of followers, watches and feeds may wait for the same event."""
        if time.monotonic() - self._looked >= self._pause:
            self._looked = time.monotonic()
            before = self._head
            self._pause = MIN_POLL_S if self.head() > before else min(2 * self._pause, MAX_POLL_S)
        return self._head

    def _saw(self, head: int) -> None:
        if head <= self._head:
            return
        with self._grown:
            self._head = max(head, self._head)
            self._grown.notify_all()

    def _rows(self, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        cause: Exception | None = None
        for _ in range(READ_ATTEMPTS):
            try:
                with (
                    self._pool.connection(READ_TIMEOUT_S) as connection,
                    connection.cursor(binary=True, row_factory=tuple_row) as cursor,
                ):
                    return cursor.execute(statement(query, self._schema), values).fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                cause = error
                # After a restart every idle connection is dead; have them replaced rather than meet them one by one.
                self._pool.check()
        raise Unavailable() from cause


def appended(outcome: Outcome) -> Appended:
    """Raises: the outcome, where it is a refusal."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
