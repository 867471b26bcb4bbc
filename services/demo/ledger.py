"""Who was told what in a played case: the ledger as the agencies' inboxes show it, and the reconciliation of all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from guanhu.notify.v1 import notify_service_pb2 as notify
from guanhu.notify.v1 import reconciliation_events_pb2 as reconciliations
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from guanhu.options.v1 import options_pb2
from services.demo.casefile import CaseFile
from services.demo.client import Client
from services.demo.conditions import LABELS
from services.demo.inbox import acknowledge, inbox
from services.demo.table import table
from services.kernel.dates import to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME

HEADS = ("应告知事项", "移送", "告知机构", "渠道", "应告知", "送达", "签收")
_ID_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Account:
    """The figures of a reconciliation, and what is missing, each in words."""

    owed: int = 0
    delivered: int = 0
    suppressed: int = 0
    receipts_due: int = 0
    acknowledged: int = 0
    missing: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything owed was delivered, every receipt that is due was acknowledged, and nothing is missing."""
        told = self.owed == self.delivered + self.suppressed
        return told and self.receipts_due == self.acknowledged and not self.missing

    def __str__(self) -> str:
        suppressed = f" + 不予送达 {self.suppressed}" if self.suppressed else ""
        figures = (
            f"应告知 {self.owed} = 已送达 {self.delivered}{suppressed}，应签收 {self.receipts_due} = 已签收 {self.acknowledged}"
        )
        return f"{figures}，缺失 {len(self.missing)}"


def account(answer: notify.ReconcileResponse) -> Account:
    """The figures of all pairs of agencies together."""
    pairs = answer.pairs
    return Account(
        owed=sum(pair.owed for pair in pairs),
        delivered=sum(pair.delivered for pair in pairs),
        suppressed=sum(pair.suppressed for pair in pairs),
        receipts_due=sum(pair.acknowledgement_due for pair in pairs),
        acknowledged=sum(pair.acknowledged for pair in pairs),
        missing=tuple(map(_missing, answer.discrepancies)),
    )


def acknowledge_all(case: CaseFile, case_id: str, client: Client) -> None:
    """Every agency of the case fetches its inbox and acknowledges what it finds.

    Raises:
        grpc.RpcError: a call was refused or the service is away.
    """
    for agency in case.agencies.values():
        acknowledge(client, agency.uscc, case_id)


def lines(case: CaseFile, case_id: str, client: Client) -> Iterator[str]:
    """The ledger as a table: one line for each message, in the order in which they became owed.

    Raises:
        grpc.RpcError: a call was refused or the service is away.
    """
    names = {agency.uscc: agency.entry.get("name").text() for agency in case.agencies.values()}
    messages = [message for uscc in names for message in inbox(client, uscc, case_id)]
    messages.sort(key=lambda message: message.position)
    if messages:
        yield from table(HEADS, [_row(message, names[message.to_uscc]) for message in messages])


def _row(message: notify.Message, to: str) -> tuple[str, ...]:
    what = f"{message.obligation_id[:_ID_CHARACTERS]} {LABELS[message.cause.type]}"
    channel = _label(subscriptions.Channel, message.channel)
    return (
        what,
        message.handoff_id,
        to,
        channel,
        _at(message, "owed_at"),
        _at(message, "delivered_at"),
        _at(message, "acknowledged_at"),
    )


def _at(message: notify.Message, field: str) -> str:
    if not message.HasField(field):  # type: ignore[arg-type]
        return "—"
    stamp: Timestamp = getattr(message, field)
    at: datetime = to_datetime(stamp).astimezone(CHINA_STANDARD_TIME)
    return f"{at:%H:%M:%S}"


def _missing(found: reconciliations.Discrepancy) -> str:
    kind = _label(reconciliations.DiscrepancyKind, found.kind)
    return f"{kind} {LABELS.get(found.cause.type, found.cause.type)} → {found.to_uscc}"


def _label(enum: Any, number: int) -> str:
    label: str = enum.DESCRIPTOR.values_by_number[number].GetOptions().Extensions[options_pb2.label]
    return label
