"""One batch of appends: a single call of the journal's append function, judged item by item."""

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import psycopg
from psycopg import Connection, sql
from psycopg.rows import tuple_row
from psycopg_pool import ConnectionPool

from services.kernel import metrics
from services.kernel.errors import AlreadyTracked, KeyTaken, RequestMismatch, Unavailable, VersionConflict

RECONNECT_TIMEOUT_S = 5.0
# The first try, one for a connection that died since the last batch, one for a server that went down in between.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Draft:
    """An event to be appended: `type` is its full proto name, `header` and `payload` the bytes to store."""

    type: str
    header: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Tracking:
    """The position of another journal whose effect is stored with the append; must ascend for a follower and source."""

    follower: str
    source: str
    position: int


@dataclass(frozen=True, slots=True)
class Append:
    """Events for one stream, on the condition that its current version is `expected_version`.

    A `key` belongs from then on to this stream alone: an append to another stream that names it is refused.
    """

    stream: str
    expected_version: int
    drafts: tuple[Draft, ...]
    caller: str
    request_id: str
    request_hash: bytes
    answer: bytes = b""
    tracking: Tracking | None = None
    key: str = ""

    def __post_init__(self) -> None:
        """Raises: ValueError when it could not be repeated safely, because caller, request or hash are missing."""
        if not (self.stream and self.caller and self.request_id and self.request_hash):
            raise ValueError("an append names its stream, caller, request and request hash")
        if self.expected_version < 0:
            raise ValueError("the current version of a stream is 0 or more")


@dataclass(frozen=True, slots=True)
class Placed:
    """An event that brings its own stream and version, as the library's recorders hand them over."""

    stream: str
    version: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Placement:
    """Events with their own streams and versions; without a request, so never repeated after a lost answer."""

    events: tuple[Placed, ...]
    tracking: Tracking | None = None


