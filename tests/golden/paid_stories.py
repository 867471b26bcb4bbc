"""Streams of forms, rates and claims, made by the deciders from commands."""

from collections.abc import Callable
from typing import Any

from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from guanhu.appropriate_adult.v1 import form_events_pb2 as forms
from tests.unit.appropriate_adult import claims
from tests.unit.appropriate_adult import form_fixture as papers
from tests.unit.gwt import Story


def form_issued() -> Story[Any]:
    """The record of attendance is issued."""
    kind = forms.FORM_KIND_ATTENDANCE
    return papers.unissued(kind).after(papers.issue(kind), papers.issuer(kind))


def rates_of_an_agency() -> Story[Any]:
    """Rates are set and raised."""
    raised = claims.set_rate(amount_fen=6_000, effective_on="2026-04-01")
    return claims.some_rates().after(raised, claims.SET)


def claim_paid() -> Story[Any]:
    """A claim is returned, corrected, approved and paid."""
    returned = claims.of_claim(api.ReturnExpenseClaimRequest, reason="缺票据")
    story = claims.submitted().after(returned, claims.DESK).after(claims.submit(claims.TAXI), claims.ADULT)
    approve = claims.of_claim(api.ApproveExpenseClaimRequest)
    return story.after(approve, claims.DESK).after(claims.paid(), claims.DESK)


def claim_refused() -> Story[Any]:
    """A claim is withdrawn, submitted anew and refused."""
    story = claims.submitted().after(claims.of_claim(api.WithdrawExpenseClaimRequest), claims.ADULT)
    distance = claims.item(events.EXPENSE_KIND_DISTANCE, kilometres=12)
    refused = claims.of_claim(api.RefuseExpenseClaimRequest, reason="非必要支出")
    return story.after(claims.submit(distance), claims.ADULT).after(refused, claims.DESK)


STORIES: tuple[Callable[[], Story[Any]], ...] = (form_issued, rates_of_an_agency, claim_paid, claim_refused)
