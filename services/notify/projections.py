"""Events of obligations become lines of the ledger's view; a recorded event never fails here."""

from typing import Any

import psycopg
from google.protobuf.message import Message
from psycopg import sql

from guanhu.notify.v1 import obligation_events_pb2 as events
from services.kernel.dates import to_datetime
from services.kernel.journal import Recorded
from services.kernel.view import ViewDefinition
from services.notify.obligation import ACKNOWLEDGED, DELIVERED, EXHAUSTED, OWED, SUPPRESSED
from services.notify.views import OBLIGATIONS_DDL


def project(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes the line of the obligation that an event is about."""
    table = sql.Identifier(schema, "obligations")
    obligation_id = row.stream.partition("-")[2]

    def change(assignments: str, *values: object) -> None:
        query = sql.SQL("update {} set " + assignments + " where obligation_id = %s").format(table)
        conn.execute(query, [*values, obligation_id])

    match event:
        case events.MessageOwed():
            _insert(conn, table, row, event)
        case events.DeliveryAttempted():
            retry_at = to_datetime(event.retry_at) if event.HasField("retry_at") else None
            change("attempts = %s, due_at = coalesce(%s, due_at)", event.n, retry_at)
        case events.MessageDelivered():
            change("status = %s", DELIVERED)
        case events.ReceiptAcknowledged():
            change("status = %s", ACKNOWLEDGED)
        case events.DeliveryExhausted():
            change("status = %s", EXHAUSTED)
        case events.ObligationEscalated():
            change("escalated = true")
        case events.DeliverySuppressed():
            change("status = %s", SUPPRESSED)
        case events.DeliveryRedriven():
            change("status = %s, escalated = false", OWED)


def _insert(conn: psycopg.Connection, table: sql.Identifier, row: Recorded, event: events.MessageOwed) -> None:
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
    }
    query = sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
        table, sql.SQL(", ").join(map(sql.Identifier, line)), sql.SQL(", ").join(map(sql.Placeholder, line))
    )
    conn.execute(query, line)


OBLIGATIONS = ViewDefinition("obligations", OBLIGATIONS_DDL, {"obligations": "obligation_id"}, project)
