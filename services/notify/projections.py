"""Events of obligations become lines of the ledger's view; a recorded event never fails here."""

from datetime import datetime
from typing import Any, LiteralString

import psycopg
from google.protobuf.message import Message

from guanhu.journal.v1 import record_pb2
from guanhu.notify.v1 import obligation_events_pb2 as events
from services.kernel.dates import to_datetime
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import ViewDefinition
from services.notify.obligation import ACKNOWLEDGED, DELIVERED, EXHAUSTED, OWED, SUPPRESSED
from services.notify.views import OBLIGATIONS_DDL


def project(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the obligation that an event is about."""
    table = (schema, "obligations")
    obligation_id = row.stream.partition("-")[2]

    def change(query: LiteralString, *values: object) -> None:
        conn.execute(statement(query, table), [*values, obligation_id])

    match event:
        case events.MessageOwed():
            _insert(conn, table, row, event)
        case events.DeliveryAttempted():
            retry_at = to_datetime(event.retry_at) if event.HasField("retry_at") else None
            change(
                "update {} set attempts = %s, channel = %s, due_at = coalesce(%s, due_at) where obligation_id = %s",
                event.n,
                event.channel,
                retry_at,
            )
        case events.MessageDelivered():
            change(
                "update {} set status = %s, channel = %s, delivered_at = %s where obligation_id = %s",
                DELIVERED,
                event.channel,
                _recorded_at(row),
            )
        case events.ReceiptAcknowledged():
            at = to_datetime(event.at)
            change("update {} set status = %s, acknowledged_at = %s where obligation_id = %s", ACKNOWLEDGED, at)
        case events.DeliveryExhausted():
            change("update {} set status = %s where obligation_id = %s", EXHAUSTED)
        case events.ObligationEscalated():
            change("update {} set escalated = true where obligation_id = %s")
        case events.DeliverySuppressed():
            change("update {} set status = %s where obligation_id = %s", SUPPRESSED)
        case events.DeliveryRedriven():
            change("update {} set status = %s, escalated = false where obligation_id = %s", OWED)


def _insert(conn: psycopg.Connection, table: tuple[str, str], row: Recorded, event: events.MessageOwed) -> None:
    cause = event.cause
    line: dict[str, Any] = {
        "obligation_id": event.obligation_id,
        "position": row.position,
        "from_uscc": event.from_uscc,
        "to_uscc": event.to_uscc,
        "kind": event.kind,
        "handoff_id": event.handoff_id,
        "origin": cause.origin,
        "cause_position": cause.position,
        "stream": cause.stream,
        "type": cause.type,
        "case_id": cause.case_id,
        "recorded_at": to_datetime(cause.recorded_at),
        "text_zh": event.text_zh,
        "text_en": event.text_en,
        "acknowledge_by": to_datetime(event.acknowledge_by) if event.HasField("acknowledge_by") else None,
        "status": OWED,
        "due_at": to_datetime(cause.recorded_at),
        "owed_at": _recorded_at(row),
    }
    query = statement(
        "insert into {} (obligation_id, position, from_uscc, to_uscc, kind, handoff_id, origin, cause_position, stream,"
        " type, case_id, recorded_at, text_zh, text_en, acknowledge_by, status, due_at, owed_at) values (%(obligation_id)s,"
        " %(position)s, %(from_uscc)s, %(to_uscc)s, %(kind)s, %(handoff_id)s, %(origin)s, %(cause_position)s, %(stream)s,"
        " %(type)s, %(case_id)s, %(recorded_at)s, %(text_zh)s, %(text_en)s, %(acknowledge_by)s, %(status)s, %(due_at)s,"
        " %(owed_at)s)"
        " on conflict do nothing",
        table,
    )
    conn.execute(query, line)


def _recorded_at(row: Recorded) -> datetime:
    return to_datetime(record_pb2.Header.FromString(row.header).recorded_at)


OBLIGATIONS = ViewDefinition("obligations", OBLIGATIONS_DDL, {"obligations": "obligation_id"}, project, ("guanhu.notify.v1.",))
