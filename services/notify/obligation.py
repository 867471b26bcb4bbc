"""An obligation to tell an agency something: owed, attempted, delivered, acknowledged; or exhausted and escalated.

Law: domain/07 §7.2: work stays with the sender until acceptance, so the sender is alerted where the other side is silent.
domain/00 §0.4: a time that is over is a fact and an alert, it decides nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from google.protobuf.message import Message

from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState

# Proposed defaults. Delivery is tried until the receipt is due, but for a day at most and for five minutes at least.
WINDOW_MAX = timedelta(hours=24)
WINDOW_MIN = timedelta(minutes=5)
# The pause doubles from the first to the longest and varies by a fifth, so that receivers that come back are not stormed.
PAUSE_FIRST = timedelta(seconds=5)
PAUSE_MAX = timedelta(minutes=15)
JITTER = 0.2

_NEVER = datetime.min.replace(tzinfo=UTC)

OWED, DELIVERED, ACKNOWLEDGED, EXHAUSTED, SUPPRESSED = (
    api.OBLIGATION_STATUS_OWED,
    api.OBLIGATION_STATUS_DELIVERED,
    api.OBLIGATION_STATUS_ACKNOWLEDGED,
    api.OBLIGATION_STATUS_EXHAUSTED,
    api.OBLIGATION_STATUS_SUPPRESSED,
)
# The sender is alerted about these; a lost alert or a lost subscription opens no second one.
_ESCALATED_KINDS = frozenset({events.OBLIGATION_KIND_HANDOFF, events.OBLIGATION_KIND_ANSWER})


@dataclass(frozen=True, slots=True)
class Owe:
    """An agency must be told: the event but for `retry_until`; `suppressed` where its preference says no.

    `by_inbox`: the agency has the inbox alone, so that the message is delivered as soon as it is recorded.
    """

    owed: events.MessageOwed
    suppressed: bool = False
    by_inbox: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """The next attempt begins, by one of the agency's channels, which are in its order of preference."""

    channels: tuple["subscriptions.Channel.ValueType", ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """An attempt came to an end."""

    n: int
    outcome: "events.AttemptOutcome.ValueType"
    status_code: int = 0


@dataclass(frozen=True, slots=True)
class Overdue:
    """The time for acknowledging is looked at."""


Command = Owe | Begin | Finish | Overdue | api.AcknowledgeReceiptRequest | api.RedriveDeliveryRequest


@dataclass(frozen=True, slots=True)
class State:
    """What is recorded of one obligation; `under_way` is the attempt whose outcome is not known yet, 0 for none."""

    status: int = api.OBLIGATION_STATUS_UNSPECIFIED
    owed: events.MessageOwed | None = None
    attempts: int = 0
    under_way: int = 0
    channel: "subscriptions.Channel.ValueType" = subscriptions.CHANNEL_UNSPECIFIED
    failures: int = 0
    due_at: datetime = _NEVER
    window_from: datetime = _NEVER
    retry_until: datetime = _NEVER
    escalated: bool = False

    @property
    def obligation_id(self) -> str:
        """The obligation's id; "" before it exists."""
        return self.owed.obligation_id if self.owed is not None else ""

    @property
    def acknowledge_by(self) -> datetime | None:
        """Until when the receipt must be acknowledged; None where it need not be."""
        if self.owed is None or not self.owed.HasField("acknowledge_by"):
            return None
        return to_datetime(self.owed.acknowledge_by)


def decide(command: Any, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Events of a command on one obligation. Commands of the system that come too late or twice come to nothing."""
    return _DECISIONS[type(command)](command, state, act)


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    match event:
        case events.MessageOwed():
            recorded_at, until = to_datetime(event.cause.recorded_at), to_datetime(event.retry_until)
            return State(OWED, event, due_at=recorded_at, window_from=recorded_at, retry_until=until)
        case events.DeliveryBegun():
            return replace(state, attempts=event.n, under_way=event.n, channel=event.channel)
        case events.DeliveryAttempted():
            return _attempted(state, event)
        case events.MessageDelivered():
            return replace(state, status=DELIVERED, failures=0)
        case events.ReceiptAcknowledged():
            return replace(state, status=ACKNOWLEDGED)
        case events.DeliveryExhausted():
            return replace(state, status=EXHAUSTED)
        case events.ObligationEscalated():
            return replace(state, escalated=True)
        case events.DeliverySuppressed():
            return replace(state, status=SUPPRESSED)
        case events.DeliveryRedriven():
            until = to_datetime(event.retry_until)
            begins = until - WINDOW_MAX
            return replace(state, status=OWED, failures=0, escalated=False, window_from=begins, retry_until=until)
    raise TypeError(event.DESCRIPTOR.full_name)


def channel_at(
    channels: Sequence["subscriptions.Channel.ValueType"], state: State, now: datetime
) -> "subscriptions.Channel.ValueType":
    """The channel to use: the window is divided among the agency's channels in their order; without any it is the inbox."""
    if not channels:
        return subscriptions.CHANNEL_INBOX
    window = max(state.retry_until - state.window_from, WINDOW_MIN)
    share = (now - state.window_from) / window
    return channels[max(0, min(int(share * len(channels)), len(channels) - 1))]


def pause_after(obligation_id: str, failures: int) -> timedelta:
    """The pause after so many failures in a row; it varies with the obligation, but is the same whenever it is asked for."""
    doubled = PAUSE_FIRST * 2.0 ** min(failures - 1, 20)
    draw = int.from_bytes(sha256(f"{obligation_id}|{failures}".encode()).digest()[:4], "big") / 2**32
    pause: timedelta = min(doubled, PAUSE_MAX) * (1 - JITTER + 2 * JITTER * draw)
    return pause


DECIDER = Decider("obligation", State(), decide, evolve)


def _owe(command: Owe, state: State, act: Act) -> Sequence[Message]:
    if state.owed is not None:
        return []
    owed = events.MessageOwed()
    owed.CopyFrom(command.owed)
    by = to_datetime(owed.acknowledge_by) if owed.HasField("acknowledge_by") else None
    owed.retry_until.CopyFrom(from_datetime(_window_end(act.recorded_at, by)))
    if command.suppressed:
        return [owed, events.DeliverySuppressed(basis=events.SUPPRESSION_BASIS_PREFERENCE)]
    return [owed, *_placed(1)] if command.by_inbox else [owed]


def _begin(command: Begin, state: State, act: Act) -> Sequence[Message]:
    if state.status != OWED or act.recorded_at < state.due_at:
        return []
    n, channel = state.attempts + 1, channel_at(command.channels, state, act.recorded_at)
    before: list[Message] = []
    if state.under_way:
        # Whoever began it is gone: only one at a time delivers to an agency.
        before = [_attempt(state, events.ATTEMPT_OUTCOME_UNKNOWN, retry_at=act.recorded_at)]
    if channel == subscriptions.CHANNEL_INBOX:
        return [*before, *_placed(n)]
    return [*before, events.DeliveryBegun(n=n, channel=channel)]


def _placed(n: int) -> list[Message]:
    """Nothing leaves the system: what is recorded here is in the inbox."""
    inbox = subscriptions.CHANNEL_INBOX
    attempted = events.DeliveryAttempted(n=n, channel=inbox, outcome=events.ATTEMPT_OUTCOME_DELIVERED)
    return [attempted, events.MessageDelivered(channel=inbox)]


def _finish(command: Finish, state: State, act: Act) -> Sequence[Message]:
    if not state.under_way or command.n != state.under_way:
        return []
    if command.outcome == events.ATTEMPT_OUTCOME_DELIVERED:
        done: list[Message] = [_attempt(state, command.outcome, command.status_code)]
        if state.status == OWED:
            done.append(events.MessageDelivered(channel=state.channel))
        return done
    if state.status != OWED:
        # Acknowledged in the meantime: the agency has it all the same.
        return [_attempt(state, command.outcome, command.status_code)]
    if command.outcome == events.ATTEMPT_OUTCOME_NOT_SENT:
        return [_attempt(state, command.outcome, retry_at=act.recorded_at)]
    retry_at = act.recorded_at + pause_after(state.obligation_id, state.failures + 1)
    if retry_at <= state.retry_until:
        return [_attempt(state, command.outcome, command.status_code, retry_at)]
    exhausted = events.DeliveryExhausted(attempts=state.attempts)
    alert = _escalate(state, events.ESCALATION_REASON_EXHAUSTED)
    return [_attempt(state, command.outcome, command.status_code), exhausted, *alert]


def _overdue(_: Overdue, state: State, act: Act) -> Sequence[Message]:
    by = state.acknowledge_by
    if by is None or by > act.recorded_at or state.status not in {OWED, DELIVERED, EXHAUSTED}:
        return []
    return _escalate(state, events.ESCALATION_REASON_RECEIPT_OVERDUE)


def _acknowledge(_: api.AcknowledgeReceiptRequest, state: State, act: Act) -> Sequence[Message]:
    owed = _existing(state)
    if act.agency != owed.to_uscc:
        raise IllegalState("NOT_THE_RECIPIENT", "only the agency that is told acknowledges")
    if state.status == ACKNOWLEDGED:
        return []
    by = state.acknowledge_by
    receipt = events.ReceiptAcknowledged(
        by_uscc=act.agency,
        by_officer=act.officer,
        at=from_datetime(act.occurred_at),
        late=by is not None and act.recorded_at > by,
    )
    if state.status == DELIVERED:
        return [receipt]
    # Read in the inbox before any other channel took it.
    return [events.MessageDelivered(channel=subscriptions.CHANNEL_INBOX), receipt]


def _redrive(command: api.RedriveDeliveryRequest, state: State, act: Act) -> Sequence[Message]:
    _existing(state)
    if state.status == OWED:
        return []
    if state.status == ACKNOWLEDGED:
        raise IllegalState("OBLIGATION_ACKNOWLEDGED", "the receipt was acknowledged: there is nothing to send again")
    redriven = events.DeliveryRedriven(
        by_uscc=act.agency, reason=command.reason, retry_until=from_datetime(act.recorded_at + WINDOW_MAX)
    )
    return [redriven]


def _attempted(state: State, event: events.DeliveryAttempted) -> State:
    failed = event.outcome not in {events.ATTEMPT_OUTCOME_DELIVERED, events.ATTEMPT_OUTCOME_NOT_SENT}
    return replace(
        state,
        attempts=event.n,
        under_way=0,
        channel=event.channel,
        failures=state.failures + failed,
        due_at=to_datetime(event.retry_at) if event.HasField("retry_at") else state.due_at,
    )


def _attempt(
    state: State, outcome: "events.AttemptOutcome.ValueType", status_code: int = 0, retry_at: datetime | None = None
) -> events.DeliveryAttempted:
    return events.DeliveryAttempted(
        n=state.under_way,
        channel=state.channel,
        outcome=outcome,
        status_code=status_code,
        retry_at=from_datetime(retry_at) if retry_at is not None else None,
    )


def _escalate(state: State, reason: "events.EscalationReason.ValueType") -> list[Message]:
    owed = _existing(state)
    if state.escalated or owed.kind not in _ESCALATED_KINDS:
        return []
    return [events.ObligationEscalated(reason=reason, to_uscc=owed.from_uscc, about_uscc=owed.to_uscc)]


def _existing(state: State) -> events.MessageOwed:
    if state.owed is None:
        raise IllegalState("OBLIGATION_UNKNOWN", "there is no such obligation")
    return state.owed


def _window_end(now: datetime, acknowledge_by: datetime | None) -> datetime:
    window = WINDOW_MAX if acknowledge_by is None else acknowledge_by - now
    return now + max(WINDOW_MIN, min(window, WINDOW_MAX))


_DECISIONS: dict[type[Any], Callable[[Any, State, Act], Sequence[Message]]] = {
    Owe: _owe,
    Begin: _begin,
    Finish: _finish,
    Overdue: _overdue,
    api.AcknowledgeReceiptRequest: _acknowledge,
    api.RedriveDeliveryRequest: _redrive,
}
