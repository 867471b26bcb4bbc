"""How each command on a call-out finds its stream, what policies see of it, and what a decision is told besides."""

from collections.abc import Mapping
from typing import Any

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.command.v1 import command_pb2
from services.appropriate_adult.callout import CalloutFacts, expects_offers
from services.appropriate_adult.callout_state import CalloutState
from services.appropriate_adult.desk import DeskState
from services.appropriate_adult.offers import Link, LinkFacts
from services.appropriate_adult.roster import Roster
from services.appropriate_adult.routes import Routes
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.clocks import ClockRoute
from services.kernel.commands import Route
from services.kernel.decision import Facts
from services.kernel.directory import Directory
from services.kernel.handler import Call, Handler
from services.kernel.journal import Journal
from services.kernel.record import leaf, leaf_hash

_OF_ASSIGNMENTS = ("StartCallout", "StopCallout", "MakeOffers", "SettleOffer")


class CalloutRoutes:
    """The routes of every command on call-outs and on the settings of desks."""

    def __init__(
        self,
        callouts: Handler[CalloutState],
        desks: Handler[DeskState],
        routes: Routes,
        roster: Roster,
        agencies: Directory,
        journal: Journal,
    ) -> None:
        self.callouts = callouts
        self.desks = desks
        self._assignments = routes.assignments
        self._resource = routes.assignment_resource
        self._roster = roster
        self._agencies = agencies
        self._journal = journal

    def by_command(self) -> Mapping[str, Route[Any]]:
        """Routes by the name of their method; an answer comes by its link."""
        found: dict[str, Route[Any]] = {
            name: Route(self.callouts, "assignment_id", self._seen, self._facts, _case_of) for name in _OF_ASSIGNMENTS
        }
        found["ChangeCalloutSetting"] = Route(self.desks, "uscc", _desk_resource, self._desk_facts, lambda _: "")
        return found

    def clocks(self) -> ClockRoute:
        """How the clocks of call-outs are reached."""
        return ClockRoute(self.callouts, self._stream_seen, lambda _, __, ___: Facts(), _case_of)

    def answer(
        self, request: api.AnswerOfferRequest, link: Link, seen: ResourceFacts, admission: Admission, call: Call
    ) -> command_pb2.Receipt:
        """Runs the answer to an offer, by its link."""

        def authorise(state: CalloutState) -> None:
            admission.command(call, "AnswerOffer", seen, on_behalf_of=request.head.on_behalf_of, case_id=state.case_id)

        facts = LinkFacts(link=link)
        return self.callouts.execute(
            link.assignment_id, request, call, authorise=authorise, facts=lambda _: facts, case_id=_case_of
        )

    def _seen(self, request: Any, _: CalloutState) -> ResourceFacts:
        return self._resource(request, self._assignments.load(request.assignment_id).state)

    def _stream_seen(self, assignment_id: str, _: CalloutState) -> ResourceFacts:
        state = self._assignments.load(assignment_id).state
        return self._resource(None, state) if state.status else ResourceFacts("Assignment", assignment_id)

    def _facts(self, request: Any, state: CalloutState, _: Call) -> Facts:
        assignment = self._assignments.load(request.assignment_id).state
        desk = self.desks.load(state.provider if isinstance(request, api.MakeOffersRequest) else assignment.provider).state
        if not isinstance(request, api.MakeOffersRequest) or not expects_offers(state, request.after_round):
            return CalloutFacts(assignment=assignment, desk=desk)
        roster, open_offers = self._roster.around(state.division_code, state.level)
        seed, position = self._seed(state)
        return CalloutFacts(
            assignment=assignment,
            desk=desk,
            roster=roster,
            open_offers=open_offers,
            seed=seed,
            seed_position=position,
        )

    def _seed(self, state: CalloutState) -> tuple[bytes, int]:
        """The hash of the evidence leaf of the event that started the call-out, and its position."""
        if state.seed:
            return state.seed, state.seed_position
        started = events.CalloutStarted.DESCRIPTOR.full_name
        rows = self._journal.read_streams({self.callouts.stream(state.assignment_id): 0})
        row = next(row for row in reversed(rows) if row.type == started)
        data = leaf(self._journal.origin, row.position, row.stream, row.version, row.type, row.header, row.payload)
        return leaf_hash(data), row.position

    def _desk_facts(self, request: Any, _: DeskState, __: Call) -> Facts:
        agency = self._agencies.agency(request.uscc)
        return Facts({request.uscc: agency} if agency else {})


def _desk_resource(request: Any, _: DeskState) -> ResourceFacts:
    return ResourceFacts("Agency", request.uscc, provider=request.uscc)


def _case_of(state: CalloutState) -> str:
    return state.case_id
