"""Expenses: how each command finds its rates or claim, and who reads what.

An adult's claims are open to the adult and to the home agency, which pays them; to nobody else.
"""

from collections.abc import Mapping
from typing import Any

import grpc

from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.claim import DECIDER, ClaimFacts, ClaimState, key_of
from services.appropriate_adult.claim_views import ClaimLine, Claims
from services.appropriate_adult.rates import RatesState
from services.appropriate_adult.routes import ADULT_ROLE, Routes
from services.kernel import page, validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.commands import Route
from services.kernel.dates import from_datetime
from services.kernel.decision import Facts
from services.kernel.handler import Call, Handler
from services.kernel.journal import Journal
from services.kernel.rpc import current_call

_OF_CLAIMS = ("SubmitExpenseClaim", "WithdrawExpenseClaim", "ApproveExpenseClaim", "ReturnExpenseClaim", "RefuseExpenseClaim")


class ExpenseRoutes:
    """The routes of every command of ExpenseService."""

    def __init__(self, routes: Routes, rates: Handler[RatesState], claims: Handler[ClaimState], journal: Journal) -> None:
        self.rates = rates
        self.claims = claims
        self._routes = routes
        self._journal = journal

    def by_command(self) -> Mapping[str, Route[Any]]:
        """Routes by the name of their method."""
        claim: Route[Any] = Route(self.claims, "claim_id", self.claim_resource, self._facts, _no_case)
        return {
            "SetExpenseRate": Route(self.rates, "uscc", rates_resource, _no_facts, _no_case),
            **dict.fromkeys((*_OF_CLAIMS, "RecordExpensePayment"), claim),
        }

    def claim_resource(self, request: Any, state: ClaimState) -> ResourceFacts:
        """A claim as policies see it: its adult's, and the home agency's."""
        if not state.status and isinstance(request, api.SubmitExpenseClaimRequest):
            adult = self._routes.adults.load(request.adult_id).state
            return _of_adult(request.adult_id, adult.home, adult.officer)
        return _of_adult(state.adult_id, state.payer, state.adult_officer)

    def _facts(self, request: Any, state: ClaimState, call: Call) -> Facts:
        if not isinstance(request, api.SubmitExpenseClaimRequest):
            return Facts()
        adult: AdultState = self._routes.adults.load(request.adult_id).state
        sessions = self._routes.assignments.load(request.assignment_id).state.sessions
        stream = self._journal.stream_of_key(key_of(request.adult_id, request.session_id))
        twin = stream.removeprefix(f"{DECIDER.category}-")
        return ClaimFacts(
            twin="" if twin == request.claim_id else twin,
            adult=adult,
            session=sessions.get(request.session_id),
            rates=self.rates.load(adult.home).state,
        )


class ExpenseServicer:
    """The queries of ExpenseService."""

    def __init__(self, routes: ExpenseRoutes, claims: Claims, admission: Admission) -> None:
        self._routes = routes
        self._claims = claims
        self._admission = admission

    def GetExpenseRates(self, request: api.GetExpenseRatesRequest, _: grpc.ServicerContext) -> api.GetExpenseRatesResponse:
        """Every rate of an agency, to its own people."""
        validate.check(request)
        state = self._routes.rates.load(request.uscc).state
        self._admission.read(current_call(), "GetExpenseRates", rates_resource(request, state), request.purpose)
        rates = sorted(state.rates, key=lambda rate: (rate.kind, rate.effective_on))
        return api.GetExpenseRatesResponse(rates=[rate.message() for rate in rates])

    def GetExpenseClaim(self, request: api.GetExpenseClaimRequest, _: grpc.ServicerContext) -> api.GetExpenseClaimResponse:
        """A claim with what became of it."""
        validate.check(request)
        loaded = self._routes.claims.load(request.claim_id)
        seen = self._routes.claim_resource(request, loaded.state)
        self._admission.read(current_call(), "GetExpenseClaim", seen, request.purpose)
        found = api.ExpenseClaim(status=loaded.state.status, version=loaded.version)  # type: ignore[arg-type]
        for opened in self._routes.claims.opened(request.claim_id):
            match opened.event:
                case events.ExpenseClaimSubmitted():
                    found.submitted.CopyFrom(opened.event)
                    found.reason = ""
                case events.ExpenseClaimReturned() | events.ExpenseClaimRefused():
                    found.reason = opened.event.reason
                case events.ExpenseClaimPaid():
                    found.paid.CopyFrom(opened.event)
            found.withheld.extend(path for path in opened.withheld if path not in found.withheld)
        return api.GetExpenseClaimResponse(claim=found)

    def ListExpenseClaims(
        self, request: api.ListExpenseClaimsRequest, _: grpc.ServicerContext
    ) -> api.ListExpenseClaimsResponse:
        """The caller's claims, newest first."""
        validate.check(request)
        principal = current_call().principal
        seen = _of_adult("", principal.agency, principal.officer)
        self._admission.read(current_call(), "ListExpenseClaims", seen, request.purpose)
        self._claims.view.wait(request.min_position)
        size, before = page.size(request.page_size), page.cursor(request.page_token)
        own = principal.officer if principal.role == ADULT_ROLE else ""
        lines = self._claims.page(principal.agency, own, "", request.status, before, size + 1)
        response = api.ListExpenseClaimsResponse(claims=[claim_row(line) for line in lines[:size]])
        if len(lines) > size:
            response.next_page_token = page.token(lines[size - 1].submitted_at, lines[size - 1].claim_id)
        return response


def claim_row(line: ClaimLine) -> api.ClaimRow:
    """A claim in a list."""
    return api.ClaimRow(
        claim_id=line.claim_id,
        adult_id=line.adult_id,
        assignment_id=line.assignment_id,
        session_id=line.session_id,
        status=line.status,  # type: ignore[arg-type]
        total_fen=line.total_fen,
        submitted_at=from_datetime(line.submitted_at),
    )


def rates_resource(request: Any, _: RatesState) -> ResourceFacts:
    """The rates of an agency as policies see them."""
    return ResourceFacts("Agency", request.uscc, provider=request.uscc, participants=frozenset({request.uscc}))


def _of_adult(adult_id: str, home: str, officer: str) -> ResourceFacts:
    return ResourceFacts(
        "Adult",
        adult_id,
        provider=home,
        participants=frozenset({home} - {""}),
        officers=frozenset({officer} - {""}),
    )


def _no_facts(_: Any, __: Any, ___: Call) -> Facts:
    return Facts()


def _no_case(_: Any) -> str:
    return ""
