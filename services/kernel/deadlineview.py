"""The clocks of a service by due date, and the due points that its scheduler passes. Nothing personal is in them.

Everything here follows from events: a due point leaves the table when its warning or lapse is recorded, or its date moves.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from google.protobuf.message import Message
from psycopg import sql
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from guanhu.journal.v1 import record_pb2
from services.kernel.dates import to_date, to_datetime
from services.kernel.deadline import EVENTS, due_points
from services.kernel.journal import Recorded
from services.kernel.view import View, ViewDefinition

DDL = """
create table {schema}.deadlines (
    stream text not null,
    deadline_id text not null,
    case_id text not null,
    rule_id text not null,
    status integer not null,
    owner_uscc text not null,
    parties text[] not null,
    due_at timestamptz,
    due_on date,
    provisional boolean not null,
    remaining bytea not null default '',
    late boolean not null default false,
    primary key (stream, deadline_id)
);
create index on {schema}.deadlines using gin (parties);
create index on {schema}.deadlines (due_at, stream, deadline_id) where status in (1, 2, 3);
create index on {schema}.deadlines (stream) where provisional and status = 1;
create table {schema}.officers (
    stream text not null,
    uscc text not null,
    officer text not null,
    primary key (uscc, officer, stream)
);
create table {schema}.due_points (
    stream text not null,
    deadline_id text not null,
    days_before integer not null,
    at timestamptz not null,
    due_at timestamptz not null,
    primary key (stream, deadline_id, days_before)
);
create index on {schema}.due_points (at, stream, deadline_id, days_before);
"""
TABLES = {
    "deadlines": "stream, deadline_id",
    "officers": "uscc, officer, stream",
    "due_points": "stream, deadline_id, days_before",
}


@dataclass(frozen=True, slots=True)
class Answering:
    """An officer begins, or with `ends` ceases, to answer for the clocks of a stream."""

    uscc: str
    officer: str
    ends: bool = False


# What an event of a service, recorded by an actor, says of who answers for the clocks of its stream.
Answers = Callable[[Message, Any], Iterable[Answering]]


def definition(answers: Answers, *packages: str) -> ViewDefinition:
    """The view of a service whose own events, of some packages, say who answers for what."""

    def project(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
        header = record_pb2.Header.FromString(row.header)
        if type(event) in EVENTS:
            _Writer(conn, schema, row.stream, header).write(event)
        for change in (*_actors(event, header.actor), *answers(event, header.actor)):
            _answer(conn, schema, row.stream, change)

    return ViewDefinition("deadlines", DDL, TABLES, project, ("guanhu.deadline.", *packages))


def _actors(event: Message, actor: record_pb2.Actor) -> Iterable[Answering]:
    # Whoever starts or moves a clock is told of it; a system that passes a due point is no officer.
    if type(event) in EVENTS and actor.officer:
        yield Answering(actor.agency, actor.officer)


def _answer(conn: psycopg.Connection, schema: str, stream: str, change: Answering) -> None:
    table = sql.Identifier(schema, "officers")
    if change.ends:
        query = "delete from {} where stream = %s and uscc = %s and officer = %s"
    else:
        query = "insert into {} (stream, uscc, officer) values (%s, %s, %s) on conflict do nothing"
    conn.execute(sql.SQL(query).format(table), [stream, change.uscc, change.officer])


class _Writer:
    """Writes what one event of a clock means."""

    def __init__(self, conn: psycopg.Connection, schema: str, stream: str, header: record_pb2.Header) -> None:
        self._conn = conn
        self._deadlines = sql.Identifier(schema, "deadlines")
        self._points = sql.Identifier(schema, "due_points")
        self._stream = stream
        self._header = header

    def write(self, event: Any) -> None:
        """Writes the row of the clock and its due points."""
        clock = event.deadline_id
        match event:
            case pb.DeadlineSet():
                self._insert(event)
            case pb.DeadlineResumed() | pb.DeadlineExtended() | pb.DeadlineReset():
                self._due(clock, event.due)
            case pb.DeadlineRecomputed():
                self._due(clock, event.due, moved=event.moved)
            case pb.DeadlinePaused():
                remaining = event.remaining.SerializeToString(deterministic=True)
                self._change(clock, "due_at = null, due_on = null, remaining = %s", remaining)
                self._status(clock, api.DEADLINE_STATUS_PAUSED)
            case pb.DeadlineMet():
                self._change(clock, "late = %s", event.late)
                self._status(clock, api.DEADLINE_STATUS_MET)
            case pb.DeadlineWaived():
                self._status(clock, api.DEADLINE_STATUS_WAIVED)
            case pb.DeadlineExpired():
                self._status(clock, api.DEADLINE_STATUS_EXPIRED)
            case pb.DeadlineWarned():
                query = sql.SQL("delete from {} where stream = %s and deadline_id = %s and days_before = %s")
                self._conn.execute(query.format(self._points), [self._stream, clock, event.days_before])

    def _insert(self, event: pb.DeadlineSet) -> None:
        query = sql.SQL(
            "insert into {} (stream, deadline_id, case_id, rule_id, status, owner_uscc, parties, provisional)"
            " values (%s, %s, %s, %s, %s, %s, %s, false) on conflict do nothing"
        )
        parties = sorted({event.owner_uscc, *event.informed_usccs})
        values = [self._stream, event.deadline_id, self._header.correlation_id, event.basis.rule_id]
        self._conn.execute(query.format(self._deadlines), [*values, api.DEADLINE_STATUS_RUNNING, event.owner_uscc, parties])
        self._due(event.deadline_id, event.due)

    def _due(self, clock: str, due: pb.Due, *, moved: bool = True) -> None:
        end = to_datetime(due.due_at)
        self._change(
            clock,
            "due_at = %s, due_on = %s, provisional = %s, remaining = ''",
            end,
            to_date(due.due_on),
            due.provisional,
        )
        if not moved:
            return
        self._status(clock, api.DEADLINE_STATUS_RUNNING)
        points = due_points(end, to_datetime(self._header.recorded_at))
        query = sql.SQL(
            "insert into {} (stream, deadline_id, days_before, at, due_at)"
            " select %s, %s, days_before, at, %s from unnest(%s::integer[], %s::timestamptz[]) as points (days_before, at)"
        )
        days, instants = [point.days_before for point in points], [point.at for point in points]
        self._conn.execute(query.format(self._points), [self._stream, clock, end, days, instants])

    def _status(self, clock: str, status: int) -> None:
        self._change(clock, "status = %s", status)
        query = sql.SQL("delete from {} where stream = %s and deadline_id = %s").format(self._points)
        self._conn.execute(query, [self._stream, clock])

    def _change(self, clock: str, assignments: str, *values: object) -> None:
        query = sql.SQL("update {} set " + assignments + " where stream = %s and deadline_id = %s")
        self._conn.execute(query.format(self._deadlines), [*values, self._stream, clock])


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """One row of the clocks."""

    stream: str
    deadline_id: str
    case_id: str
    rule_id: str
    status: int
    owner_uscc: str
    due_at: datetime | None
    due_on: date | None
    provisional: bool
    remaining: bytes
    late: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Which clocks are asked for; `after` is the last row of the page before."""

    agency: str
    officer: str = ""
    case_id: str = ""
    closed_too: bool = False
    due_from: datetime | None = None
    due_to: datetime | None = None
    after: tuple[datetime, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One due point."""

    at: datetime
    stream: str
    deadline_id: str
    days_before: int
    due_at: datetime

    @property
    def key(self) -> tuple[datetime, str, str, int]:
        """Its place in the order of passing: a later warning of the same instant comes after an earlier one."""
        return self.at, self.stream, self.deadline_id, self.days_before


# Clocks that stand still have no end: they come last.
NEVER = datetime.max.replace(microsecond=0, tzinfo=UTC)


class DeadlineList:
    """Queries over the clocks and their due points."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(self, asked: Asked, size: int) -> Sequence[DeadlineLine]:
        """Clocks of an agency by due date; with an officer only those that the officer answers for."""
        query = sql.SQL(
            "select stream, deadline_id, case_id, rule_id, status, owner_uscc, due_at, due_on, provisional, remaining, late"
            " from {deadlines} d where %(agency)s = any(parties) and (%(closed)s or status in (1, 2, 3))"
            " and (%(case)s = '' or case_id = %(case)s)"
            " and (%(from)s::timestamptz is null or due_at > %(from)s) and (%(to)s::timestamptz is null or due_at <= %(to)s)"
            " and (%(officer)s = '' or exists (select from {officers} o"
            " where o.uscc = %(agency)s and o.officer = %(officer)s and o.stream = d.stream))"
            " and (%(at)s::timestamptz is null"
            " or (coalesce(due_at, 'infinity'), stream, deadline_id) > (%(at)s, %(stream)s, %(id)s))"
            " order by coalesce(due_at, 'infinity'), stream, deadline_id limit %(size)s"
        ).format(deadlines=sql.Identifier(self.view.schema, "deadlines"), officers=sql.Identifier(self.view.schema, "officers"))
        at, stream, deadline_id = asked.after or (None, "", "")
        values = {
            "agency": asked.agency,
            "officer": asked.officer,
            "case": asked.case_id,
            "closed": asked.closed_too,
            "from": asked.due_from,
            "to": asked.due_to,
            "at": at if at is None or at.year < NEVER.year else "infinity",
            "stream": stream,
            "id": deadline_id,
            "size": size,
        }
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(DeadlineLine)) as cursor:
            return cursor.execute(query, values).fetchall()

    def next_point(self) -> datetime | None:
        """The instant of the next due point."""
        query = sql.SQL("select at from {} order by at limit 1").format(self._points)
        with self._pool.connection() as conn:
            found = conn.execute(query).fetchone()
        return found[0] if found else None

    def points(self, until: datetime, after: tuple[datetime, str, str, int] | None, size: int) -> Sequence[Point]:
        """Due points up to an instant, in order, behind a place in it."""
        query = sql.SQL(
            "select at, stream, deadline_id, days_before, due_at from {} where at <= %s"
            " and (%s::timestamptz is null or (at, stream, deadline_id, days_before) > (%s, %s, %s, %s))"
            " order by at, stream, deadline_id, days_before limit %s"
        ).format(self._points)
        at, stream, deadline_id, days = after or (None, "", "", 0)
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(Point)) as cursor:
            return cursor.execute(query, [until, at, at, stream, deadline_id, days, size]).fetchall()

    def provisional(self, after: tuple[str, str], size: int) -> Sequence[tuple[str, str]]:
        """Running clocks whose date may still change, as (stream, clock), behind a place."""
        query = sql.SQL(
            "select stream, deadline_id from {} where provisional and status = 1 and (stream, deadline_id) > (%s, %s)"
            " order by stream, deadline_id limit %s"
        ).format(sql.Identifier(self.view.schema, "deadlines"))
        with self._pool.connection() as conn:
            return conn.execute(query, [*after, size]).fetchall()

    @property
    def _points(self) -> sql.Identifier:
        return sql.Identifier(self.view.schema, "due_points")
