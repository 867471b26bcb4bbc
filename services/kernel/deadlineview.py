"""The clocks of a service by due date, and the due points that its scheduler passes. Nothing personal is in them.

Everything here follows from events: a due point leaves the table when its warning or lapse is recorded, or its date moves.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from guanhu.journal.v1 import record_pb2
from services.kernel.dates import to_date, to_datetime
from services.kernel.deadline import EVENTS, due_points
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import ViewDefinition

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
    calendar_version text not null default '',
    remaining bytea not null default '',
    late boolean not null default false,
    primary key (stream, deadline_id)
);
create index on {schema}.deadlines using gin (parties);
create index on {schema}.deadlines (due_at, stream, deadline_id) where status in (1, 2, 3);
create index on {schema}.deadlines (stream, deadline_id) where provisional and status = 1;
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
    table = (schema, "officers")
    if change.ends:
        query = statement("delete from {} where stream = %s and uscc = %s and officer = %s", table)
    else:
        query = statement("insert into {} (stream, uscc, officer) values (%s, %s, %s) on conflict do nothing", table)
    conn.execute(query, [stream, change.uscc, change.officer])


class _Writer:
    """Writes what one event of a clock means."""

    def __init__(self, conn: psycopg.Connection, schema: str, stream: str, header: record_pb2.Header) -> None:
        self._conn = conn
        self._deadlines = (schema, "deadlines")
        self._points = (schema, "due_points")
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
                self._change(
                    "update {} set due_at = null, due_on = null, remaining = %s where stream = %s and deadline_id = %s",
                    clock,
                    remaining,
                )
                self._status(clock, api.DEADLINE_STATUS_PAUSED)
            case pb.DeadlineMet():
                self._change("update {} set late = %s where stream = %s and deadline_id = %s", clock, event.late)
                self._status(clock, api.DEADLINE_STATUS_MET)
            case pb.DeadlineWaived():
                self._status(clock, api.DEADLINE_STATUS_WAIVED)
            case pb.DeadlineExpired():
                self._status(clock, api.DEADLINE_STATUS_EXPIRED)
            case pb.DeadlineWarned():
                query = "delete from {} where stream = %s and deadline_id = %s and days_before = %s"
                self._conn.execute(statement(query, self._points), [self._stream, clock, event.days_before])

    def _insert(self, event: pb.DeadlineSet) -> None:
        query = (
            "insert into {} (stream, deadline_id, case_id, rule_id, status, owner_uscc, parties, provisional)"
            " values (%s, %s, %s, %s, %s, %s, %s, false) on conflict do nothing"
        )
        parties = sorted({event.owner_uscc, *event.informed_usccs})
        values = [self._stream, event.deadline_id, self._header.correlation_id, event.basis.rule_id]
        running = api.DEADLINE_STATUS_RUNNING
        self._conn.execute(statement(query, self._deadlines), [*values, running, event.owner_uscc, parties])
        self._due(event.deadline_id, event.due)

    def _due(self, clock: str, due: pb.Due, *, moved: bool = True) -> None:
        end = to_datetime(due.due_at)
        self._change(
            "update {} set due_at = %s, due_on = %s, provisional = %s, calendar_version = %s, remaining = ''"
            " where stream = %s and deadline_id = %s",
            clock,
            end,
            to_date(due.due_on),
            due.provisional,
            due.calendar_version,
        )
        if not moved:
            return
        self._status(clock, api.DEADLINE_STATUS_RUNNING)
        points = due_points(end, to_datetime(self._header.recorded_at))
        query = (
            "insert into {} (stream, deadline_id, days_before, at, due_at)"
            " select %s, %s, days_before, at, %s from unnest(%s::integer[], %s::timestamptz[]) as points (days_before, at)"
        )
        days, instants = [point.days_before for point in points], [point.at for point in points]
        self._conn.execute(statement(query, self._points), [self._stream, clock, end, days, instants])

    def _status(self, clock: str, status: int) -> None:
        self._change("update {} set status = %s where stream = %s and deadline_id = %s", clock, status)
        query = statement("delete from {} where stream = %s and deadline_id = %s", self._points)
        self._conn.execute(query, [self._stream, clock])

    def _change(self, query: LiteralString, clock: str, *values: object) -> None:
        self._conn.execute(statement(query, self._deadlines), [*values, self._stream, clock])