Item = Append | Placement


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append came to: version of the stream and position of its last event; `replayed` when it was a repeat."""

    version: int
    position: int
    answer: bytes
    replayed: bool


Outcome = Appended | Exception


def claims(item: Item) -> set[Hashable]:
    """What a batch may hold at most once, because an item is judged by the state before the batch."""
    claimed: set[Hashable]
    if isinstance(item, Append):
        claimed = {item.stream, (item.caller, item.request_id)}
        if item.key:
            claimed.add(("key", item.key))
    else:
        claimed = {event.stream for event in item.events}
    if item.tracking:
        claimed.add(("tracking", item.tracking.follower, item.tracking.source))
    return claimed


class Batches:
    """Sends batches over one connection that it keeps; used by one thread at a time."""

    def __init__(self, pool: ConnectionPool[Connection[Any]], schema: str) -> None:
        self._pool = pool
        self._labels = {"journal": schema}
        # %b: arrays of bytes go over in binary, half the size of the text form.
        arrays = (
            "%b::text[],%b::int8[],%b::text[],%b::text[],%b::bytea[],%b::bytea[],%b::text[],%b::text[],%b::int8[],%b::text[]"
        )
        events = "%b::int8[],%b::text[],%b::int8[],%b::text[],%b::bytea[],%b::bytea[]"
        call = f"select item, outcome, version, position, answer from {{}}.append({arrays},{events})"
        self._call = sql.SQL(cast("Literal['']", call)).format(sql.Identifier(schema)).as_string()
        self._connection: Connection[Any] | None = None
        self._autocommit = False
        self._warnings: list[str] = []

    def send(self, items: Sequence[Item]) -> list[Outcome]:
        """Append every acceptable item. A refused one yields its exception and leaves the others alone."""
        try:
            return self._send_with_retries(items)
        except psycopg.Error as error:
            if len(items) == 1:
                return [VersionConflict() if isinstance(error, psycopg.errors.UniqueViolation) else error]
        # Something that the server or the driver cannot take is in the batch: each item stands for itself.
        return [outcome for item in items for outcome in self.send([item])]

    def close(self) -> None:
        """Give the connection back to the pool."""
        if self._connection is not None:
            self._connection.remove_notice_handler(self._note)
            if not self._connection.closed:
                self._connection.autocommit = self._autocommit
            self._pool.putconn(self._connection)
            self._connection = None

    def _send_with_retries(self, items: Sequence[Item]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(items)
        waiting = list(range(len(items)))
        for _ in range(ATTEMPTS):
            connection = self._connected()
            if connection is None or not waiting:
                break
            try:
                answers = self._execute(connection, [items[i] for i in waiting])
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                for i in waiting:
                    outcomes[i] = _unavailable(error)
                if not connection.closed:
                    # The server answered, so nothing was written (disk full, lock timeout): at once is too early.
                    break
                self._drop()
                # The answer is lost and the batch may be stored. Only what carries a request can be sent again.
                waiting = [i for i in waiting if isinstance(items[i], Append)]
                continue
            for i, answer in zip(waiting, answers, strict=True):
                outcomes[i] = answer
            break
        return _known(outcomes)

    def _execute(self, connection: Connection[Any], items: Sequence[Item]) -> list[Outcome]:
        self._warnings.clear()
        metrics.append_batch_size.record(len(items), self._labels)
        with connection.cursor(binary=True, row_factory=tuple_row) as cursor:
            cursor.execute(cast("Literal['']", self._call), _arguments(items), prepare=True)
            rows = cursor.fetchall()
        if self._warnings:
            # A cancelled wait for a synchronous standby commits locally and only warns: that is no acknowledgement.
            return [Unavailable("the standby did not confirm") for _ in items]
        outcomes: list[Outcome | None] = [None] * len(items)
        for number, outcome, version, position, answer in rows:
            outcomes[number - 1] = _outcome(items[number - 1], outcome, version, position, answer)
        return _known(outcomes)

    def _connected(self) -> Connection[Any] | None:
        """Return the kept connection, or a live one from the pool within RECONNECT_TIMEOUT_S."""
        deadline = time.monotonic() + RECONNECT_TIMEOUT_S
        while self._connection is None and (remaining := deadline - time.monotonic()) > 0:
            try:
                connection = self._pool.getconn(timeout=remaining)
            except psycopg.OperationalError:
                return None
            try:
                # After a restart of the server the pool still hands out its dead connections, one after the other.
                self._autocommit = connection.autocommit
                connection.autocommit = True
                connection.execute("select 1")
            except psycopg.Error:
                connection.close()
                self._pool.putconn(connection)
                continue
            connection.add_notice_handler(self._note)
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            self._pool.putconn(connection)

    def _note(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            self._warnings.append(diagnostic.message_primary or "")


def _known(outcomes: Sequence[Outcome | None]) -> list[Outcome]:
    return [outcome or Unavailable() for outcome in outcomes]


def _unavailable(error: Exception) -> Unavailable:
    refusal = Unavailable()
    refusal.__cause__ = error
    return refusal


def _arguments(items: Sequence[Item]) -> list[list[Any]]:
    """Turn items into the columns that the append function takes."""
    heads: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    for number, item in enumerate(items, start=1):
        tracking = item.tracking
        tracked = (tracking.follower, tracking.source, tracking.position) if tracking else (None, None, None)
        if isinstance(item, Append):
            request = (item.caller, item.request_id, item.request_hash, item.answer)
            heads.append((item.stream, item.expected_version, *request, *tracked, item.key or None))
            events.extend((number, None, None, d.type, d.header, d.payload) for d in item.drafts)
        else:
            heads.append((None, None, None, None, None, None, *tracked, None))
            events.extend((number, e.stream, e.version, e.draft.type, e.draft.header, e.draft.payload) for e in item.events)
    return [*_columns(heads, 10), *_columns(events, 6)]


def _columns(rows: list[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _outcome(item: Item, outcome: str, version: int, position: int, answer: bytes | None) -> Outcome:
    if outcome == "appended":
        return Appended(version, position, item.answer if isinstance(item, Append) else b"", replayed=False)
    if outcome == "replayed":
        return Appended(version, position, bytes(answer or b""), replayed=True)
    if outcome == "mismatch":
        return RequestMismatch()
    if outcome == "taken":
        return KeyTaken()
    return AlreadyTracked() if outcome == "tracked" else VersionConflict()
