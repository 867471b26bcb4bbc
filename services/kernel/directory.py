"""A service's own copy of the directory: agencies, and who takes part in which case, followed from intake's journal."""

from datetime import date

import psycopg
from google.protobuf.message import Message
from psycopg_pool import ConnectionPool

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.directory.v1 import agency_events_pb2 as events
from services.kernel.dates import to_date
from services.kernel.deadline import Setting
from services.kernel.decision import AgencyFacts
from services.kernel.glance import Memory
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import View, ViewDefinition

_DDL = """
create table {schema}.agencies (
    uscc text primary key,
    name text not null,
    type text not null,
    investigates boolean not null,
    suspended boolean not null default false
);
create table {schema}.participants (
    case_id text not null,
    uscc text not null,
    scope integer not null,
    begins date not null,
    ends date,
    primary key (case_id, uscc, scope, begins)
);
create table {schema}.deadline_settings (
    uscc text not null,
    rule_id text not null,
    variant text not null,
    effective_on date not null,
    length bytea,
    primary key (uscc, rule_id, variant, effective_on)
);
"""


def project(conn: psycopg.Connection, schema: str, _: Recorded, event: Message) -> None:
    """Writes what an event says of an agency or a participant."""
    agencies, participants = (schema, "agencies"), (schema, "participants")
    match event:
        case events.AgencyRegistered() | events.AgencyChanged():
            agency = event.agency
            kind = events.AgencyType.Name(agency.type).removeprefix("AGENCY_TYPE_")
            conn.execute(
                statement(
                    "insert into {} (uscc, name, type, investigates) values (%s, %s, %s, %s) on conflict (uscc) do update"
                    " set name = excluded.name, type = excluded.type, investigates = excluded.investigates",
                    agencies,
                ),
                [agency.uscc, agency.name, kind, agency.investigates],
            )
        case events.AgencySuspended() | events.AgencyReinstated():
            suspended = isinstance(event, events.AgencySuspended)
            conn.execute(statement("update {} set suspended = %s where uscc = %s", agencies), [suspended, event.uscc])
        case events.ParticipantAdded():
            begins = to_date(getattr(event, "from")) or date.min
            conn.execute(
                statement(
                    "insert into {} (case_id, uscc, scope, begins, ends) values (%s, %s, %s, %s, %s)"
                    " on conflict (case_id, uscc, scope, begins) do update set ends = excluded.ends",
                    participants,
                ),
                [event.case_id, event.uscc, event.scope, begins, to_date(event.to)],
            )
        case events.ParticipantRemoved():
            conn.execute(
                statement("update {} set ends = %s where case_id = %s and uscc = %s and scope = %s", participants),
                [to_date(event.to), event.case_id, event.uscc, event.scope],
            )
        case events.DeadlineSettingChanged():
            length = event.length.SerializeToString(deterministic=True) if event.HasField("length") else None
            conn.execute(
                statement(
                    "insert into {} (uscc, rule_id, variant, effective_on, length) values (%s, %s, %s, %s, %s)"
                    " on conflict (uscc, rule_id, variant, effective_on) do update set length = excluded.length",
                    (schema, "deadline_settings"),
                ),
                [event.uscc, event.rule_id, event.variant, to_date(event.effective_on), length],
            )


_TABLES = {
    "agencies": "uscc",
    "participants": "case_id, uscc, scope, begins",
    "deadline_settings": "uscc, rule_id, variant, effective_on",
}
DIRECTORY = ViewDefinition("directory", _DDL, _TABLES, project, ("guanhu.directory.",))


class Directory:
    """Queries over the copy. What is not found is looked for again once the copy has caught up with its source."""

    def __init__(self, view: View, pool: ConnectionPool) -> None:
        self.view = view
        self._pool = pool
        self._agencies: Memory[str, AgencyFacts | None] = Memory()
        self._taking_part: Memory[tuple[str, date, tuple[int, ...]], frozenset[str]] = Memory()
        self._settings: Memory[str, tuple[Setting, ...]] = Memory()

    def agency(self, uscc: str) -> AgencyFacts | None:
        """What the directory says of an agency."""
        return self._agencies.get(uscc, lambda: self._agency(uscc) or (self._agency(uscc) if self.view.catch_up() else None))

    def name(self, uscc: str) -> str:
        """An agency's full name; "" where it is not registered."""
        query = statement("select name from {} where uscc = %s", (self.view.schema, "agencies"))
        with self._pool.connection() as conn:
            found = conn.execute(query, [uscc]).fetchone()
        return str(found[0]) if found else ""

    def participants(self, case_id: str, on: date, *scopes: int) -> frozenset[str]:
        """Agencies that take part in a case on a day, in one of the scopes where any is named."""
        return self._taking_part.get((case_id, on, scopes), lambda: self._participants(case_id, on, scopes))

    def settings(self, uscc: str) -> tuple[Setting, ...]:
        """The lengths of deadlines that an agency made its own."""
        return self._settings.get(uscc, lambda: self._settings_of(uscc))

    def _participants(self, case_id: str, on: date, scopes: tuple[int, ...]) -> frozenset[str]:
        self.view.wait(0)
        query = statement(
            "select uscc from {} where case_id = %s and begins <= %s and (ends is null or ends >= %s)"
            " and (cardinality(%s::int[]) = 0 or scope = any(%s::int[]))",
            (self.view.schema, "participants"),
        )
        with self._pool.connection() as conn:
            rows = conn.execute(query, [case_id, on, on, list(scopes), list(scopes)]).fetchall()
        return frozenset(row[0] for row in rows)

    def _settings_of(self, uscc: str) -> tuple[Setting, ...]:
        self.view.wait(0)
        query = statement(
            "select rule_id, variant, effective_on, length from {} where uscc = %s order by effective_on",
            (self.view.schema, "deadline_settings"),
        )
        with self._pool.connection() as conn:
            rows = conn.execute(query, [uscc]).fetchall()
        return tuple(
            Setting(uscc, rule_id, variant, pb.Length.FromString(length) if length is not None else None, effective_on)
            for rule_id, variant, effective_on, length in rows
        )

    def _agency(self, uscc: str) -> AgencyFacts | None:
        query = statement("select uscc, type, investigates, suspended from {} where uscc = %s", (self.view.schema, "agencies"))
        with self._pool.connection() as conn:
            found = conn.execute(query, [uscc]).fetchone()
        return AgencyFacts(*found) if found else None
