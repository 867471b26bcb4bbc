"""What the rows of the journals demand. The one computation that both the followers and the reconciliation use: it depends
on the rows, and on the subscriptions as their own events have them, never on what was delivered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from guanhu.journal.v1 import record_pb2
from guanhu.notify.v1 import obligation_events_pb2 as events
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.journal import Recorded
from services.kernel.policy import derived_id
from services.notify import parties as folding
from services.notify.duties import Owing, owing
from services.notify.obligation import Owe
from services.notify.parties import Parties
from services.notify.subscription import State as Subscriptions
from services.notify.texts import render

SUBSCRIPTION = events.OBLIGATION_KIND_SUBSCRIPTION
# What notify itself records of deliveries is told to nobody but by its duties: a subscription to it would feed itself.
_OWN = "notify"
_ESCALATED = events.ObligationEscalated.DESCRIPTOR.full_name


@dataclass(frozen=True, slots=True)
class Demand:
    """What one row demands: the parties of its stream after it, and the obligations by id."""

    parties: Parties
    owed: dict[str, Owe]


def concerned(origin: str, row: Recorded) -> bool:
    """Whether a row can demand anything or change the parties of its stream."""
    return origin != _OWN or row.type == _ESCALATED


def demanded(origin: str, row: Recorded, event: Any, before: Parties, subscriptions: Callable[[str], Subscriptions]) -> Demand:
    """What a row demands, given the parties of its stream before it and the subscriptions by agency."""
    header = record_pb2.Header.FromString(row.header)
    parties = folding.after(before, event)
    owed: dict[str, Owe] = {}
    for message in _messages(origin, row, event, header, parties, subscriptions):
        command = _owe(origin, row, event, header, message)
        owed[command.owed.obligation_id] = command
    return Demand(parties, owed)


def _messages(
    origin: str,
    row: Recorded,
    event: Any,
    header: record_pb2.Header,
    parties: Parties,
    subscriptions: Callable[[str], Subscriptions],
) -> Iterator[Owing]:
    actor = _actor(header)
    recorded_at = to_datetime(header.recorded_at)
    told = {actor}
    for message in owing(event, parties, actor, recorded_at):
        told.add(message.to_uscc)
        yield message
    if origin == _OWN:
        return
    on = recorded_at.astimezone(CHINA_STANDARD_TIME).date()
    for uscc in parties.everybody(on):
        if uscc in told:
            continue
        found = subscriptions(uscc)
        wanted = found.filter_for(header.correlation_id, row.stream, row.type, recorded_at)
        if wanted is not None:
            suppressed = found.suppresses(row.type, recorded_at)
            yield Owing(actor, uscc, SUBSCRIPTION, subscription_id=wanted.subscription_id, suppressed=suppressed)


def _owe(origin: str, row: Recorded, event: Any, header: record_pb2.Header, message: Owing) -> Owe:
    zh, en = render(event, message, header.correlation_id)
    kind = events.ObligationKind.Name(message.kind)
    owed = events.MessageOwed(
        obligation_id=derived_id("obligation", origin, row.position, f"{message.to_uscc}|{kind}"),
        cause=events.Cause(
            origin=origin,
            position=row.position,
            stream=row.stream,
            type=row.type,
            case_id=header.correlation_id,
            recorded_at=header.recorded_at,
        ),
        from_uscc=message.from_uscc,
        to_uscc=message.to_uscc,
        kind=message.kind,
        handoff_id=message.handoff_id,
        subscription_id=message.subscription_id,
        text_zh=zh,
        text_en=en,
        acknowledge_by=from_datetime(message.acknowledge_by) if message.acknowledge_by else None,
    )
    return Owe(owed, message.suppressed)


def _actor(header: record_pb2.Header) -> str:
    """The agency whose act an event is; "" where a service acted by itself."""
    actor = header.actor.on_behalf_of or header.actor.agency
    return "" if actor.startswith("guanhu:") else str(actor)
