"""Followers: they take in every event of a journal exactly once, in order, and remember where they stand.

The effect of an event and the follower's position are stored in one transaction, which begins by claiming the position: a
second instance, or an operator who re-drives, waits for its end. A stream whose event fails is parked with the reason; its
later events wait behind it; the other streams go on.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import grpc
import psycopg
import structlog
from psycopg_pool import ConnectionPool

from services.kernel import metrics, telemetry
from services.kernel.errors import Unavailable
from services.kernel.feed import Feed
from services.kernel.journal import Recorded
from services.kernel.statements import statement

BATCH_ROWS_MAX = 200
DRAIN_ROWS_MAX = 2_000
WAIT_S = 1.0
AWAY_PAUSE_S = 0.5
POLL_S = 0.02
# What comes while a follower lingers is taken in together: one transaction, not one for every event. The dearer its steps are
# at the moment, the longer it lingers, so that followers never take the process from those who call.
LINGER_MIN_S, LINGER_MAX_S = 0.015, 0.05
LINGER_TIMES = 4

RowEffect = Callable[[psycopg.Connection, Recorded], None]
# The effect of rows that stand together in the journal; what it writes goes into the transaction of the connection.
Effect = Callable[[psycopg.Connection, Sequence[Recorded]], None]


def each(effect: RowEffect) -> Effect:
    """The effect of rows that is the effect of one after the other."""

    def of_rows(conn: psycopg.Connection, rows: Sequence[Recorded]) -> None:
        for row in rows:
            with telemetry.because_of(row):
                effect(conn, row)

    return of_rows


class FeedGap(Exception):
    """The feed served a row that does not follow the last one; nothing is taken in."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A stream that a follower could not take in."""

    source: str
    stream: str
    position: int
    reason: str
    parked_at: datetime


