"""A service's own copy of the cases, followed from intake's journal. Nothing personal is in it."""

from dataclasses import dataclass
from datetime import date

import psycopg
from google.protobuf.message import Message
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.directory.v1 import agency_events_pb2 as agencies
from guanhu.intake.v1 import case_events_pb2 as events
from services.kernel.dates import to_date
from services.kernel.decision import CaseFacts
from services.kernel.directory import Directory
from services.kernel.glance import Memory
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import View, ViewDefinition

_DDL = """
create table {schema}.cases (
    case_id text primary key,
    organ text not null,
    subject_id text not null,
    act_on date,
    closed boolean not null default false
);
"""


def project(conn: psycopg.Connection, schema: str, _: Recorded, event: Message) -> None:
    """Writes the case that an event of intake is about."""
    table = (schema, "cases")
    match event:
        case events.CaseOpened():
            conn.execute(
                statement(
                    "insert into {} (case_id, organ, subject_id, act_on) values (%s, %s, %s, %s) on conflict do nothing", table
                ),
                [event.case_id, event.organ, event.subject_id, to_date(event.act_on)],
            )
        case events.CaseClosed():
            conn.execute(statement("update {} set closed = true where case_id = %s", table), [event.case_id])


CASES = ViewDefinition("cases", _DDL, {"cases": "case_id"}, project, ("guanhu.intake.v1.Case",))


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One row of the cases."""

    case_id: str
    organ: str
    subject_id: str
    act_on: date | None
    closed: bool


class Cases:
    """Queries over the cases."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool
        self._cases: Memory[str, CaseLine | None] = Memory()

    def case(self, case_id: str) -> CaseLine | None:
        """A case; where it is not found it is looked for again once the copy has caught up."""
        return self._cases.get(case_id, lambda: self._case(case_id) or (self._case(case_id) if self.view.catch_up() else None))

    def facts(self, case_id: str, directory: Directory, on: date) -> CaseFacts | None:
        """A case with the agencies that handle it on a day, as decisions are told."""
        case = self.case(case_id)
        if case is None:
            return None
        handling = directory.participants(case_id, on, agencies.PARTICIPANT_SCOPE_HANDLING)
        return CaseFacts(case_id, case.organ, case.subject_id, case.act_on, handling | {case.organ}, case.closed)

    def _case(self, case_id: str) -> CaseLine | None:
        query = statement(
            "select case_id, organ, subject_id, act_on, closed from {} where case_id = %s", (self.view.schema, "cases")
        )
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(CaseLine)) as cursor:
            return cursor.execute(query, [case_id]).fetchone()
