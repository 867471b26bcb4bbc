"""The rates of an agency that pays its adults. No law fixes an amount, so each rate names its source and its mark.

Law: F4 (right to reimbursement, domain/04 §4.5). Every number here is our own proposed limit (P).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from services.kernel.dates import from_date, to_date
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

RATE_FEN_MAX = 1_000_000  # P: ten thousand yuan; more is a slip of the pen


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate: fen for a kilometre, for an hour, or at most for one session."""

    kind: int
    amount_fen: int
    source: str
    status: int
    effective_on: date

    def message(self) -> events.ExpenseRate:
        """The rate as it is recorded with a claim."""
        return events.ExpenseRate(
            kind=self.kind,  # type: ignore[arg-type]
            amount_fen=self.amount_fen,
            source=self.source,
            status=self.status,  # type: ignore[arg-type]
            effective_on=from_date(self.effective_on),
        )


@dataclass(frozen=True, slots=True)
class RatesState:
    """The rates that an agency ever set, in the order in which it set them."""

    uscc: str = ""
    rates: tuple[Rate, ...] = ()

    def on(self, kind: int, day: date) -> Rate | None:
        """The rate of a kind on a day; of two for the same day the one that was set last."""
        fitting = [rate for rate in self.rates if rate.kind == kind and rate.effective_on <= day]
        return max(reversed(fitting), key=lambda rate: rate.effective_on, default=None)


def decide(command: Message, state: RatesState, act: Act, _: Facts) -> Sequence[Message]:
    """What was attended before keeps its rate: none is set for a day that has passed."""
    assert isinstance(command, api.SetExpenseRateRequest)
    if act.organ != command.uscc:
        raise IllegalState("ORGAN_NOT_COMPETENT", "an agency sets its own rates alone")
    violations = []
    if command.rate.amount_fen > RATE_FEN_MAX:
        violations.append(Violation("rate.amount_fen", f"is more than {RATE_FEN_MAX}"))
    rate = _rate(command.rate)
    if rate.effective_on < act.on:
        violations.append(Violation("rate.effective_on", "lies in the past"))
    if violations:
        raise Invalid(*violations)
    if state.on(rate.kind, rate.effective_on) == rate:
        return []
    return [events.ExpenseRateSet(uscc=command.uscc, rate=command.rate)]


def evolve(state: RatesState, event: Any) -> RatesState:
    """The state after an event."""
    if not isinstance(event, events.ExpenseRateSet):
        raise TypeError(event.DESCRIPTOR.full_name)
    return replace(state, uscc=event.uscc, rates=(*state.rates, _rate(event.rate)))


def _rate(rate: events.ExpenseRate) -> Rate:
    effective_on = to_date(rate.effective_on)
    assert effective_on is not None
    return Rate(rate.kind, rate.amount_fen, rate.source, rate.status, effective_on)


DECIDER = Decider("rates", RatesState(), decide, evolve)
