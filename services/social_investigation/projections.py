"""Events become rows of the views; a recorded event never fails here."""

import psycopg
from google.protobuf.message import Message
from psycopg import sql

from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.journal.v1 import record_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from services.kernel.dates import to_date, to_datetime
from services.kernel.journal import Recorded
from services.kernel.view import ViewDefinition
from services.social_investigation.state import STATUS_AFTER
from services.social_investigation.views import CASES_DDL, INVESTIGATIONS_DDL


def project_investigations(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the investigation that an event is about."""
    table = sql.Identifier(schema, "investigations")
    investigation_id = row.stream.removeprefix("investigation-")

    def change(assignments: str, *values: object) -> None:
        query = sql.SQL("update {} set " + assignments + " where investigation_id = %s").format(table)
        conn.execute(query, [*values, investigation_id])

    if isinstance(event, events.InvestigationCommissionDrafted):
        _insert(conn, table, row, event)
    elif type(event) in STATUS_AFTER:
        change("status = %s", STATUS_AFTER[type(event)])
    match event:
        case events.InvestigationCommissioned():
            change("provider_uscc = %s", event.letter.provider_uscc)
        case events.CommissionAccepted():
            change("report_due_on = %s", to_date(event.report_due_on))
        case events.SupplementRequested():
            change("report_due_on = %s", to_date(event.due_on))
        case events.InvestigatorsAssigned():
            officers = [investigator.officer for investigator in event.investigators]
            change("officers = %s, supervisor = %s", officers, event.supervisor)
        case events.InvestigatorReplaced():
            change("officers = array_replace(officers, %s, %s)", event.officer, event.replacement.officer)
        case events.ReportTransferred():
            change("transferred_to = %s", event.to_uscc)


def project_cases(conn: psycopg.Connection, schema: str, _: Recorded, event: Message) -> None:
    """Writes the case that an event of intake is about."""
    table = sql.Identifier(schema, "cases")
    match event:
        case cases.CaseOpened():
            conn.execute(
                sql.SQL(
                    "insert into {} (case_id, organ, subject_id, act_on) values (%s, %s, %s, %s) on conflict do nothing"
                ).format(table),
                [event.case_id, event.organ, event.subject_id, to_date(event.act_on)],
            )
        case cases.CaseClosed():
            conn.execute(sql.SQL("update {} set closed = true where case_id = %s").format(table), [event.case_id])


def _insert(
    conn: psycopg.Connection, table: sql.Identifier, row: Recorded, event: events.InvestigationCommissionDrafted
) -> None:
    recorded_at = to_datetime(record_pb2.Header.FromString(row.header).recorded_at)
    conn.execute(
        sql.SQL(
            "insert into {} (investigation_id, case_id, referral_id, organ_uscc, provider_uscc, status, drafted_at)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing"
        ).format(table),
        [
            event.investigation_id,
            event.case_id,
            event.referral_id,
            event.letter.organ_uscc,
            event.letter.provider_uscc,
            STATUS_AFTER[type(event)],
            recorded_at,
        ],
    )


INVESTIGATIONS = ViewDefinition(
    "investigations", INVESTIGATIONS_DDL, {"investigations": "investigation_id"}, project_investigations
)
CASES = ViewDefinition("cases", CASES_DDL, {"cases": "case_id"}, project_cases)
