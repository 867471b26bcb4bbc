"""Read models: a line for each assignment, a line for each adult of the register. Nothing personal is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from services.kernel.statements import statement
from services.kernel.view import View

ASSIGNMENTS_DDL = """
create table {schema}.assignments (
    assignment_id text primary key,
    case_id text not null,
    referral_id text not null,
    organ_uscc text not null,
    provider_uscc text not null,
    status integer not null,
    adult_id text not null default '',
    officer text not null default '',
    planned_from timestamptz,
    opened_at timestamptz not null
);
create index on {schema}.assignments (organ_uscc, opened_at desc, assignment_id);
create index on {schema}.assignments (provider_uscc, opened_at desc, assignment_id);
"""

ADULTS_DDL = """
create table {schema}.adults (
    adult_id text primary key,
    home_uscc text not null,
    rostered boolean not null,
    occupation integer not null,
    sex integer not null,
    languages text[] not null,
    districts text[] not null,
    suspended boolean not null default false,
    removed boolean not null default false,
    excluded boolean not null default false,
    registered_at timestamptz not null
);
create index on {schema}.adults (home_uscc, registered_at desc, adult_id);
"""


@dataclass(frozen=True, slots=True)
class AssignmentLine:
    """One row of the assignments."""

    assignment_id: str
    case_id: str
    organ_uscc: str
    provider_uscc: str
    status: int
    adult_id: str
    planned_from: datetime | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class AdultLine:
    """One row of the adults."""

    adult_id: str
    home_uscc: str
    occupation: int
    sex: int
    languages: list[str]
    districts: list[str]
    suspended: bool
    removed: bool
    excluded: bool
    registered_at: datetime


class Assignments:
    """Queries over the assignments."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(
        self, agency: str, officer: str, status: int, case_id: str, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[AssignmentLine]:
        """Assignments of an agency, newest first; with `officer` only those that this adult is named in."""
        query = statement(
            "select assignment_id, case_id, organ_uscc, provider_uscc, status, adult_id, planned_from, opened_at from {}"
            " where case when %(officer)s = '' then %(agency)s in (organ_uscc, provider_uscc) else officer = %(officer)s end"
            " and (%(status)s = 0 or status = %(status)s) and (%(case)s = '' or case_id = %(case)s)"
            " and (%(at)s::timestamptz is null or (opened_at, assignment_id) < (%(at)s, %(id)s))"
            " order by opened_at desc, assignment_id desc limit %(size)s",
            (self.view.schema, "assignments"),
        )
        at, last = before or (None, "")
        values = {
            "agency": agency,
            "officer": f"{agency}/{officer}" if officer else "",
            "status": status,
            "case": case_id,
            "at": at,
            "id": last,
            "size": size,
        }
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(AssignmentLine)) as cursor:
            return cursor.execute(query, values).fetchall()


class Adults:
    """Queries over the register."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool

    def page(
        self, home: str, division_code: str, language: str, before: tuple[datetime, str] | None, size: int
    ) -> Sequence[AdultLine]:
        """Adults of a home agency, newest first; with a county or a language only those who cover or speak it."""
        query = statement(
            "select adult_id, home_uscc, occupation, sex, languages, districts, suspended, removed, excluded, registered_at"
            " from {} where home_uscc = %(home)s"
            " and (%(county)s = '' or %(county)s = any(districts)) and (%(language)s = '' or %(language)s = any(languages))"
            " and (%(at)s::timestamptz is null or (registered_at, adult_id) < (%(at)s, %(id)s))"
            " order by registered_at desc, adult_id desc limit %(size)s",
            (self.view.schema, "adults"),
        )
        at, last = before or (None, "")
        values = {"home": home, "county": division_code, "language": language, "at": at, "id": last, "size": size}
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(AdultLine)) as cursor:
            return cursor.execute(query, values).fetchall()
