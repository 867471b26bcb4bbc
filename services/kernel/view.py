"""Views: tables that a fold over a journal fills, rebuilt beside the live ones, compared, and switched.

A rebuild has its own schema and its own follower position, so that it never disturbs readers; a switch renames the schema in
one transaction, so that readers in every process find the new tables at their next query.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import psycopg
from google.protobuf.message import Message
from psycopg import sql
from psycopg_pool import ConnectionPool

from services.kernel import metrics, telemetry
from services.kernel.codec import EventCodec
from services.kernel.errors import Invalid, Overloaded, Unavailable, Violation
from services.kernel.feed import Feed, SharedFeed
from services.kernel.follow import Follower
from services.kernel.journal import Recorded

WAIT_S = 5.0
COMPARE_ATTEMPTS_MAX = 20
FINGERPRINT_CHARACTERS = 8

# project(connection, schema of the view, row, event) writes what one event means; it never raises on a recorded event.
Project = Callable[[psycopg.Connection, str, Recorded, Message], None]


@dataclass(frozen=True)
class ViewDefinition:
    """A view: its tables' SQL with `{schema}` for its schema, the tables by name with their key columns, the projection.

    `packages` are the beginnings of the types that the projection looks at, such as "guanhu.directory.".
    """

    name: str
    ddl: str
    tables: Mapping[str, str]
    project: Project
    packages: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Changes when the tables change, which makes a release build tables of its own."""
        return hashlib.sha256(self.ddl.encode()).hexdigest()


