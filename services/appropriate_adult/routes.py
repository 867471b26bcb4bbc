"""How each command finds its adult or assignment, what policies see of it, and what a decision is told besides."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.directory.v1 import agency_events_pb2 as directory
from services.appropriate_adult import adult
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.rota import SwapFacts
from services.appropriate_adult.rules import AssignmentFacts
from services.appropriate_adult.state import State
from services.kernel.access import ResourceFacts
from services.kernel.cases import Cases
from services.kernel.clock import Clock
from services.kernel.clocks import ClockRoute
from services.kernel.commands import Route
from services.kernel.decision import CHINA_STANDARD_TIME, AgencyFacts, CaseFacts, Facts
from services.kernel.directory import Directory
from services.kernel.handler import Call, Handler

QUERIES = frozenset({"GetAdult", "ListAdults", "GetAssignment", "WatchAssignment", "ListAssignments", "GetAttendanceRecord"})
# Its answer says more than where the events stand: the servicer's own.
ANSWERED = frozenset({"StartSession"})
# What starts a clock by a number that the organ may have made its own.
_STARTS_A_CLOCK = frozenset({api.RequestAdultRequest, api.ConfirmAdultRequest})
# The role in which an adult signs in: it sees and does what is the adult's own.
ADULT_ROLE = "APPROPRIATE_ADULT"
_OF_ADULTS = frozenset(kind.DESCRIPTOR.name.removesuffix("Request") for kind in adult.DECISIONS)
_WITH_ENTRY = frozenset({"RegisterAdult", "ChangeAdult"})


class Routes:
    """The routes of every command."""

    def __init__(
        self, adults: Handler[AdultState], assignments: Handler[State], agencies: Directory, cases: Cases, clock: Clock
    ) -> None:
        self.adults = adults
        self.assignments = assignments
        self._agencies = agencies
        self._cases = cases
        self._clock = clock

    def by_command(self) -> Mapping[str, Route[Any]]:
        """Routes by the name of their method."""
        names = {method.name for method in api.DESCRIPTOR.services_by_name["AppropriateAdultService"].methods}
        return {name: self.route(name) for name in names - QUERIES - ANSWERED}

    def route(self, name: str) -> Route[Any]:
        """The route of one command."""
        if name in _OF_ADULTS:
            key = "entry.adult_id" if name in _WITH_ENTRY else "adult_id"
            return Route(self.adults, key, self.adult_resource, self._adult_facts, _no_case)
        return Route(self.assignments, "assignment_id", self.assignment_resource, self._assignment_facts, _case_of)

    def clocks(self) -> ClockRoute:
        """How the clocks of assignments are reached."""
        return ClockRoute(self.assignments, self._stream_resource, self._clock_facts, _case_of)

    def adult_resource(self, request: Any, state: AdultState) -> ResourceFacts:
        """An adult as policies see it: the home agency, the adult, and the organs that the adult is engaged by."""
        if not state.home:
            home = request.entry.home_uscc if hasattr(request, "entry") else ""
            return ResourceFacts("Adult", provider=home, participants=frozenset({home} - {""}))
        engaging = {self.assignments.load(b.assignment_id).state.organ for b in state.open_engagements.values()}
        return ResourceFacts(
            "Adult",
            state.adult_id,
            provider=state.home,
            participants=frozenset({state.home, *engaging}),
            officers=frozenset({state.officer} - {""}),
            supervisor=state.supervisor,
        )

    def assignment_resource(self, request: Any, state: State) -> ResourceFacts:
        """An assignment as policies see it; who handles the case takes part, for #19."""
        if not state.status:
            organ = request.head.on_behalf_of if hasattr(request, "head") else ""
            case = self._case(request.case_id) if hasattr(request, "case_id") else None
            handling = case.participants if case else frozenset()
            return ResourceFacts("Assignment", request.assignment_id, organ=organ, participants=handling)
        handling = self._agencies.participants(state.case_id, self._today(), directory.PARTICIPANT_SCOPE_HANDLING)
        candidate = state.candidate
        named = candidate if candidate and candidate.officer else None
        return ResourceFacts(
            "Assignment",
            state.assignment_id,
            organ=state.organ,
            provider=state.provider,
            participants=frozenset({state.organ, state.provider, *handling, named.home if named else ""} - {""}),
            officers=frozenset({named.officer} if named else ()),
            supervisor=named.home if named else "",
        )

    def _stream_resource(self, assignment_id: str, state: State) -> ResourceFacts:
        return self.assignment_resource(None, state) if state.status else ResourceFacts("Assignment", assignment_id)

    def _clock_facts(self, request: Any, _: State, call: Call) -> Facts:
        return Facts(self._named(request.head.on_behalf_of or call.principal.agency))

    def _adult_facts(self, request: Any, _: AdultState, call: Call) -> Facts:
        agencies = self._named(request.head.on_behalf_of or call.principal.agency)
        if isinstance(request, api.TakeShiftRequest):
            return SwapFacts(agencies, other=self.adults.load(request.from_adult_id).state)
        return Facts(agencies)

    def _assignment_facts(self, request: Any, state: State, call: Call) -> Facts:
        named = [
            request.head.on_behalf_of or call.principal.agency,
            getattr(request, "provider_uscc", ""),
            getattr(request, "to_uscc", ""),
        ]
        case_id = getattr(request, "case_id", "")
        if isinstance(request, api.CorrectNeedRequest):
            case_id = state.case_id
        adult_id = getattr(request, "adult_id", "") or (state.candidate.adult_id if state.candidate else "")
        return AssignmentFacts(
            self._named(*named),
            case=self._case(case_id) if case_id else None,
            adult=self.adults.load(adult_id).state if adult_id else AdultState(),
            settings=self._agencies.settings(state.organ) if type(request) in _STARTS_A_CLOCK else (),
        )

    def _named(self, *codes: str) -> Mapping[str, AgencyFacts]:
        found = {code: self._agencies.agency(code) for code in codes if code}
        return {code: facts for code, facts in found.items() if facts is not None}

    def _case(self, case_id: str) -> CaseFacts | None:
        return self._cases.facts(case_id, self._agencies, self._today())

    def _today(self) -> date:
        return self._clock.now().astimezone(CHINA_STANDARD_TIME).date()


def _case_of(state: State) -> str:
    return state.case_id


def _no_case(_: AdultState) -> str:
    return ""
