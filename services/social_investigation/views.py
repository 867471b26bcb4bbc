"""Read model of social investigations: a line for each. Nothing personal is in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from services.kernel.statements import statement
from services.kernel.view import View

INVESTIGATIONS_DDL = """
create table {schema}.investigations (
    investigation_id text primary key,
    case_id text not null,
    referral_id text not null,
    organ_uscc text not null,
    provider_uscc text not null,
    transferred_to text not null default '',
    officers text[] not null default '{}',
    supervisor text not null default '',
    status integer not null,
    report_due_on date,
    drafted_at timestamptz not null
);
create index on {schema}.investigations (organ_uscc, drafted_at desc, investigation_id);
create index on {schema}.investigations (provider_uscc, drafted_at desc, investigation_id);
"""

# Before the letter is issued the provider knows nothing of the draft.
_DRAFT = 1


@dataclass(frozen=True, slots=True)
class InvestigationLine:
    """One row of the investigations."""

    investigation_id: str
    case_id: str
    organ_uscc: str
    provider_uscc: str
    status: int
    report_due_on: date | None
    drafted_at: datetime


class Investigations:
    """Queries over the investigations."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(
        self,
        agency: str,
        officer: str,
        status: int,
        case_id: str,
        before: tuple[datetime, str] | None,
        size: int,
    ) -> Sequence[InvestigationLine]:
        """Investigations of an agency, newest first; with `officer` only those that the officer works on."""
        query = statement(
            "select investigation_id, case_id, organ_uscc, provider_uscc, status, report_due_on, drafted_at from {}"
            " where (%(agency)s in (organ_uscc, transferred_to) or (provider_uscc = %(agency)s and status <> %(draft)s))"
            " and (%(officer)s = '' or supervisor = %(officer)s or %(officer)s = any(officers))"
            " and (%(status)s = 0 or status = %(status)s) and (%(case)s = '' or case_id = %(case)s)"
            " and (%(at)s::timestamptz is null or (drafted_at, investigation_id) < (%(at)s, %(id)s))"
            " order by drafted_at desc, investigation_id desc limit %(size)s",
            (self.view.schema, "investigations"),
        )
        at, last = before or (None, "")
        values = {
            "agency": agency,
            "officer": officer,
            "draft": _DRAFT,
            "status": status,
            "case": case_id,
            "at": at,
            "id": last,
            "size": size,
        }
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(InvestigationLine)) as cursor:
            return cursor.execute(query, values).fetchall()
