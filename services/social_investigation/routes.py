"""How each command finds its investigation, what policies see of it, and what a decision is told besides."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from google.protobuf.message import Message

from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.access import ResourceFacts
from services.kernel.cases import Cases
from services.kernel.clock import Clock
from services.kernel.clocks import ClockRoute
from services.kernel.commands import Route
from services.kernel.decision import CHINA_STANDARD_TIME, Act, AgencyFacts, CaseFacts, Facts
from services.kernel.directory import Directory
from services.kernel.handler import Call, Handler
from services.social_investigation import reporting
from services.social_investigation.paper import Papers
from services.social_investigation.state import State

QUERIES = frozenset({"GetReportDocument", "GetInvestigation", "ListInvestigations"})


# What starts a clock by a number that the commissioning organ may have made its own.
_STARTS_A_CLOCK = frozenset({api.IssueCommissionRequest, api.AcceptCommissionRequest, api.RequestSupplementRequest})


class Routes:
    """The routes of every command."""

    def __init__(self, handler: Handler[State], agencies: Directory, cases: Cases, papers: Papers, clock: Clock) -> None:
        self.investigations = handler
        self._agencies = agencies
        self._cases = cases
        self._papers = papers
        self._clock = clock

    def by_command(self) -> Mapping[str, Route[Any]]:
        """Routes by the name of their method."""
        methods = api.DESCRIPTOR.services_by_name["SocialInvestigationService"].methods
        special = {"SubmitReport": self._submit_report, "IssueReport": self._issue_report}
        return {
            method.name: Route(
                self.investigations, "investigation_id", resource, self._facts, _case_of, special.get(method.name)
            )
            for method in methods
            if method.name not in QUERIES
        }

    def clocks(self) -> ClockRoute:
        """How the clocks of investigations are reached."""
        return ClockRoute(self.investigations, _stream_resource, self._facts, _case_of)

    def _facts(self, request: Any, state: State, call: Call) -> Facts:
        letter = getattr(request, "letter", None)
        named = [
            request.head.on_behalf_of or call.principal.agency,
            letter.provider_uscc if letter is not None else "",
            getattr(request, "to_uscc", ""),
        ]
        case_id = state.case_id or getattr(request, "case_id", "")
        needs_case = letter is not None and bool(case_id)
        organ = state.organ or (letter.organ_uscc if letter is not None else "")
        return Facts(
            self._named(*named),
            case=self._case(case_id) if needs_case else None,
            settings=self._agencies.settings(organ) if type(request) in _STARTS_A_CLOCK else (),
        )

    def _named(self, *codes: str) -> Mapping[str, AgencyFacts]:
        found = {code: self._agencies.agency(code) for code in codes if code}
        return {code: facts for code, facts in found.items() if facts is not None}

    def _case(self, case_id: str) -> CaseFacts | None:
        today = self._clock.now().astimezone(CHINA_STANDARD_TIME).date()
        return self._cases.facts(case_id, self._agencies, today)

    def _submit_report(self, request: Any, state: State, act: Act, facts: Facts) -> Sequence[Message]:
        events: Any = reporting.submit_report(request, state, act, facts)
        report = self._papers.report(request.investigation_id)
        # What is handed in stays provable after the person's key is gone.
        events[0].report_sha256 = sha256(report.SerializeToString(deterministic=True)).digest()
        return list(events)

    def _issue_report(self, request: Any, state: State, act: Act, _: Facts) -> Sequence[Message]:
        # The guards first: nothing is printed for one who may not issue it.
        reporting.check_issue(state, act)
        issued = self._papers.issue(request.investigation_id)
        return reporting.issue_report(state, act, sha256(issued.pdf).digest(), sha256(issued.docx).digest())


def resource(request: Any, state: State) -> ResourceFacts:
    """An investigation as policies see it; a draft is the organ's alone."""
    if not state.status:
        organ = request.letter.organ_uscc if hasattr(request, "letter") else ""
        return ResourceFacts("Investigation", request.investigation_id, organ=organ, participants=frozenset({organ} - {""}))
    # To the body that may be entrusted a draft is nothing: it cannot even tell that there is one.
    provider = "" if state.status == api.INVESTIGATION_STATUS_DRAFT else state.provider
    parties = {state.organ, state.transferred_to, provider}
    return ResourceFacts(
        "Investigation",
        state.investigation_id,
        organ=state.organ,
        provider=provider,
        participants=frozenset(parties - {""}),
        officers=state.officers,
        supervisor=state.supervisor,
    )


def _stream_resource(investigation_id: str, state: State) -> ResourceFacts:
    return resource(None, state) if state.status else ResourceFacts("Investigation", investigation_id)


def _case_of(state: State) -> str:
    return state.case_id
