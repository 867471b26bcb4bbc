"""The claim for expenses: one for each adult and session, examined by the home agency, paid with a reference.

Law: F4 (right to reimbursement, domain/04 §4.5). That somebody else than the claimant examines is our own rule (P).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.expense import check_items, item_of, minutes_attended
from services.appropriate_adult.presence import Session
from services.appropriate_adult.rates import RatesState
from services.kernel.dates import from_date, to_date
from services.kernel.decision import CHINA_STANDARD_TIME, Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

_CAN_BE_SUBMITTED = frozenset({0, api.CLAIM_STATUS_RETURNED, api.CLAIM_STATUS_WITHDRAWN})


@dataclass(frozen=True, slots=True)
class ClaimState:
    """One claim; `status` is that of api.ClaimStatus, 0 before the first event."""

    status: int = 0
    claim_id: str = ""
    adult_id: str = ""
    adult_officer: str = ""
    payer: str = ""
    assignment_id: str = ""
    session_id: str = ""
    submitter: str = ""
    total_fen: int = 0


@dataclass(frozen=True, slots=True)
class ClaimFacts(Facts):
    """What a decision is told besides: the adult, the session, the rates of the agency; `twin` is another claim for both."""

    adult: AdultState = field(default_factory=AdultState)
    session: Session | None = None
    rates: RatesState = field(default_factory=RatesState)


def decide(command: Message, state: ClaimState, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one claim."""
    return DECISIONS[type(command)](command, state, act, facts)


def key_of(adult_id: str, session_id: str) -> str:
    """What only one claim may be about."""
    return f"expense/{adult_id}/{session_id}"


def submit(command: api.SubmitExpenseClaimRequest, state: ClaimState, act: Act, facts: Facts) -> Sequence[Message]:
    """For a session that is over and that the adult came to; time is taken from the record of presence."""
    assert isinstance(facts, ClaimFacts)
    if state.status not in _CAN_BE_SUBMITTED:
        raise _wrong_state(state)
    adult = facts.adult
    if not adult.home:
        raise IllegalState("ADULT_UNKNOWN", "there is no such adult")
    if act.organ != adult.home:
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the adult, or the home agency for the adult, claims")
    if state.status and (command.adult_id, command.session_id) != (state.adult_id, state.session_id):
        raise Invalid(Violation("session_id", "is another session than before, or another adult's"))
    if facts.twin:
        raise IllegalState("CLAIM_EXISTS", "there is a claim for this session already")
    session = facts.session
    if session is None:
        raise IllegalState("SESSION_UNKNOWN", "there is no such session")
    if not session.over:
        raise IllegalState("SESSION_NOT_OVER", "expenses are claimed when the session is over")
    minutes = minutes_attended(session, command.adult_id)
    if minutes is None or session.last_at is None:
        raise IllegalState("EXPENSE_NOT_ATTENDED", "the record does not show that the adult came")
    check_items(command.items)
    attended_on = session.last_at.astimezone(CHINA_STANDARD_TIME).date()
    items = [item_of(item, minutes, facts.rates.on(item.kind, attended_on)) for item in command.items]
    submitted = events.ExpenseClaimSubmitted(
        claim_id=command.claim_id,
        adult_id=command.adult_id,
        payer_uscc=adult.home,
        assignment_id=command.assignment_id,
        session_id=command.session_id,
        attended_on=from_date(attended_on),
        items=items,
        total_fen=sum(item.amount_fen for item in items),
        officer=act.officer,
        note=command.note,
        adult_officer=adult.officer,
    )
    return [submitted]


def withdraw(_: api.WithdrawExpenseClaimRequest, state: ClaimState, act: Act, __: Facts) -> Sequence[Message]:
    """Before it is decided."""
    _by_payer(state, act)
    if state.status not in {api.CLAIM_STATUS_SUBMITTED, api.CLAIM_STATUS_RETURNED}:
        raise _wrong_state(state)
    return [events.ExpenseClaimWithdrawn()]


def approve(_: api.ApproveExpenseClaimRequest, state: ClaimState, act: Act, __: Facts) -> Sequence[Message]:
    """The whole sum, or the claim is returned."""
    _examined_by(state, act)
    return [events.ExpenseClaimApproved(officer=act.officer, total_fen=state.total_fen)]


