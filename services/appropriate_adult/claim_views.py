"""Read model of claims: a line for each, without anything personal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from google.protobuf.message import Message
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.journal.v1 import record_pb2
from services.appropriate_adult.claim import DECIDER, STATUS_AFTER
from services.kernel.dates import to_datetime
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import View, ViewDefinition

_DDL = """
create table {schema}.claims (
    claim_id text primary key,
    adult_id text not null,
    payer_uscc text not null,
    officer text not null,
    assignment_id text not null,
    session_id text not null,
    status integer not null,
    total_fen bigint not null,
    submitted_at timestamptz not null
);
create index on {schema}.claims (payer_uscc, submitted_at desc, claim_id);
create index on {schema}.claims (adult_id, submitted_at desc, claim_id);
"""


def project(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the claim that an event is about."""
    table = (schema, "claims")
    if isinstance(event, events.ExpenseClaimSubmitted):
        recorded_at = to_datetime(record_pb2.Header.FromString(row.header).recorded_at)
        conn.execute(
            statement(
                "insert into {} (claim_id, adult_id, payer_uscc, officer, assignment_id, session_id, status, total_fen,"
                " submitted_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (claim_id) do update"
                " set status = excluded.status, total_fen = excluded.total_fen",
                table,
            ),
            [
                event.claim_id,
                event.adult_id,
                event.payer_uscc,
                event.adult_officer,
                event.assignment_id,
                event.session_id,
                STATUS_AFTER[type(event)],
                event.total_fen,
                recorded_at,
            ],
        )
    elif type(event) in STATUS_AFTER:
        claim_id = row.stream.removeprefix(f"{DECIDER.category}-")
        conn.execute(statement("update {} set status = %s where claim_id = %s", table), [STATUS_AFTER[type(event)], claim_id])


CLAIMS = ViewDefinition("claims", _DDL, {"claims": "claim_id"}, project, ("guanhu.appropriate_adult.v1.Expense",))


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One row of the claims."""

    claim_id: str
    adult_id: str
    assignment_id: str
    session_id: str
    status: int
    total_fen: int
    submitted_at: datetime


class Claims:
    """Queries over the claims."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(
        self, payer: str, officer: str, adult_id: str, status: int, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[ClaimLine]:
        """Claims that an agency pays, newest first; with an officer or an adult only that adult's own."""
        query = statement(
            "select claim_id, adult_id, assignment_id, session_id, status, total_fen, submitted_at from {}"
            " where payer_uscc = %(payer)s and (%(officer)s = '' or officer = %(officer)s)"
            " and (%(adult)s = '' or adult_id = %(adult)s) and (%(status)s = 0 or status = %(status)s)"
            " and (%(at)s::timestamptz is null or (submitted_at, claim_id) < (%(at)s, %(id)s))"
            " order by submitted_at desc, claim_id desc limit %(size)s",
            (self.view.schema, "claims"),
        )
        at, last = before or (None, "")
        values = {
            "payer": payer,
            "officer": officer,
            "adult": adult_id,
            "status": status,
            "at": at,
            "id": last,
            "size": size,
        }
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(ClaimLine)) as cursor:
            return cursor.execute(query, values).fetchall()
