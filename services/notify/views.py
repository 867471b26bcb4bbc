"""The read model of the delivery ledger: one line for each obligation, which inbox, queue and lists read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from services.kernel.statements import statement
from services.kernel.view import View

OBLIGATIONS_DDL = """
create table {schema}.obligations (
    obligation_id text primary key,
    position bigint not null unique,
    from_uscc text not null,
    to_uscc text not null,
    kind integer not null,
    handoff_id text not null,
    origin text not null,
    cause_position bigint not null,
    stream text not null,
    type text not null,
    case_id text not null,
    recorded_at timestamptz not null,
    text_zh text not null,
    text_en text not null,
    acknowledge_by timestamptz,
    status integer not null,
    attempts integer not null default 0,
    due_at timestamptz not null,
    escalated boolean not null default false,
    owed_at timestamptz not null,
    delivered_at timestamptz,
    acknowledged_at timestamptz,
    channel integer not null default 0
);
create index on {schema}.obligations (to_uscc, position) where status = 1;
create index on {schema}.obligations (to_uscc, position);
create index on {schema}.obligations (from_uscc, position);
create index on {schema}.obligations (acknowledge_by) where status in (1, 2, 4) and not escalated;
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One obligation."""

    obligation_id: str
    position: int
    from_uscc: str
    to_uscc: str
    kind: int
    handoff_id: str
    origin: str
    cause_position: int
    stream: str
    type: str
    case_id: str
    recorded_at: datetime
    text_zh: str
    text_en: str
    acknowledge_by: datetime | None
    status: int
    attempts: int
    due_at: datetime
    escalated: bool
    owed_at: datetime
    delivered_at: datetime | None
    acknowledged_at: datetime | None
    channel: int


_COLUMNS: LiteralString = (
    "obligation_id, position, from_uscc, to_uscc, kind, handoff_id, origin, cause_position, stream, type, case_id, recorded_at,"
    " text_zh, text_en, acknowledge_by, status, attempts, due_at, escalated, owed_at, delivered_at, acknowledged_at, channel"
)
_PAGE: LiteralString = (
    " = %(uscc)s and position > %(after)s and (status = %(status)s or (%(status)s = 0 and status <> 5))"
    " and (%(case)s = '' or case_id = %(case)s) order by position limit %(size)s"
)
_INBOX: LiteralString = f"select {_COLUMNS} from {{}} where to_uscc{_PAGE}"
_SENT: LiteralString = f"select {_COLUMNS} from {{}} where from_uscc{_PAGE}"
_UNDELIVERED: LiteralString = f"select {_COLUMNS} from {{}} where status = 1 and to_uscc = %s order by position limit %s"
# One index lookup for each agency, however many messages wait for one that is dead.
_DUE: LiteralString = (
    "with recursive heads as ("
    "(select to_uscc, due_at from {} where status = 1 order by to_uscc, position limit 1) union all"
    " select next.* from heads, lateral (select to_uscc, due_at from {} where status = 1 and to_uscc > heads.to_uscc"
    " order by to_uscc, position limit 1) next)"
    " select to_uscc from heads where due_at <= %s"
)
# The same for all agencies: when the first of their oldest messages, or of the receipts, is due.
_NEXT: LiteralString = (
    "with recursive heads as ("
    "(select to_uscc, due_at from {} where status = 1 order by to_uscc, position limit 1) union all"
    " select next.* from heads, lateral (select to_uscc, due_at from {} where status = 1 and to_uscc > heads.to_uscc"
    " order by to_uscc, position limit 1) next)"
    " select least((select min(due_at) from heads),"
    " (select min(acknowledge_by) from {} where status in (1, 2, 4) and not escalated))"
)
_OVERDUE: LiteralString = (
    "select obligation_id from {} where status in (1, 2, 4) and not escalated and acknowledge_by <= %s"
    " order by acknowledge_by limit %s"
)


class Obligations:
    """Queries over the obligations."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool
        self._table = (view.schema, "obligations")

    def inbox(self, to_uscc: str, after: int, size: int, status: int = 0, case_id: str = "") -> Sequence[Line]:
        """Messages to an agency after a position, oldest first; suppressed ones only where they are asked for."""
        return self._page(_INBOX, to_uscc, after, size, status, case_id)

    def sent(self, from_uscc: str, after: int, size: int, status: int = 0, case_id: str = "") -> Sequence[Line]:
        """Messages about an agency's acts after a position, oldest first."""
        return self._page(_SENT, from_uscc, after, size, status, case_id)

    def recipients_due(self, now: datetime) -> Sequence[str]:
        """Agencies whose oldest undelivered message is due: order is kept, so that the oldest decides."""
        with self._pool.connection() as conn:
            return [row[0] for row in conn.execute(statement(_DUE, self._table, self._table), [now])]

    def next_due(self) -> datetime | None:
        """When the next delivery or receipt is due, or was; None where none is under way."""
        with self._pool.connection() as conn:
            found = conn.execute(statement(_NEXT, self._table, self._table, self._table)).fetchone()
        return found[0] if found else None

    def undelivered(self, to_uscc: str, size: int) -> Sequence[Line]:
        """The oldest undelivered messages to an agency, in order."""
        return self._lines(_UNDELIVERED, [to_uscc, size])

    def waiting(self) -> tuple[int, datetime | None]:
        """How many messages are owed and not delivered, and when the oldest of their events was recorded."""
        query = statement("select count(*), min(recorded_at) from {} where status = 1", self._table)
        with self._pool.connection() as conn:
            number, since = conn.execute(query).fetchone() or (0, None)
        return number, since

    def overdue(self, now: datetime, size: int) -> Sequence[str]:
        """Obligations whose receipt is overdue and whose sender was not alerted."""
        with self._pool.connection() as conn:
            return [row[0] for row in conn.execute(statement(_OVERDUE, self._table), [now, size])]

    def statuses(self) -> dict[str, int]:
        """The status of every obligation that the view has."""
        query = statement("select obligation_id, status from {}", self._table)
        with self._pool.connection() as conn:
            return dict(conn.execute(query).fetchall())

    def _page(self, query: LiteralString, uscc: str, after: int, size: int, status: int, case_id: str) -> Sequence[Line]:
        return self._lines(query, {"uscc": uscc, "after": after, "status": status, "case": case_id, "size": size})

    def _lines(self, query: LiteralString, values: dict[str, object] | list[object]) -> Sequence[Line]:
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(Line)) as cursor:
            return cursor.execute(statement(query, self._table), values).fetchall()