def return_claim(command: api.ReturnExpenseClaimRequest, state: ClaimState, act: Act, _: Facts) -> Sequence[Message]:
    """To be corrected."""
    _examined_by(state, act)
    return [events.ExpenseClaimReturned(officer=act.officer, adult_id=state.adult_id, reason=command.reason)]


def refuse(command: api.RefuseExpenseClaimRequest, state: ClaimState, act: Act, _: Facts) -> Sequence[Message]:
    """For good, with the reason."""
    _examined_by(state, act)
    return [events.ExpenseClaimRefused(officer=act.officer, adult_id=state.adult_id, reason=command.reason)]


def pay(command: api.RecordExpensePaymentRequest, state: ClaimState, act: Act, _: Facts) -> Sequence[Message]:
    """What was approved was paid."""
    _by_payer(state, act)
    if state.status != api.CLAIM_STATUS_APPROVED:
        raise _wrong_state(state)
    _not_by_claimant(state, act)
    paid_on = to_date(command.paid_on)
    assert paid_on is not None
    if paid_on > act.on:
        raise Invalid(Violation("paid_on", "lies in the future"))
    paid = events.ExpenseClaimPaid(
        officer=act.officer,
        adult_id=state.adult_id,
        payment_reference=command.payment_reference,
        paid_on=command.paid_on,
    )
    return [paid]


def evolve(state: ClaimState, event: Any) -> ClaimState:
    """The state after an event."""
    change = _CHANGES.get(type(event))
    if change is None:
        raise TypeError(event.DESCRIPTOR.full_name)
    return change(state, event)


def _submitted(_: ClaimState, event: events.ExpenseClaimSubmitted) -> ClaimState:
    return ClaimState(
        api.CLAIM_STATUS_SUBMITTED,
        event.claim_id,
        event.adult_id,
        event.adult_officer,
        event.payer_uscc,
        event.assignment_id,
        event.session_id,
        event.officer,
        event.total_fen,
    )


def _by_payer(state: ClaimState, act: Act) -> None:
    if not state.status:
        raise IllegalState("CLAIM_UNKNOWN", "there is no such claim")
    if act.organ != state.payer:
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the agency that pays takes this step")


def _examined_by(state: ClaimState, act: Act) -> None:
    _by_payer(state, act)
    if state.status != api.CLAIM_STATUS_SUBMITTED:
        raise _wrong_state(state)
    _not_by_claimant(state, act)


def _not_by_claimant(state: ClaimState, act: Act) -> None:
    if act.officer in {state.submitter, state.adult_officer}:
        raise IllegalState("FOUR_EYES", "somebody else than the claimant examines and pays a claim")


def _wrong_state(state: ClaimState) -> IllegalState:
    name = api.ClaimStatus.Name(state.status).removeprefix("CLAIM_STATUS_")  # type: ignore[arg-type]
    return IllegalState("CLAIM_STATE", f"the claim is {name}")


STATUS_AFTER: dict[type, int] = {
    events.ExpenseClaimSubmitted: api.CLAIM_STATUS_SUBMITTED,
    events.ExpenseClaimApproved: api.CLAIM_STATUS_APPROVED,
    events.ExpenseClaimReturned: api.CLAIM_STATUS_RETURNED,
    events.ExpenseClaimRefused: api.CLAIM_STATUS_REFUSED,
    events.ExpenseClaimWithdrawn: api.CLAIM_STATUS_WITHDRAWN,
    events.ExpenseClaimPaid: api.CLAIM_STATUS_PAID,
}
_CHANGES: dict[type, Callable[[ClaimState, Any], ClaimState]] = {
    **{kind: lambda s, e: replace(s, status=STATUS_AFTER[type(e)]) for kind in STATUS_AFTER},
    events.ExpenseClaimSubmitted: _submitted,
}
DECISIONS: dict[type[Message], Callable[[Any, ClaimState, Act, Facts], Sequence[Message]]] = {
    api.SubmitExpenseClaimRequest: submit,
    api.WithdrawExpenseClaimRequest: withdraw,
    api.ApproveExpenseClaimRequest: approve,
    api.ReturnExpenseClaimRequest: return_claim,
    api.RefuseExpenseClaimRequest: refuse,
    api.RecordExpensePaymentRequest: pay,
}


def _key(event: Any) -> str:
    return key_of(event.adult_id, event.session_id) if isinstance(event, events.ExpenseClaimSubmitted) else ""


DECIDER = Decider("claim", ClaimState(), decide, evolve, _key)