class Follower:
    """Takes one journal in; `effect` is called inside the transaction that also stores the position."""

    def __init__(self, name: str, feed: Feed, pool: ConnectionPool, schema: str, effect: Effect) -> None:
        self.name = name
        self.feed = feed
        self._pool = pool
        self._positions = (schema, "positions")
        self._parked = (schema, "parked")
        self._effect = effect
        self._log = structlog.get_logger("guanhu.follow")
        self._moved = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._took_s = 0.0
        # Where this instance believes the follower to be; the claim says whether it is.
        self._believed: int | None = None

    def start(self) -> None:
        """Starts the thread that follows until `stop`; may be started again after that."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"follow-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; an event under way is finished or rolled back."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def position(self) -> int:
        """Position of the last event taken in."""
        with self._pool.connection() as conn:
            return self._position(conn)

    def wait(self, position: int, timeout_s: float) -> bool:
        """Waits until the follower holds `position`; False when it does not within the time."""
        ends = time.monotonic() + timeout_s
        while self.position() < position:
            left = ends - time.monotonic()
            if left <= 0:
                return False
            with self._moved:
                # Woken by the follower of this process; another process may move it too, so it is asked now and then.
                self._moved.wait(min(left, POLL_S))
        return True

    def step(self, wait_s: float = 0.0, rows_max: int = BATCH_ROWS_MAX) -> int:
        """Takes in the next batch and returns its size.

        Raises:
            FeedGap: the feed skipped a position.
        """
        after = self.position() if self._believed is None else self._believed
        # Believed while there is work; asked again when there is none.
        self._believed = None
        rows = self.feed.read(after, rows_max, wait_s)
        for expected, row in enumerate(rows, start=after + 1):
            if row.position != expected:
                raise FeedGap(f"{self.name}: {self.feed.origin} served {row.position} where {expected} comes next")
        if rows:
            began = time.monotonic()
            self._take_in(rows)
            self._took_s = time.monotonic() - began
            self._believed = rows[-1].position
            metrics.followed_events.add(len(rows), {"follower": self.name})
            with self._moved:
                self._moved.notify_all()
        return len(rows)

    def drain(self, until: int | None = None) -> int:
        """Takes in everything there is now, up to a position where one is named; for tests, rebuilds and tools."""
        taken = 0
        while (most := DRAIN_ROWS_MAX if until is None else min(DRAIN_ROWS_MAX, until - self.position())) > 0:
            size = self.step(rows_max=most)
            if not size:
                break
            taken += size
        return taken

    def parked(self) -> Sequence[Parked]:
        """The parked streams, oldest first."""
        query = statement(
            "select source, stream, position, reason, parked_at from {} where follower = %s order by parked_at, stream",
            self._parked,
        )
        with self._pool.connection() as conn:
            return [Parked(*row) for row in conn.execute(query, [self.name])]

    def redrive(self, stream: str) -> str:
        """Takes a parked stream in from the event that failed; returns "" when it is free again, else the reason."""
        with self._pool.connection() as conn:
            # Claimed first: else the follower could pass an event of the stream by while it is being freed.
            position = self.claim(conn)
            query = statement("select position from {} where follower = %s and source = %s and stream = %s", self._parked)
            found = conn.execute(query, [self.name, self.feed.origin, stream]).fetchone()
            if found is None:
                return ""
            self._unpark(conn, stream)
            reason = ""
            for row in self._rows_of(stream, found[0], position):
                reason = self._try(conn, row)
                if reason:
                    self._park(conn, row, reason)
                    break
            return reason

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if 0 < self.step(WAIT_S) < BATCH_ROWS_MAX:
                    self._stop.wait(min(max(LINGER_MIN_S, LINGER_TIMES * self._took_s), LINGER_MAX_S))
            except (grpc.RpcError, psycopg.OperationalError, Unavailable) as error:
                # The other side is restarting; nothing was taken in, so trying again is safe.
                self._log.info("feed away", follower=self.name, error=type(error).__name__)
                self._stop.wait(AWAY_PAUSE_S)
            except PositionTaken:
                self._log.info("another instance was faster", follower=self.name)
            except Exception as error:
                # A follower must outlive whatever meets it: the error is logged by kind and the step is repeated.
                self._log.error("follower step failed", follower=self.name, error=type(error).__name__)
                self._stop.wait(AWAY_PAUSE_S)

    def _take_in(self, rows: Sequence[Recorded]) -> None:
        try:
            with self._pool.connection() as conn:
                self.claim(conn, rows[0].position - 1)
                waiting = self._parked_streams(conn)
                self._effect(conn, [row for row in rows if row.stream not in waiting] if waiting else rows)
                self.move(conn, rows[-1].position)
        except (grpc.RpcError, psycopg.OperationalError, Unavailable, PositionTaken):
            raise
        except Exception:
            # One of the events fails: take them one at a time, so that only its stream is parked.
            for row in rows:
                self._take_in_one(row)

    def _take_in_one(self, row: Recorded) -> None:
        with self._pool.connection() as conn:
            self.claim(conn, row.position - 1)
            if row.stream not in self._parked_streams(conn):
                reason = self._try(conn, row)
                if reason:
                    self._park(conn, row, reason)
            self.move(conn, row.position)

    def _try(self, conn: psycopg.Connection, row: Recorded) -> str:
        try:
            with conn.transaction():
                self._effect(conn, [row])
        except (grpc.RpcError, psycopg.OperationalError, Unavailable):
            raise
        except Exception as error:
            # The text of an exception may hold personal values: only its kind, or a stable reason, is kept.
            return getattr(error, "reason", type(error).__name__)
        return ""

    def _rows_of(self, stream: str, first: int, last: int) -> list[Recorded]:
        rows: list[Recorded] = []
        after = first - 1
        while after < last:
            page = self.feed.read(after, BATCH_ROWS_MAX, 0.0)
            if not page:
                break
            rows += [row for row in page if row.stream == stream and row.position <= last]
            after = page[-1].position
        return rows

    def _position(self, conn: psycopg.Connection) -> int:
        query = statement("select position from {} where follower = %s and source = %s", self._positions)
        found = conn.execute(query, [self.name, self.feed.origin]).fetchone()
        return int(found[0]) if found else 0

    def claim(self, conn: psycopg.Connection, expected: int | None = None) -> int:
        """Locks the follower's position until the transaction ends, and returns it.

        Raises:
            PositionTaken: it is not the expected one; nothing was done.
        """
        query = statement("select position from {} where follower = %s and source = %s for update", self._positions)
        found = conn.execute(query, [self.name, self.feed.origin]).fetchone()
        if found is None:
            first = "insert into {} (follower, source, position) values (%s, %s, 0) on conflict do nothing"
            conn.execute(statement(first, self._positions), [self.name, self.feed.origin])
            found = conn.execute(query, [self.name, self.feed.origin]).fetchone()
        position = int(found[0]) if found else 0
        if expected not in {None, position}:
            raise PositionTaken(self.name)
        return position

    def move(self, conn: psycopg.Connection, position: int) -> None:
        """Stores a claimed position."""
        query = statement("update {} set position = %s where follower = %s and source = %s", self._positions)
        conn.execute(query, [position, self.name, self.feed.origin])

    def _parked_streams(self, conn: psycopg.Connection) -> frozenset[str]:
        query = statement("select stream from {} where follower = %s and source = %s", self._parked)
        return frozenset(row[0] for row in conn.execute(query, [self.name, self.feed.origin]))

    def _park(self, conn: psycopg.Connection, row: Recorded, reason: str) -> None:
        query = statement(
            "insert into {} (follower, source, stream, position, reason) values (%s, %s, %s, %s, %s)", self._parked
        )
        conn.execute(query, [self.name, self.feed.origin, row.stream, row.position, reason])
        self._log.error("stream parked", follower=self.name, stream=row.stream, position=row.position, reason=reason)

    def _unpark(self, conn: psycopg.Connection, stream: str) -> None:
        query = statement("delete from {} where follower = %s and source = %s and stream = %s", self._parked)
        conn.execute(query, [self.name, self.feed.origin, stream])


class PositionTaken(Exception):
    """Another instance of the same follower was faster."""
