"""Given, when, then for deciders: no database, no channel, no clock.

Events are folded as the store gives them back: without anything personal. A decider that needed a name would fail here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

import pytest
from google.protobuf.message import Message

from guanhu.options.v1 import options_pb2
from services.kernel import deadline, validate
from services.kernel.decision import CHINA_STANDARD_TIME, Act, Decider, Facts
from services.kernel.errors import Invalid, Refusal

State = TypeVar("State")


def cleared(event: Message) -> Any:
    """The event without its personal fields."""
    copy = type(event)()
    copy.CopyFrom(event)
    _clear(copy)
    return copy


def _clear(message: Any) -> None:
    for field, value in message.ListFields():
        if field.GetOptions().Extensions[options_pb2.personal]:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                _clear(item)


def act(agency: str, officer: str = "officer", at: str = "2026-03-09 10:00", **changes: Any) -> Act:
    """An act of an officer at an instant of China Standard Time."""
    instant = datetime.fromisoformat(at).replace(tzinfo=CHINA_STANDARD_TIME)
    return replace(Act(instant, instant, agency=agency, officer=officer), **changes)


@dataclass(frozen=True)
class Story(Generic[State]):
    """A stream so far, and what the next command comes to; `events` are as stored, without anything personal."""

    decider: Decider[State]
    state: State
    facts: Facts = Facts()
    events: tuple[Any, ...] = ()

    @classmethod
    def of(cls, decider: Decider[State], facts: Facts | None = None) -> "Story[State]":
        """A stream without events."""
        return cls(decider, decider.initial, facts or Facts())

    def given(self, *events: Message) -> "Story[State]":
        """The same after more events."""
        state, stored = self.state, tuple(map(cleared, events))
        for event in stored:
            state = self.decider.evolve(state, event)
        return replace(self, state=state, events=(*self.events, *stored))

    def knowing(self, facts: Facts) -> "Story[State]":
        """The same with other facts."""
        return replace(self, facts=facts)

    def when(self, command: Any, by: Act) -> Sequence[Any]:
        """The events that a well-formed command comes to, without those of the clocks beside them."""
        return [event for event in self._decided(command, by) if type(event) not in deadline.EVENTS]

    def clocks(self, command: Any, by: Act) -> Sequence[Any]:
        """The events of clocks that a well-formed command comes to."""
        return [event for event in self._decided(command, by) if type(event) in deadline.EVENTS]

    def after(self, command: Any, by: Act) -> "Story[State]":
        """The same after a command was accepted."""
        return self.given(*self._decided(command, by))

    def _decided(self, command: Any, by: Act) -> Sequence[Any]:
        # A policy's own commands are no messages: they never come from outside.
        if isinstance(command, Message):
            validate.check(command)
        return self.decider.decide(command, self.state, by, self.facts)

    def refuses(self, reason: str, command: Any, by: Act) -> Refusal:
        """Asserts that the command is refused for a reason."""
        with pytest.raises(Refusal) as refused:
            self.when(command, by)
        assert refused.value.reason == reason
        return refused.value

    def finds_invalid(self, fields: set[str], command: Any, by: Act) -> None:
        """Asserts that exactly these fields are malformed."""
        with pytest.raises(Invalid) as refused:
            self.when(command, by)
        assert {violation.field for violation in refused.value.violations} == fields
