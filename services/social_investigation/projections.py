"""Events become rows of the views; a recorded event never fails here."""

from collections.abc import Callable, Iterable
from typing import Any, LiteralString

import psycopg
from google.protobuf.message import Message

from guanhu.journal.v1 import record_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from services.kernel import deadline
from services.kernel.dates import to_date, to_datetime
from services.kernel.deadlineview import Answering, definition
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import ViewDefinition
from services.social_investigation.state import REPORT_RULES, STATUS_AFTER
from services.social_investigation.views import INVESTIGATIONS_DDL


def project_investigations(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the investigation that an event is about."""
    table = (schema, "investigations")
    investigation_id = row.stream.removeprefix("investigation-")

    def change(text: LiteralString, *values: object) -> None:
        conn.execute(statement(text, table), [*values, investigation_id])

    if isinstance(event, events.InvestigationCommissionDrafted):
        _insert(conn, table, row, event)
    elif type(event) in STATUS_AFTER:
        change("update {} set status = %s where investigation_id = %s", STATUS_AFTER[type(event)])
    if type(event) in deadline.EVENTS:
        _clock(change, event)
    match event:
        case events.InvestigationCommissioned():
            change("update {} set provider_uscc = %s where investigation_id = %s", event.letter.provider_uscc)
        case events.CommissionAccepted():
            change("update {} set report_due_on = %s where investigation_id = %s", to_date(event.report_due_on))
        case events.SupplementRequested():
            change("update {} set report_due_on = %s where investigation_id = %s", to_date(event.due_on))
        case events.InvestigatorsAssigned():
            officers = [investigator.officer for investigator in event.investigators]
            change("update {} set officers = %s, supervisor = %s where investigation_id = %s", officers, event.supervisor)
        case events.InvestigatorReplaced():
            change(
                "update {} set officers = array_replace(officers, %s, %s) where investigation_id = %s",
                event.officer,
                event.replacement.officer,
            )
        case events.ReportTransferred():
            change("update {} set transferred_to = %s where investigation_id = %s", event.to_uscc)


def answers(event: Message, actor: Any) -> Iterable[Answering]:
    """Who answers for the clocks of an investigation: the workers, their supervisor, the examiner; the rest by their acts."""
    match event:
        case events.InvestigatorsAssigned():
            for officer in (*(investigator.officer for investigator in event.investigators), event.supervisor):
                yield Answering(actor.agency, officer)
        case events.InvestigatorReplaced():
            yield Answering(actor.agency, event.officer, ends=True)
            yield Answering(actor.agency, event.replacement.officer)
        case events.ReportExaminationStarted() if event.examiner:
            yield Answering(actor.agency, event.examiner)


def _clock(change: Callable[..., None], event: Any) -> None:
    due = getattr(event, "due", None)
    if due is not None and event.deadline_id.partition("#")[0] in REPORT_RULES:
        change("update {} set report_due_on = %s where investigation_id = %s", to_date(due.due_on))


def _insert(
    conn: psycopg.Connection, table: tuple[str, str], row: Recorded, event: events.InvestigationCommissionDrafted
) -> None:
    recorded_at = to_datetime(record_pb2.Header.FromString(row.header).recorded_at)
    conn.execute(
        statement(
            "insert into {} (investigation_id, case_id, referral_id, organ_uscc, provider_uscc, status, drafted_at)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            table,
        ),
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
    "investigations",
    INVESTIGATIONS_DDL,
    {"investigations": "investigation_id"},
    project_investigations,
    ("guanhu.social_investigation.", "guanhu.deadline."),
)
DEADLINES = definition(answers, "guanhu.social_investigation.")
