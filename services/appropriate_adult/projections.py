"""Events become rows of the views; a recorded event never fails here."""

from typing import LiteralString

import psycopg
from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from guanhu.journal.v1 import record_pb2
from services.appropriate_adult.state import BEFORE_REQUEST, STATUS_AFTER
from services.appropriate_adult.views import ADULTS_DDL, ASSIGNMENTS_DDL
from services.kernel.dates import to_datetime
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import ViewDefinition

_EVENTS = "guanhu.appropriate_adult."


def project_assignments(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the assignment that an event is about."""
    table = (schema, "assignments")
    assignment_id = row.stream.removeprefix("assignment-")

    def change(text: LiteralString, *values: object) -> None:
        conn.execute(statement(text, table), [*values, assignment_id])

    def step(to: int, *after: int) -> None:
        change("update {} set status = %s where status = any(%s) and assignment_id = %s", to, list(after))

    if isinstance(event, events.AppropriateAdultNeedIdentified):
        _open(conn, table, row, event)
    elif type(event) in STATUS_AFTER:
        change("update {} set status = %s where assignment_id = %s", STATUS_AFTER[type(event)])
    match event:
        case events.LegalRepNotified():
            step(api.ASSIGNMENT_STATUS_LEGAL_REP_NOTIFIED, api.ASSIGNMENT_STATUS_NEED_IDENTIFIED)
        case events.LegalRepOutcomeRecorded():
            attends = event.outcome == events.LEGAL_REP_OUTCOME_ATTENDING
            to = api.ASSIGNMENT_STATUS_LEGAL_REP_ATTENDING if attends else api.ASSIGNMENT_STATUS_ADULT_REQUIRED
            step(to, *BEFORE_REQUEST)
        case events.AppropriateAdultRequested():
            at = to_datetime(event.session.planned_from)
            change("update {} set provider_uscc = %s, planned_from = %s where assignment_id = %s", event.provider_uscc, at)
        case events.SessionScheduled():
            change("update {} set planned_from = %s where assignment_id = %s", to_datetime(event.session.planned_from))
        case events.CandidateProposed():
            officer = f"{event.home_uscc}/{event.officer}" if event.officer else ""
            change("update {} set adult_id = %s, officer = %s where assignment_id = %s", event.adult_id, officer)
        case events.ConflictCheckPassed():
            step(api.ASSIGNMENT_STATUS_CHECKED, api.ASSIGNMENT_STATUS_PROPOSED)
        case events.MinorConsulted() if not event.refusal_allowed:
            change("update {} set status = %s where assignment_id = %s", api.ASSIGNMENT_STATUS_CONSULTED)
        case (
            events.CandidateUnavailable()
            | events.ConflictFound()
            | events.CandidateRejected()
            | events.AppropriateAdultNoShow()
            | events.AppropriateAdultReplaced()
        ):
            change("update {} set adult_id = '', officer = '' where assignment_id = %s")
        case events.AssignmentContinuedAtNextStage():
            change("update {} set organ_uscc = %s where assignment_id = %s", event.to_uscc)


def project_adults(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the adult that an event is about."""
    table = (schema, "adults")
    adult_id = row.stream.removeprefix("adult-")

    def change(text: LiteralString, *values: object) -> None:
        conn.execute(statement(text, table), [*values, adult_id])

    match event:
        case adults.AdultRegistered() | adults.AdultEntryChanged():
            _enter(conn, table, row, event.entry)
        case adults.AdultRecordQueried():
            change("update {} set excluded = %s where adult_id = %s", not event.query.clear)
        case adults.AdultSuspended():
            change("update {} set suspended = true where adult_id = %s")
        case adults.AdultReinstated():
            change("update {} set suspended = false where adult_id = %s")
        case adults.AdultRemoved():
            change("update {} set removed = true where adult_id = %s")


def _open(
    conn: psycopg.Connection, table: tuple[str, str], row: Recorded, event: events.AppropriateAdultNeedIdentified
) -> None:
    conn.execute(
        statement(
            "insert into {} (assignment_id, case_id, referral_id, organ_uscc, provider_uscc, status, opened_at)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            table,
        ),
        [
            event.assignment_id,
            event.case_id,
            event.referral_id,
            event.organ_uscc,
            event.provider_uscc,
            STATUS_AFTER[type(event)],
            _recorded_at(row),
        ],
    )


def _enter(conn: psycopg.Connection, table: tuple[str, str], row: Recorded, entry: forms.RosterEntry) -> None:
    conn.execute(
        statement(
            "insert into {} (adult_id, home_uscc, rostered, occupation, sex, languages, districts, registered_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (adult_id) do update set"
            " occupation = excluded.occupation, sex = excluded.sex,"
            " languages = excluded.languages, districts = excluded.districts",
            table,
        ),
        [
            entry.adult_id,
            entry.home_uscc,
            entry.standing == forms.STANDING_ROSTERED,
            entry.occupation,
            entry.sex,
            list(entry.languages),
            list(entry.districts),
            _recorded_at(row),
        ],
    )


def _recorded_at(row: Recorded) -> object:
    return to_datetime(record_pb2.Header.FromString(row.header).recorded_at)


ASSIGNMENTS = ViewDefinition("assignments", ASSIGNMENTS_DDL, {"assignments": "assignment_id"}, project_assignments, (_EVENTS,))
ADULTS = ViewDefinition("adults", ADULTS_DDL, {"adults": "adult_id"}, project_adults, (_EVENTS,))
