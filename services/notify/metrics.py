"""What notify counts. Attributes are kinds, channels and outcomes: never an agency, a case or a text."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message

from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel import metrics
from services.kernel.dates import to_datetime
from services.kernel.metrics import Metric
from services.notify.obligation import State

OWED = Metric("guanhu_notify_owed_total", "1", "messages that became owed, by kind")
ATTEMPTS = Metric("guanhu_notify_attempts_total", "1", "attempts to deliver that came to an end, by channel and outcome")
EXHAUSTED = Metric("guanhu_notify_exhausted_total", "1", "messages whose delivery was given up, by the last channel")
DELIVERY = Metric(
    "guanhu_notify_delivery_seconds",
    "s",
    "time from an event to the delivery of its message, by channel; its count is how many were delivered",
)
UNDELIVERED = Metric("guanhu_notify_undelivered_messages", "1", "messages that are owed and not delivered")
OLDEST = Metric("guanhu_notify_oldest_undelivered_seconds", "s", "age of the oldest message that is owed and not delivered")
MISSING = Metric("guanhu_notify_missing_messages", "1", "what the newest daily reconciliation named as missing or wrong")
RECONCILED = Metric("guanhu_notify_reconciliation_age_seconds", "s", "time since the newest daily reconciliation")

ALL = (OWED, ATTEMPTS, EXHAUSTED, DELIVERY, UNDELIVERED, OLDEST, MISSING, RECONCILED)

_owed = metrics.counter(OWED)
_attempts = metrics.counter(ATTEMPTS)
_exhausted = metrics.counter(EXHAUSTED)
_delivery = metrics.histogram(DELIVERY, metrics.DELAYS)


def count(recorded: Sequence[Message], state: State, at: datetime) -> None:
    """Counts events that were recorded of one obligation, with the state after them."""
    for event in recorded:
        match event:
            case events.MessageOwed():
                kind = events.ObligationKind.Name(event.kind).removeprefix("OBLIGATION_KIND_")
                _owed.add(1, {"kind": kind})
            case events.DeliveryAttempted():
                outcome = events.AttemptOutcome.Name(event.outcome).removeprefix("ATTEMPT_OUTCOME_")
                _attempts.add(1, {"channel": _name(event.channel), "outcome": outcome})
            case events.DeliveryExhausted():
                _exhausted.add(1, {"channel": _name(state.channel)})
            case events.MessageDelivered():
                assert state.owed is not None
                seconds = (at - to_datetime(state.owed.cause.recorded_at)).total_seconds()
                _delivery.record(max(0.0, seconds), {"channel": _name(event.channel)})


def _name(channel: "subscriptions.Channel.ValueType") -> str:
    return subscriptions.Channel.Name(channel).removeprefix("CHANNEL_")
