"""The read model of the delivery ledger: one line for each obligation, which inbox, queue and lists read."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

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
    escalated boolean not null default false
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


_COLUMNS = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(Line))


class Obligations:
    """Queries over the obligations."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def inbox(self, to_uscc: str, after: int, size: int, status: int = 0, case_id: str = "") -> Sequence[Line]:
        """Messages to an agency after a position, oldest first; suppressed ones only where they are asked for."""
        return self._page("to_uscc", to_uscc, after, size, status, case_id)

    def sent(self, from_uscc: str, after: int, size: int, status: int = 0, case_id: str = "") -> Sequence[Line]:
        """Messages about an agency's acts after a position, oldest first."""
        return self._page("from_uscc", from_uscc, after, size, status, case_id)

    def recipients_due(self, now: datetime) -> Sequence[str]:
        """Agencies whose oldest undelivered message is due: order is kept, so that the oldest decides."""
        # One index lookup for each agency, however many messages wait for one that is dead.
        head = "select to_uscc, due_at from {table} where status = 1 {more} order by to_uscc, position limit 1"
        query = sql.SQL(
            f"with recursive heads as (({head.format(table='{table}', more='')}) union all"
            f" select next.* from heads, lateral ({head.format(table='{table}', more='and to_uscc > heads.to_uscc')}) next)"
            " select to_uscc from heads where due_at <= %s"
        ).format(table=self._table())
        with self._pool.connection() as conn:
            return [row[0] for row in conn.execute(query, [now])]

    def undelivered(self, to_uscc: str, size: int) -> Sequence[Line]:
        """The oldest undelivered messages to an agency, in order."""
        query = sql.SQL("select {} from {} where status = 1 and to_uscc = %s order by position limit %s")
        return self._lines(query.format(_COLUMNS, self._table()), [to_uscc, size])

    def overdue(self, now: datetime, size: int) -> Sequence[str]:
        """Obligations whose receipt is overdue and whose sender was not alerted."""
        query = sql.SQL(
            "select obligation_id from {} where status in (1, 2, 4) and not escalated and acknowledge_by <= %s"
            " order by acknowledge_by limit %s"
        ).format(self._table())
        with self._pool.connection() as conn:
            return [row[0] for row in conn.execute(query, [now, size])]

    def statuses(self) -> dict[str, int]:
        """The status of every obligation that the view has."""
        with self._pool.connection() as conn:
            return dict(conn.execute(sql.SQL("select obligation_id, status from {}").format(self._table())).fetchall())

    def _page(self, side: str, uscc: str, after: int, size: int, status: int, case_id: str) -> Sequence[Line]:
        query = sql.SQL(
            "select {columns} from {table} where {side} = %(uscc)s and position > %(after)s"
            " and (status = %(status)s or (%(status)s = 0 and status <> 5)) and (%(case)s = '' or case_id = %(case)s)"
            " order by position limit %(size)s"
        ).format(columns=_COLUMNS, table=self._table(), side=sql.Identifier(side))
        return self._lines(query, {"uscc": uscc, "after": after, "status": status, "case": case_id, "size": size})

    def _lines(self, query: sql.Composed, values: dict[str, object] | list[object]) -> Sequence[Line]:
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(Line)) as cursor:
            return cursor.execute(query, values).fetchall()

    def _table(self) -> sql.Identifier:
        return sql.Identifier(self.view.schema, "obligations")
