"""How each command of intake finds its aggregate, what policies see of it, and what a decision is told besides."""

from collections.abc import Callable, Mapping
from typing import Any

from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from services.intake import agency, case, person, referral
from services.intake.views import Assignments
from services.kernel.access import ResourceFacts
from services.kernel.clock import Clock
from services.kernel.clocks import ClockRoute
from services.kernel.commands import Route
from services.kernel.decision import CHINA_STANDARD_TIME, AgencyFacts, CaseFacts, Decider, Facts
from services.kernel.glance import at_a_glance
from services.kernel.handler import Call, Handler
from services.kernel.identity import Principal
from services.kernel.journal import Journal

# Bodies whose officers see a minor only once they are assigned (domain/11 §11.2).
_SERVING = frozenset({"SWO", "JUST", "CYL"})
MakeHandler = Callable[[Decider[Any]], Handler[Any]]


class Routes:
    """The routes of every command, over one handler for each kind of aggregate."""

    def __init__(self, make_handler: MakeHandler, journal: Journal, assignments: Assignments, clock: Clock) -> None:
        self.agencies: Handler[agency.State] = make_handler(agency.DECIDER)
        self.cases: Handler[case.State] = make_handler(case.DECIDER)
        self.persons: Handler[person.State] = make_handler(person.DECIDER)
        self.referrals: Handler[referral.State] = make_handler(referral.DECIDER)
        self._journal = journal
        self._assignments = assignments
        self._clock = clock

    def handlers(self) -> tuple[Handler[Any], ...]:
        """The handlers of every kind of aggregate."""
        return (self.agencies, self.cases, self.persons, self.referrals)

    def by_command(self) -> Mapping[str, Route[Any]]:
        """Routes by the name of their method."""
        agencies = {
            "RegisterAgency": "agency.uscc",
            "ChangeAgency": "agency.uscc",
            "SuspendAgency": "uscc",
            "ChangeDeadlineSetting": "uscc",
        }
        persons = ("RegisterPerson", "CorrectPerson")
        cases = ("OpenCase", "AddParticipant", "RemoveParticipant", "RecordCaseNumber", "LinkCase", "CloseCase")
        referrals = ("Submit", "Accept", "Decline", "Withdraw", "Close")
        return {
            **{
                name: Route(self.agencies, key, _agency_resource, self._agency_facts, _no_case)
                for name, key in agencies.items()
            },
            **{name: Route(self.persons, "details.person_id", _person_resource, _no_facts, _no_case) for name in persons},
            **{name: Route(self.cases, "case_id", self.case_resource, self._case_facts, _case_of) for name in cases},
            "CreateReferral": self._referral_route("content.referral_id"),
            "ReportMilestone": self._referral_route("referral_id"),
            **{f"{name}Referral": self._referral_route("referral_id") for name in referrals},
        }

    def clocks(self) -> ClockRoute:
        """How the clocks of cases are reached."""
        return ClockRoute(self.cases, self._stream_resource, self._case_facts, _case_of)

    def agency(self, uscc: str) -> AgencyFacts | None:
        """What the directory says of an agency, as of its newest event."""
        state = self.agencies.load(uscc).state
        if state.agency is None:
            return None
        kind = directory.AgencyType.Name(state.agency.type).removeprefix("AGENCY_TYPE_")
        return AgencyFacts(uscc, kind, state.agency.investigates, state.suspended)

    def working(self, case_id: str, principal: Principal, participants: frozenset[str]) -> frozenset[str]:
        """Officers of the caller's body who are assigned to the case; asked only of a body that serves on commission."""
        if principal.agency not in participants or not principal.officer:
            return frozenset()
        facts = self.agency(principal.agency)
        if facts is None or facts.type not in _SERVING:
            return frozenset()
        return self._assignments.working(case_id, principal.agency, principal.officer)

    def case_resource(self, request: Any, state: case.State) -> ResourceFacts:
        """A case as policies see it."""
        return ResourceFacts("Case", request.case_id, organ=state.organ, participants=self.taking_part(state))

    def _stream_resource(self, case_id: str, state: case.State) -> ResourceFacts:
        return ResourceFacts("Case", case_id, organ=state.organ, participants=self.taking_part(state))

    def taking_part(self, state: case.State) -> frozenset[str]:
        """Agencies that take part in a case today, which is what opens it to them."""
        return state.taking_part(self._clock.now().astimezone(CHINA_STANDARD_TIME).date())

    def referral_resource(self, request: Any, state: referral.State) -> ResourceFacts:
        """A referral as policies see it: `organ` sent it, `provider` is the body it was sent to."""
        content = state.content
        if content is None:
            content = getattr(request, "content", None)
            if content is None:
                return ResourceFacts("Referral", request.referral_id)
        parties, receiver = {content.from_uscc}, ""
        if state.status not in {api.REFERRAL_STATUS_UNSPECIFIED, api.REFERRAL_STATUS_DRAFT, api.REFERRAL_STATUS_EXPIRED}:
            receiver = content.to_uscc
            parties |= {receiver, state.provider} - {""}
        return ResourceFacts(
            "Referral",
            content.referral_id,
            organ=content.from_uscc,
            provider=receiver,
            participants=frozenset(parties),
        )

    def _referral_route(self, key: str) -> Route[Any]:
        return Route(self.referrals, key, self.referral_resource, self._referral_facts, _case_of_referral)

    def _named(self, *codes: str) -> Mapping[str, AgencyFacts]:
        found = {code: self.agency(code) for code in codes if code}
        return {code: facts for code, facts in found.items() if facts is not None}

    def _agency_facts(self, request: Any, _: Any, __: Call) -> Facts:
        return Facts(self._named(request.agency.parent_uscc) if hasattr(request, "agency") else {})

    def _case_facts(self, request: Any, _: case.State, call: Call) -> Facts:
        existing = set()
        if isinstance(request, api.OpenCaseRequest) and self.persons.load(request.subject_id).version:
            existing.add(request.subject_id)
        if isinstance(request, api.LinkCaseRequest):
            # A case that is not open to the caller is, to the caller, no case.
            other = self.cases.load(request.duplicate_of).state
            if call.principal.agency in self.taking_part(other):
                existing.add(request.duplicate_of)
        organ = request.head.on_behalf_of or call.principal.agency
        settings = self.agencies.load(organ).state.settings if isinstance(request, clock_api.SetDeadlineRequest) else ()
        return Facts(self._named(organ, getattr(request, "uscc", "")), existing=frozenset(existing), settings=settings)

    def _referral_facts(self, request: Any, state: referral.State, call: Call) -> Facts:
        content = request.content if hasattr(request, "content") and request.HasField("content") else state.content
        if content is None:
            return Facts()
        named = (
            content.to_uscc,
            content.proposed_provider,
            getattr(request, "provider", ""),
            getattr(request, "competent_uscc", ""),
        )
        return Facts(
            self._named(*named),
            case=self._case_of_content(content, call),
            existing=self._existing_referral(getattr(request, "duplicate_of", "")),
            twin=self._twin(request, content),
        )

    def _case_of_content(self, content: Any, call: Call) -> CaseFacts:
        state = self.cases.load(content.case_id).state
        handling = state.taking_part(
            self._clock.now().astimezone(CHINA_STANDARD_TIME).date(), directory.PARTICIPANT_SCOPE_HANDLING
        )
        return CaseFacts(content.case_id, state.organ, state.subject_id, state.act_on, handling, state.closed)

    def _existing_referral(self, referral_id: str) -> frozenset[str]:
        known = bool(referral_id) and self.referrals.load(referral_id).version > 0
        return frozenset({referral_id}) if known else frozenset()

    def _twin(self, request: Any, content: Any) -> str:
        if not isinstance(request, api.SubmitReferralRequest) or not content.external_number:
            return ""
        if at_a_glance():
            # The append refuses a number that is taken; who took it is looked up then.
            return ""
        stream = self._journal.stream_of_key(referral.external_key(content))
        twin = stream.removeprefix(f"{referral.DECIDER.category}-")
        return "" if twin == request.referral_id else twin


def _agency_resource(request: Any, _: agency.State) -> ResourceFacts:
    uscc = request.agency.uscc if hasattr(request, "agency") else request.uscc
    return ResourceFacts("Directory", uscc, organ=uscc)


def _person_resource(request: Any, _: person.State) -> ResourceFacts:
    return ResourceFacts("Person", request.details.person_id)


def _no_facts(_: Any, __: Any, ___: Call) -> Facts:
    return Facts()


def _no_case(_: Any) -> str:
    return ""


def _case_of(state: case.State) -> str:
    return state.case_id


def _case_of_referral(state: referral.State) -> str:
    return state.content.case_id if state.content is not None else ""