class View:
    """A view over one journal, with its follower.

    Its schema is named for the fingerprint, so that an older and a newer release can serve and follow side by side.
    """

    def __init__(self, definition: ViewDefinition, feed: Feed, pool: ConnectionPool, service: str, codec: EventCodec) -> None:
        self.definition = definition
        self._feed = feed
        self._pool = pool
        self._service = service
        self._codec = codec
        release = definition.fingerprint[:FINGERPRINT_CHARACTERS]
        self.schema = f"{service}_{definition.name}_{release}"
        self._next = f"{self.schema}_next"
        self.follower = self._follower(f"view:{definition.name}:{release}", self.schema, feed)
        self._whole = False
        self._ensure()

    @property
    def generation(self) -> int:
        """How often the view was rebuilt and switched, from 1."""
        query = sql.SQL("select generation from {}.views where view = %s and fingerprint = %s").format(self._own)
        with self._pool.connection() as conn:
            found = conn.execute(query, [self.definition.name, self.definition.fingerprint]).fetchone()
        return int(found[0]) if found else 1

    def wait(self, position: int) -> None:
        """Waits until the view holds `position`, so that a caller reads its own writes; call it before every query.

        Raises:
            Invalid: the view does not get there in time.
            Unavailable: the view is new and does not hold yet what was recorded before it.
        """
        if not self.whole():
            raise Unavailable("the view is being built")
        if position and (position > self._feed.head() or not self.follower.wait(position, WAIT_S)):
            raise Invalid(Violation("min_position", "the view has not reached this position"))

    def whole(self) -> bool:
        """Whether the view has ever held everything recorded before; waits for it a moment.

        Raises:
            Unavailable: the journal's service is away.
        """
        self._whole = self._whole or self.catch_up()
        return self._whole

    def catch_up(self) -> bool:
        """Waits until the view holds everything that its journal held when asked; False when it does not get there.

        Raises:
            Unavailable: the journal's service is away.
        """
        try:
            head = self._feed.head()
        except grpc.RpcError:
            raise Unavailable("a service that this one follows is away") from None
        return self.follower.wait(head, WAIT_S)

    def rebuild(self, switch: bool) -> tuple[int, int]:
        """Folds the journal anew beside the live tables; returns the events folded and the rows that differ.

        With `switch` the new tables become the live ones; otherwise they are dropped again.

        Raises:
            Overloaded: the view is being rebuilt already, or events arrive faster than they are folded.
        """
        with self._alone():
            self._drop_next()
            with self._pool.connection() as conn:
                self._create(conn, self._next)
            # From the journal itself: what other followers hold in common must not vouch for itself.
            source = self._feed.source if isinstance(self._feed, SharedFeed) else self._feed
            beside = self._follower(f"{self.follower.name}:next", self._next, source)
            try:
                events, differing = self._fold_and_compare(beside)
                if switch:
                    events += self._switch(beside)
            finally:
                self._drop_next()
        return events, differing

    @property
    def _own(self) -> sql.Identifier:
        return sql.Identifier(self._service)

    def _follower(self, name: str, schema: str, feed: Feed) -> Follower:
        packages = self.definition.packages

        def project(conn: psycopg.Connection, row: Recorded) -> None:
            event = self._codec.clear_if_known(row)
            if event is None:
                metrics.unknown_events.add(1, {"follower": name})
                return
            with telemetry.because_of(row), telemetry.span(f"project {self.definition.name}"):
                self.definition.project(conn, schema, row, event)

        def effect(conn: psycopg.Connection, rows: Sequence[Recorded]) -> None:
            # Nothing is read back, so nothing is waited for until the page is through.
            with conn.pipeline():
                for row in rows:
                    # Most rows mean nothing to most views: they are not even decoded.
                    if row.type.startswith(packages):
                        project(conn, row)

        return Follower(name, feed, self._pool, self._service, effect)

    def _ensure(self) -> None:
        query = sql.SQL("insert into {}.views (view, fingerprint) values (%s, %s) on conflict do nothing").format(self._own)
        with self._pool.connection() as conn:
            # Another process of this release that does the same waits here, and then finds the tables.
            made = conn.execute(query, [self.definition.name, self.definition.fingerprint]).rowcount
            if made:
                self._create(conn, self.schema)

    def _create(self, conn: psycopg.Connection, name: str) -> None:
        schema = sql.Identifier(name)
        conn.execute(sql.SQL("create schema {}").format(schema))
        conn.execute(self.definition.ddl.replace("{schema}", schema.as_string(conn)).encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds other rebuilds of this view off, in this process and in others."""
        key = f"guanhu rebuild {self.schema}"
        with self._pool.connection() as conn:
            found = conn.execute("select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [key]).fetchone()
            if not found or not found[0]:
                raise Overloaded("the view is being rebuilt already")
            yield

    def _fold_and_compare(self, beside: Follower) -> tuple[int, int]:
        events = 0
        for _ in range(COMPARE_ATTEMPTS_MAX):
            # Up to where the live view stands, moved by nobody: a tool that only compares must change nothing.
            events += beside.drain(until=self.follower.position())
            differing = self._differing_rows(beside)
            if differing is not None:
                return events, differing
        raise Overloaded("events arrive faster than the view is rebuilt")

    def _switch(self, beside: Follower) -> int:
        events = 0
        for _ in range(COMPARE_ATTEMPTS_MAX):
            events += beside.drain()
            with self._pool.connection() as conn:
                # Nobody may see the view go back: the live follower waits while the new tables take its place.
                if self.follower.claim(conn) > beside.claim(conn):
                    continue
                self.follower.move(conn, beside.claim(conn))
                conn.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(self.schema)))
                rename = sql.SQL("alter schema {} rename to {}")
                conn.execute(rename.format(sql.Identifier(self._next), sql.Identifier(self.schema)))
                conn.execute(
                    sql.SQL("update {}.views set generation = generation + 1 where view = %s and fingerprint = %s").format(
                        self._own
                    ),
                    [self.definition.name, self.definition.fingerprint],
                )
                return events
        raise Overloaded("events arrive faster than the view is rebuilt")

    def _drop_next(self) -> None:
        with self._pool.connection() as conn:
            conn.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(self._next)))
            for table in ("positions", "parked"):
                query = sql.SQL("delete from {} where follower = %s").format(sql.Identifier(self._service, table))
                conn.execute(query, [f"{self.follower.name}:next"])

    def _differing_rows(self, beside: Follower) -> int | None:
        """Rows that differ between live and new tables; None while they do not stand at the same position."""
        differing = 0
        with self._pool.connection() as conn:
            # One snapshot for the positions and for every table: events go on arriving meanwhile.
            conn.execute("set transaction isolation level repeatable read")
            if self._position(conn, self.follower) != self._position(conn, beside):
                return None
            for table in self.definition.tables:
                query = sql.SQL(
                    "select count(*) from ((table {live} except all table {new})"
                    " union all (table {new} except all table {live})) as differing"
                ).format(live=sql.Identifier(self.schema, table), new=sql.Identifier(self._next, table))
                found = conn.execute(query).fetchone()
                differing += int(found[0]) if found else 0
        return differing

    def _position(self, conn: psycopg.Connection, follower: Follower) -> int:
        query = sql.SQL("select position from {}.positions where follower = %s").format(self._own)
        found = conn.execute(query, [follower.name]).fetchone()
        return int(found[0]) if found else 0
