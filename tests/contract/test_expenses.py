"""Expenses over a real channel: claimed by the adult, examined and paid by the home agency, seen by nobody else."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from services.demo.client import Client
from services.kernel.host import Running
from services.kernel.rpc import reason_of
from tests.contract.agencies import CASE_HANDLING, SWO, date, head, new_id, open_case, register_agencies
from tests.contract.attended import Attended, attended, noticed
from tests.contract.test_appropriate_adult import ADULT, DESK, MANAGER, PROCURATOR, Service

SIBLING = (SWO, "adult-2", "APPROPRIATE_ADULT")
Who = tuple[str, str, str]


@pytest.fixture(scope="module")
def made(running: Running) -> Iterator[Attended]:
    """One session that was attended; its adult claims once."""
    assert running.resources.authority is not None
    with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
        register_agencies(client)
        yield attended(Service(client), open_case(client))


def send(made: Attended, name: str, request: Any, who: Who) -> Any:
    if hasattr(request, "head"):
        request.head.CopyFrom(head())
    return made.service.client.call("expense", name, request, *who)


def refusal(made: Attended, name: str, request: Any, who: Who) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        send(made, name, request, who)
    return reason_of(refused.value)


def claim(made: Attended, claim_id: str, **changes: Any) -> api.SubmitExpenseClaimRequest:
    fields = {
        "claim_id": claim_id,
        "adult_id": made.adult_id,
        "assignment_id": made.assignment_id,
        "session_id": made.session_id,
        "items": [api.ClaimedItem(kind=events.EXPENSE_KIND_FARE, spent_fen=2_550, receipt_no="发票0012")],
        "note": "夜间无公交",
        **changes,
    }
    return api.SubmitExpenseClaimRequest(**fields)


def found(made: Attended, claim_id: str, who: Who) -> api.ExpenseClaim:
    request = api.GetExpenseClaimRequest(claim_id=claim_id, purpose=CASE_HANDLING)
    claimed: api.ExpenseClaim = send(made, "GetExpenseClaim", request, who).claim
    return claimed


def listed(made: Attended, who: Who, position: int = 0) -> set[str]:
    request = api.ListExpenseClaimsRequest(purpose=CASE_HANDLING, min_position=position)
    return {row.claim_id for row in send(made, "ListExpenseClaims", request, who).claims}


def test_a_claim_goes_from_the_adult_through_a_return_to_its_payment(made: Attended) -> None:
    claim_id = new_id()
    send(made, "SubmitExpenseClaim", claim(made, claim_id), ADULT)
    assert refusal(made, "SubmitExpenseClaim", claim(made, new_id()), ADULT) == "CLAIM_EXISTS"
    returned = api.ReturnExpenseClaimRequest(claim_id=claim_id, reason="缺行程")
    assert refusal(made, "ReturnExpenseClaim", returned, ADULT) == "NOT_ALLOWED"
    send(made, "ReturnExpenseClaim", returned, MANAGER)
    assert found(made, claim_id, ADULT).reason == "缺行程"
    send(made, "SubmitExpenseClaim", claim(made, claim_id), ADULT)
    send(made, "ApproveExpenseClaim", api.ApproveExpenseClaimRequest(claim_id=claim_id), MANAGER)
    paid = api.RecordExpensePaymentRequest(claim_id=claim_id, payment_reference="转账2026-031", paid_on=date(2026, 3, 20))
    receipt = send(made, "RecordExpensePayment", paid, MANAGER).receipt
    ended = found(made, claim_id, MANAGER)
    assert (ended.status, ended.submitted.total_fen, ended.reason) == (api.CLAIM_STATUS_PAID, 2_550, "")
    assert (ended.paid.payment_reference, ended.submitted.items[0].receipt_no) == ("转账2026-031", "发票0012")
    assert claim_id in listed(made, ADULT, receipt.position) & listed(made, MANAGER)
    assert claim_id not in listed(made, SIBLING)


def test_nobody_but_the_adult_and_the_home_agency_sees_a_claim(made: Attended) -> None:
    claim_id = new_id()
    other = attended(made.service, open_case(made.service.client))
    send(other, "SubmitExpenseClaim", claim(other, claim_id), ADULT)
    for who in (PROCURATOR, DESK, SIBLING):
        request = api.GetExpenseClaimRequest(claim_id=claim_id, purpose=CASE_HANDLING)
        assert refusal(other, "GetExpenseClaim", request, who) in {"SEALED_OR_NOT_FOUND", "NOT_ALLOWED"}
    unknown = api.GetExpenseClaimRequest(claim_id=new_id(), purpose=CASE_HANDLING)
    assert refusal(other, "GetExpenseClaim", unknown, ADULT) == "SEALED_OR_NOT_FOUND"


def test_what_is_personal_of_a_claim_is_sealed(made: Attended, running: Running) -> None:
    claim_id = new_id()
    other = attended(made.service, open_case(made.service.client))
    send(other, "SubmitExpenseClaim", claim(other, claim_id), ADULT)
    service = running.services["appropriate_adult"]
    assert service.journal is not None
    [row] = service.journal.read_stream(f"claim-{claim_id}")
    assert "发票0012".encode() not in row.payload
    assert "夜间无公交".encode() not in row.payload


def test_a_session_that_is_not_over_is_not_claimed_for(made: Attended) -> None:
    ahead = noticed(made.service, open_case(made.service.client))
    assert refusal(ahead, "SubmitExpenseClaim", claim(ahead, new_id()), ADULT) == "SESSION_NOT_OVER"


def test_rates_are_set_and_read_by_the_agency_that_pays(made: Attended) -> None:
    rate = events.ExpenseRate(
        kind=events.EXPENSE_KIND_DISTANCE,
        amount_fen=80,
        source="青禾中心〔2199〕1号",
        status=events.SOURCE_STATUS_PROPOSED,
        effective_on=date(2199, 1, 1),
    )
    set_ = api.SetExpenseRateRequest(uscc=SWO, rate=rate)
    assert refusal(made, "SetExpenseRate", set_, DESK) == "SEALED_OR_NOT_FOUND"
    assert refusal(made, "SetExpenseRate", set_, ADULT) == "NOT_ALLOWED"
    send(made, "SetExpenseRate", set_, MANAGER)
    ask = api.GetExpenseRatesRequest(uscc=SWO, purpose=CASE_HANDLING)
    assert rate in send(made, "GetExpenseRates", ask, ADULT).rates
