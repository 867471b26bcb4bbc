"""Events of intake, and assignments of social investigation, become rows of its views; a recorded event never fails here."""

from typing import Any, LiteralString

import psycopg
from google.protobuf.message import Message

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.journal.v1 import record_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from services.intake.views import AGENCIES_DDL, ASSIGNMENTS_DDL, REFERRALS_DDL
from services.kernel.dates import to_date, to_datetime
from services.kernel.deadlineview import definition
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import ViewDefinition


def project_agencies(conn: psycopg.Connection, schema: str, _: Recorded, event: Message) -> None:
    """Writes the agency that an event is about."""
    table = (schema, "agencies")
    match event:
        case directory.AgencyRegistered() | directory.AgencyChanged():
            agency = event.agency
            conn.execute(
                statement(
                    "insert into {} (uscc, type, division, agency) values (%s, %s, %s, %s) on conflict (uscc)"
                    " do update set type = excluded.type, division = excluded.division, agency = excluded.agency",
                    table,
                ),
                [agency.uscc, agency.type, agency.division.code, agency.SerializeToString(deterministic=True)],
            )
        case directory.AgencySuspended() | directory.AgencyReinstated():
            suspended = isinstance(event, directory.AgencySuspended)
            conn.execute(statement("update {} set suspended = %s where uscc = %s", table), [suspended, event.uscc])


def project_referrals(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the referral that an event is about."""
    table = (schema, "referrals")
    match event:
        case referrals.ReferralDrafted():
            _put(conn, table, row, event.content, api.REFERRAL_STATUS_DRAFT, to_datetime(event.expires_at))
        case referrals.ReferralSubmitted():
            _put(conn, table, row, event.content, api.REFERRAL_STATUS_SUBMITTED, None)
        case referrals.ReferralAccepted():
            _set(conn, table, event.referral_id, api.REFERRAL_STATUS_ACCEPTED)
            conn.execute(
                statement("update {} set provider = %s where referral_id = %s", table),
                [event.provider, event.referral_id],
            )
        case referrals.ReferralDeclined():
            _set(conn, table, event.referral_id, api.REFERRAL_STATUS_DECLINED)
        case referrals.ReferralWithdrawn():
            _set(conn, table, event.referral_id, api.REFERRAL_STATUS_WITHDRAWN)
        case referrals.ReferralDraftExpired():
            _set(conn, table, event.referral_id, api.REFERRAL_STATUS_EXPIRED)
        case referrals.ReferralClosed():
            _set(conn, table, event.referral_id, api.REFERRAL_STATUS_CLOSED)


def project_assignments(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes who works on the investigation that an event is about."""
    table = (schema, "assignments")

    def change(text: LiteralString, *values: object) -> None:
        conn.execute(statement(text, table), [*values, row.stream.removeprefix("investigation-")])

    match event:
        case investigations.InvestigationCommissionDrafted():
            conn.execute(
                statement(
                    "insert into {} (investigation_id, case_id, provider) values (%s, %s, %s) on conflict do nothing", table
                ),
                [event.investigation_id, event.case_id, event.letter.provider_uscc],
            )
        case investigations.InvestigationCommissioned():
            change("update {} set provider = %s where investigation_id = %s", event.letter.provider_uscc)
        case investigations.InvestigatorsAssigned():
            officers = [investigator.officer for investigator in event.investigators]
            change("update {} set officers = %s, supervisor = %s where investigation_id = %s", officers, event.supervisor)
        case investigations.InvestigatorReplaced():
            change(
                "update {} set officers = array_replace(officers, %s, %s) where investigation_id = %s",
                event.officer,
                event.replacement.officer,
            )


def _put(
    conn: psycopg.Connection,
    table: tuple[str, str],
    recorded: Recorded,
    content: referrals.ReferralContent,
    status: int,
    expires_at: Any,
) -> None:
    values = {
        "referral_id": content.referral_id,
        "case_id": content.case_id,
        "subject_id": content.subject_id,
        "kind": content.kind,
        "from_uscc": content.from_uscc,
        "to_uscc": content.to_uscc,
        "external_number": content.external_number,
        "status": status,
        "due_on": to_date(content.due_on),
        "expires_at": expires_at,
        "recorded_at": to_datetime(record_pb2.Header.FromString(recorded.header).recorded_at),
    }
    conn.execute(statement(_PUT, table), values)


# A draft's line is replaced whole when it is submitted.
_PUT = """
    insert into {} (
        referral_id, case_id, subject_id, kind, from_uscc, to_uscc, external_number, status, due_on, expires_at, recorded_at
    ) values (
        %(referral_id)s, %(case_id)s, %(subject_id)s, %(kind)s, %(from_uscc)s, %(to_uscc)s, %(external_number)s, %(status)s,
        %(due_on)s, %(expires_at)s, %(recorded_at)s
    ) on conflict (referral_id) do update set (
        case_id, subject_id, kind, from_uscc, to_uscc, external_number, status, due_on, expires_at, recorded_at
    ) = (
        excluded.case_id, excluded.subject_id, excluded.kind, excluded.from_uscc, excluded.to_uscc, excluded.external_number,
        excluded.status, excluded.due_on, excluded.expires_at, excluded.recorded_at
    )
"""


def _set(conn: psycopg.Connection, table: tuple[str, str], referral_id: str, status: int) -> None:
    conn.execute(statement("update {} set status = %s where referral_id = %s", table), [status, referral_id])


AGENCIES = ViewDefinition("agencies", AGENCIES_DDL, {"agencies": "uscc"}, project_agencies, ("guanhu.directory.",))
REFERRALS = ViewDefinition(
    "referrals", REFERRALS_DDL, {"referrals": "referral_id"}, project_referrals, ("guanhu.intake.v1.Referral",)
)
ASSIGNMENTS = ViewDefinition(
    "assignments",
    ASSIGNMENTS_DDL,
    {"assignments": "investigation_id"},
    project_assignments,
    ("guanhu.social_investigation.",),
)
# Whoever keeps the clock of a case answers for it; nobody else does by any other event.
DEADLINES = definition(lambda _, __: ())
