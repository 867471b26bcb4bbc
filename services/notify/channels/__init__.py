"""Ways out of the system: what a channel is given, and what it says of an attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.notify.subscription import State as Subscriptions


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it leaves: `position` is its place in the recipient's order."""

    position: int
    owed: events.MessageOwed
    at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt: the outcome, and the code that the receiver answered with (0 for none)."""

    outcome: "events.AttemptOutcome.ValueType"
    status_code: int = 0


class Channel(Protocol):
    """Sends one message; never raises for what the other side does, and ends within its own time limit."""

    def send(self, message: Outgoing, to: Subscriptions) -> Result:
        """Tries once."""
        ...

    def close(self) -> None:
        """Closes what is kept open between messages."""
        ...


Channels = Mapping["subscriptions.Channel.ValueType", Channel]

# The order in which an agency's channels are used: systems first, then the functional mailbox, then the duty telephone.
ORDER = (subscriptions.CHANNEL_WEBHOOK, subscriptions.CHANNEL_EMAIL, subscriptions.CHANNEL_SMS)
