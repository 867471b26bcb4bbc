"""How the call-outs of a desk or organisation go: at once or one by one, for how long, by themselves or by hand.

Law: AA-R17 (who keeps a roster calls it); DL-AA-OFFER.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from services.appropriate_adult.register import ROSTER_TYPES
from services.kernel.dates import from_date, to_date
from services.kernel.deadline import Setting
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

OFFER_RULE = "DL-AA-OFFER"
AT_ONCE_MAX = 10
ANSWER_SECONDS_MAX = 4 * 60 * 60  # ESC-R04: no level lasts longer


@dataclass(frozen=True, slots=True)
class DeskState:
    """The setting of one desk; without one, adults are asked one by one, and only when somebody starts it."""

    uscc: str = ""
    at_once: int = 1
    answer_seconds: int = 0
    automatic: bool = False
    effective_on: date = date.min

    def settings(self) -> tuple[Setting, ...]:
        """Its own length of the clock of an offer; none where the default holds."""
        if not self.answer_seconds:
            return ()
        return (Setting(self.uscc, OFFER_RULE, "", clocks.Length(seconds=self.answer_seconds), self.effective_on),)


def decide(command: Message, state: DeskState, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on a desk's setting; there is one command."""
    assert isinstance(command, api.ChangeCalloutSettingRequest)
    own = facts.agencies.get(act.organ)
    if act.organ != command.uscc or own is None or own.type not in ROSTER_TYPES:
        raise IllegalState("ORGAN_NOT_COMPETENT", "a desk or organisation sets its own call-outs", rule="AA-R17")
    violations = []
    if command.at_once > AT_ONCE_MAX:
        violations.append(Violation("at_once", f"is more than {AT_ONCE_MAX}"))
    if command.answer_seconds > ANSWER_SECONDS_MAX:
        violations.append(Violation("answer_seconds", f"is more than {ANSWER_SECONDS_MAX}"))
    if violations:
        raise Invalid(*violations)
    changed = events.CalloutSettingChanged(
        uscc=command.uscc,
        at_once=command.at_once,
        answer_seconds=command.answer_seconds,
        automatic=command.automatic,
        effective_on=from_date(act.on),
    )
    return [changed]


def evolve(_: DeskState, event: Any) -> DeskState:
    """The state after an event."""
    if not isinstance(event, events.CalloutSettingChanged):
        raise TypeError(event.DESCRIPTOR.full_name)
    since = to_date(event.effective_on)
    assert since is not None
    return DeskState(event.uscc, event.at_once, event.answer_seconds, event.automatic, since)


DECIDER = Decider("desk", DeskState(), decide, evolve)
