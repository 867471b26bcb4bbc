"""Views: tables that a fold over a journal fills, rebuilt beside the live ones, compared, and switched.

Each generation of a view has its own schema and its own follower position, so that a rebuild never disturbs readers.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import grpc
import psycopg
from google.protobuf.message import Message
from psycopg import sql
from psycopg_pool import ConnectionPool

from services.kernel.codec import EventCodec
from services.kernel.errors import Invalid, Overloaded, Unavailable, Violation
from services.kernel.feed import Feed
from services.kernel.follow import Follower
from services.kernel.journal import Recorded

WAIT_S = 5.0
COMPARE_ATTEMPTS_MAX = 20

# project(connection, schema of the view, row, event) writes what one event means; it never raises on a recorded event.
Project = Callable[[psycopg.Connection, str, Recorded, Message], None]


@dataclass(frozen=True)
class ViewDefinition:
    """A view: its tables' SQL with `{schema}` for its schema, the tables by name with their key columns, the projection."""

    name: str
    ddl: str
    tables: Mapping[str, str]
    project: Project

    @property
    def fingerprint(self) -> str:
        """Changes when the tables change, which makes the next start rebuild the view."""
        return hashlib.sha256(self.ddl.encode()).hexdigest()


class View:
    """The live generation of a view over one journal, with its follower."""

    def __init__(self, definition: ViewDefinition, feed: Feed, pool: ConnectionPool, service: str, codec: EventCodec) -> None:
        self.definition = definition
        self._feed = feed
        self._pool = pool
        self._service = service
        self._codec = codec
        self._generation = self._ensure()
        self.follower = self._follower(self._generation)

    @property
    def schema(self) -> str:
        """Schema of the live tables."""
        return self._schema_name(self._generation)

    @property
    def generation(self) -> int:
        """Number of the live generation, from 1."""
        return self._generation

    def wait(self, position: int) -> None:
        """Waits until the view holds `position`, so that a caller reads its own writes.

        Raises:
            Invalid: the view does not get there in time.
        """
        if position and (position > self._feed.head() or not self.follower.wait(position, WAIT_S)):
            raise Invalid(Violation("min_position", "the view has not reached this position"))

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
        """Folds the journal into a new generation; returns the events folded and the rows that differ from the live one.

        With `switch` the new generation becomes the live one; otherwise it is dropped again.
        """
        generation = self._generation + 1
        self._create(generation, live=False)
        follower = self._follower(generation)
        events = 0
        for _ in range(COMPARE_ATTEMPTS_MAX):
            events += follower.drain()
            self.follower.wait(follower.position(), WAIT_S)
            differing = self._differing_rows(generation)
            if differing is not None:
                break
        else:
            self._drop(generation)
            raise Overloaded("events arrive faster than the new generation takes them in")
        if switch:
            self._switch(generation)
            follower.start()
            old, self.follower, self._generation = self.follower, follower, generation
            old.stop()
            self._drop(generation - 1)
        else:
            self._drop(generation)
        return events, differing

    def _schema_name(self, generation: int) -> str:
        return f"{self._service}_{self.definition.name}_g{generation}"

    def _follower(self, generation: int) -> Follower:
        schema = self._schema_name(generation)

        def effect(conn: psycopg.Connection, row: Recorded) -> None:
            event = self._codec.clear_if_known(row)
            if event is not None:
                self.definition.project(conn, schema, row, event)

        return Follower(f"view:{self.definition.name}:{generation}", self._feed, self._pool, self._service, effect)

    def _ensure(self) -> int:
        with self._pool.connection() as conn:
            conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"view:{self._service}"])
            found = conn.execute(
                sql.SQL("select generation, fingerprint from {}.view_generations where view = %s and live").format(
                    sql.Identifier(self._service)
                ),
                [self.definition.name],
            ).fetchone()
            if found and found[1] == self.definition.fingerprint:
                return int(found[0])
            generation = int(found[0]) + 1 if found else 1
            if found:
                self._drop_in(conn, int(found[0]))
            self._create_in(conn, generation, live=True)
            return generation

    def _create(self, generation: int, *, live: bool) -> None:
        with self._pool.connection() as conn:
            self._drop_in(conn, generation)
            self._create_in(conn, generation, live=live)

    def _create_in(self, conn: psycopg.Connection, generation: int, *, live: bool) -> None:
        schema = sql.Identifier(self._schema_name(generation))
        conn.execute(sql.SQL("create schema {}").format(schema))
        conn.execute(self.definition.ddl.replace("{schema}", schema.as_string(conn)).encode())
        conn.execute(
            sql.SQL("insert into {}.view_generations (view, generation, fingerprint, live) values (%s, %s, %s, %s)").format(
                sql.Identifier(self._service)
            ),
            [self.definition.name, generation, self.definition.fingerprint, live],
        )

    def _drop(self, generation: int) -> None:
        with self._pool.connection() as conn:
            self._drop_in(conn, generation)

    def _drop_in(self, conn: psycopg.Connection, generation: int) -> None:
        service = sql.Identifier(self._service)
        conn.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(self._schema_name(generation))))
        conn.execute(
            sql.SQL("delete from {}.view_generations where view = %s and generation = %s").format(service),
            [self.definition.name, generation],
        )
        conn.execute(
            sql.SQL("delete from {}.positions where follower = %s").format(service),
            [f"view:{self.definition.name}:{generation}"],
        )

    def _switch(self, generation: int) -> None:
        service = sql.Identifier(self._service)
        with self._pool.connection() as conn:
            update = sql.SQL("update {}.view_generations set live = %s where view = %s and generation = %s").format(service)
            conn.execute(update, [False, self.definition.name, self._generation])
            conn.execute(update, [True, self.definition.name, generation])

    def _differing_rows(self, generation: int) -> int | None:
        """Rows that differ between both generations; None while they do not stand at the same position."""
        differing = 0
        with self._pool.connection() as conn:
            # One snapshot for the positions and for every table: events go on arriving meanwhile.
            conn.execute("set transaction isolation level repeatable read")
            if self._stored_position(conn, self._generation) != self._stored_position(conn, generation):
                return None
            for table in self.definition.tables:
                live = sql.Identifier(self.schema, table)
                new = sql.Identifier(self._schema_name(generation), table)
                query = sql.SQL(
                    "select count(*) from ((table {live} except all table {new})"
                    " union all (table {new} except all table {live})) as differing"
                ).format(live=live, new=new)
                found = conn.execute(query).fetchone()
                differing += int(found[0]) if found else 0
        return differing

    def _stored_position(self, conn: psycopg.Connection, generation: int) -> int:
        query = sql.SQL("select position from {}.positions where follower = %s").format(sql.Identifier(self._service))
        found = conn.execute(query, [f"view:{self.definition.name}:{generation}"]).fetchone()
        return int(found[0]) if found else 0
