"""Queries over the clocks of a service and over their due points."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel.statements import statement
from services.kernel.view import View


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


# Of these a clock is open; queries name them by their numbers, so that the index over open clocks serves them.
OPEN: tuple[int, ...] = (api.DEADLINE_STATUS_RUNNING, api.DEADLINE_STATUS_PAUSED, api.DEADLINE_STATUS_EXPIRED)
# Clocks that stand still have no end: they come last.
NEVER = datetime.max.replace(microsecond=0, tzinfo=UTC)


class DeadlineList:
    """Queries over the clocks and their due points."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(self, asked: Asked, size: int) -> Sequence[DeadlineLine]:
        """Clocks of an agency by due date; with an officer only those that the officer answers for."""
        query = statement(
            "select stream, deadline_id, case_id, rule_id, status, owner_uscc, due_at, due_on, provisional, remaining, late"
            " from {} d where %(agency)s = any(parties) and (%(closed)s or status in (1, 2, 3))"
            " and (%(case)s = '' or case_id = %(case)s)"
            " and (%(from)s::timestamptz is null or due_at > %(from)s) and (%(to)s::timestamptz is null or due_at <= %(to)s)"
            " and (%(officer)s = '' or exists (select from {} o"
            " where o.uscc = %(agency)s and o.officer = %(officer)s and o.stream = d.stream))"
            " and (%(at)s::timestamptz is null"
            " or (coalesce(due_at, 'infinity'), stream, deadline_id) > (%(at)s, %(stream)s, %(id)s))"
            " order by coalesce(due_at, 'infinity'), stream, deadline_id limit %(size)s",
            (self.view.schema, "deadlines"),
            (self.view.schema, "officers"),
        )
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
        query = statement("select at from {} order by at limit 1", self._points)
        with self._pool.connection() as conn:
            found = conn.execute(query).fetchone()
        return found[0] if found else None

    def points(self, until: datetime, after: tuple[datetime, str, str, int] | None, size: int) -> Sequence[Point]:
        """Due points up to an instant, in order, behind a place in it."""
        query = statement(
            "select at, stream, deadline_id, days_before, due_at from {} where at <= %s"
            " and (%s::timestamptz is null or (at, stream, deadline_id, days_before) > (%s, %s, %s, %s))"
            " order by at, stream, deadline_id, days_before limit %s",
            self._points,
        )
        at, stream, deadline_id, days = after or (None, "", "", 0)
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(Point)) as cursor:
            return cursor.execute(query, [until, at, at, stream, deadline_id, days, size]).fetchall()

    def points_due(self, now: datetime) -> int:
        """How many points are over that nobody has passed yet."""
        query = statement("select count(*) from {} where at <= %s", self._points)
        with self._pool.connection() as conn:
            found = conn.execute(query, [now]).fetchone()
        return int(found[0]) if found else 0

    def open_by_status(self) -> dict[int, int]:
        """How many clocks nobody has met or waived, by status; 0 where there is none."""
        query = statement(
            "select status, count(*) from {} where status in (1, 2, 3) group by status", (self.view.schema, "deadlines")
        )
        with self._pool.connection() as conn:
            return dict.fromkeys(OPEN, 0) | dict(conn.execute(query).fetchall())

    def provisional(self, calendar_version: str, after: tuple[str, str], size: int) -> Sequence[tuple[str, str]]:
        """Running clocks whose date another calendar left open, as (stream, clock), behind a place."""
        query = statement(
            "select stream, deadline_id from {} where provisional and status = 1 and calendar_version <> %s"
            " and (stream, deadline_id) > (%s, %s) order by stream, deadline_id limit %s",
            (self.view.schema, "deadlines"),
        )
        with self._pool.connection() as conn:
            return conn.execute(query, [calendar_version, *after, size]).fetchall()

    @property
    def _points(self) -> tuple[str, str]:
        return self.view.schema, "due_points"
