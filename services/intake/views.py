"""Read models of intake: agencies, each referral's line in a list, who works on which case. Nothing personal is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.directory.v1 import agency_events_pb2 as directory
from services.kernel.statements import statement
from services.kernel.view import View

AGENCIES_DDL = """
create table {schema}.agencies (
    uscc text primary key,
    type integer not null,
    division text not null,
    agency bytea not null,
    suspended boolean not null default false
);
create index on {schema}.agencies (type, uscc);
"""

REFERRALS_DDL = """
create table {schema}.referrals (
    referral_id text primary key,
    case_id text not null,
    subject_id text not null,
    kind integer not null,
    from_uscc text not null,
    to_uscc text not null,
    provider text not null default '',
    external_number text not null default '',
    status integer not null,
    due_on date,
    expires_at timestamptz,
    recorded_at timestamptz not null
);
create index on {schema}.referrals (from_uscc, recorded_at desc, referral_id);
create index on {schema}.referrals (to_uscc, recorded_at desc, referral_id);
create index on {schema}.referrals (provider, recorded_at desc, referral_id) where provider <> '';
"""

ASSIGNMENTS_DDL = """
create table {schema}.assignments (
    investigation_id text primary key,
    case_id text not null,
    provider text not null,
    officers text[] not null default '{}',
    supervisor text not null default ''
);
create index on {schema}.assignments (case_id, provider);
"""


@dataclass(frozen=True, slots=True)
class ReferralLine:
    """One row of the referrals."""

    referral_id: str
    case_id: str
    kind: int
    from_uscc: str
    to_uscc: str
    status: int
    due_on: date | None
    expires_at: datetime | None
    recorded_at: datetime


class Referrals:
    """Queries over the referrals."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(
        self, agency: str, status: int, case_id: str, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[ReferralLine]:
        """Referrals that an agency sent, received or renders, newest first; drafts only for their sender."""
        query = statement(
            "select referral_id, case_id, kind, from_uscc, to_uscc, status, due_on, expires_at, recorded_at"
            " from {} where (from_uscc = %(agency)s or (status <> 1 and %(agency)s in (to_uscc, provider)))"
            " and (%(status)s = 0 or status = %(status)s) and (%(case)s = '' or case_id = %(case)s)"
            " and (%(at)s::timestamptz is null or (recorded_at, referral_id) < (%(at)s, %(id)s))"
            " order by recorded_at desc, referral_id desc limit %(size)s",
            (self.view.schema, "referrals"),
        )
        at, last = before or (None, "")
        values = {"agency": agency, "status": status, "case": case_id, "at": at, "id": last, "size": size}
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(ReferralLine)) as cursor:
            return cursor.execute(query, values).fetchall()


class Agencies:
    """Queries over the agencies."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(self, type_number: int, division_prefix: str, after: str, size: int) -> Sequence[directory.Agency]:
        """Agencies in the order of their codes."""
        query = statement(
            "select agency from {} where uscc > %s and (%s = 0 or type = %s) and division like %s order by uscc limit %s",
            (self.view.schema, "agencies"),
        )
        with self._pool.connection() as conn:
            rows = conn.execute(query, [after, type_number, type_number, f"{division_prefix}%", size]).fetchall()
        return [directory.Agency.FromString(row[0]) for row in rows]


class Assignments:
    """Queries over who investigates in which case, as social investigation records it."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self._view = view
        self._pool = pool

    def working(self, case_id: str, agency: str, officer: str) -> frozenset[str]:
        """Officers of an agency who are assigned to the case; `officer` is looked for again once the copy has caught up."""
        found = self._working(case_id, agency)
        return found if officer in found or not self._view.catch_up() else self._working(case_id, agency)

    def _working(self, case_id: str, agency: str) -> frozenset[str]:
        query = statement(
            "select array_append(officers, supervisor) from {} where case_id = %s and provider = %s",
            (self._view.schema, "assignments"),
        )
        with self._pool.connection() as conn:
            rows = conn.execute(query, [case_id, agency]).fetchall()
        return frozenset(officer for row in rows for officer in row[0]) - {""}
