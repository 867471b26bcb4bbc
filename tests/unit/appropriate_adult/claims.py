"""Synthetic rates and claims, command by command."""

from typing import Any

from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from services.appropriate_adult import claim, rates
from services.appropriate_adult.claim import ClaimFacts, ClaimState
from services.appropriate_adult.rates import RatesState
from tests.unit.appropriate_adult import builders as by
from tests.unit.gwt import Story, act

CLAIM, OTHER_CLAIM = by.OBJECTION, by.TRAINING
FARE, DISTANCE, ATTENDANCE, OTHER = (
    events.EXPENSE_KIND_FARE,
    events.EXPENSE_KIND_DISTANCE,
    events.EXPENSE_KIND_ATTENDANCE,
    events.EXPENSE_KIND_OTHER,
)
AFTER = "2026-03-10 09:00"
ADULT = act(by.SWO, "adult-1", AFTER)
DESK = act(by.SWO, "manager", AFTER)
SET = act(by.SWO, "manager", "2026-01-01 09:00")


def rate(kind: int = ATTENDANCE, amount_fen: int = 5_000, effective_on: str = "2026-01-01") -> events.ExpenseRate:
    """A rate of the home agency."""
    return events.ExpenseRate(
        kind=kind,  # type: ignore[arg-type]
        amount_fen=amount_fen,
        source="某县团委〔2026〕1号",
        status=events.SOURCE_STATUS_LOCAL,
        effective_on=by.day(effective_on),
    )


def set_rate(**changes: Any) -> api.SetExpenseRateRequest:
    """SetExpenseRate."""
    return api.SetExpenseRateRequest(head=by.head(), uscc=by.SWO, rate=rate(**changes))


def no_rates() -> Story[RatesState]:
    """No rate is set."""
    return Story.of(rates.DECIDER)


def some_rates() -> Story[RatesState]:
    """Time, kilometres and fares have rates."""
    story = no_rates().after(set_rate(), SET).after(set_rate(kind=DISTANCE, amount_fen=80), SET)
    return story.after(set_rate(kind=FARE, amount_fen=3_000), SET)


def item(kind: int = ATTENDANCE, **fields: Any) -> api.ClaimedItem:
    """An item as it is claimed."""
    return api.ClaimedItem(kind=kind, **fields)  # type: ignore[arg-type]


TAXI = item(FARE, spent_fen=2_550, receipt_no="0012")


def submit(*items: api.ClaimedItem, **changes: Any) -> api.SubmitExpenseClaimRequest:
    """SubmitExpenseClaim."""
    fields = {
        "head": by.head(),
        "claim_id": CLAIM,
        "adult_id": by.ADULT,
        "assignment_id": by.ASSIGNMENT,
        "session_id": by.SESSION,
        "items": items or (item(), TAXI),
        **changes,
    }
    return api.SubmitExpenseClaimRequest(**fields)


def of_claim(kind: Any, **fields: Any) -> Any:
    """A command on the claim."""
    return kind(head=by.head(), claim_id=CLAIM, **fields)


def attended(**changes: Any) -> Story[ClaimState]:
    """The adult was in the room from 09:50 to 11:25, when the session was closed."""
    facts: dict[str, Any] = {
        "adult": by.qualified().state,
        "session": by.closed().state.sessions[by.SESSION],
        "rates": some_rates().state,
        **changes,
    }
    return Story.of(claim.DECIDER, ClaimFacts(**facts))


def submitted() -> Story[ClaimState]:
    """SUBMITTED."""
    return attended().after(submit(), ADULT)


def approved() -> Story[ClaimState]:
    """APPROVED."""
    return submitted().after(of_claim(api.ApproveExpenseClaimRequest), DESK)


def paid(**changes: Any) -> Any:
    """RecordExpensePayment."""
    fields = {"payment_reference": "2026-031", "paid_on": by.day("2026-03-10"), **changes}
    return of_claim(api.RecordExpensePaymentRequest, **fields)
