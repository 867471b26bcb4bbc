"""What is shown of call-outs, and the two methods whose only key is a link."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.types.v1 import types_pb2
from services.appropriate_adult.callout_routes import CalloutRoutes
from services.appropriate_adult.callout_state import CalloutState
from services.appropriate_adult.links import OfferLinks
from services.appropriate_adult.offers import Link, LinkFacts, offer_of, over
from services.appropriate_adult.roster import OfferLine, Roster
from services.appropriate_adult.routes import Routes
from services.kernel import page, validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.clock import Clock
from services.kernel.dates import from_datetime
from services.kernel.errors import NotAllowed, NotFound
from services.kernel.handler import Call
from services.kernel.personal import Opened
from services.kernel.rpc import current_call

_BY_LINK = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_SERVICE, legal_basis="AA-R17")


class CalloutServicer:
    """The methods of call-outs that are no plain command."""

    def __init__(
        self,
        routes: Routes,
        callouts: CalloutRoutes,
        admission: Admission,
        roster: Roster,
        links: OfferLinks,
        clock: Clock,
    ) -> None:
        self._routes = routes
        self._callouts = callouts
        self._admission = admission
        self._roster = roster
        self._links = links
        self._clock = clock

    def ShowOffer(self, request: api.ShowOfferRequest, _: grpc.ServicerContext) -> api.ShowOfferResponse:
        """What an adult may know before answering; nothing but its state once it cannot be accepted any more."""
        validate.check(request)
        call = current_call()
        link = self._links.read(request.token)
        seen = _by_link(link, call)
        with _clear_refusal():
            self._admission.read(call, "ShowOffer", seen, _BY_LINK)
        assert link is not None, "nobody takes part in no offer"
        state = self._callouts.callouts.load(link.assignment_id).state
        offer = offer_of(state, LinkFacts(link=link))
        response = api.ShowOfferResponse(status=offer.status)  # type: ignore[arg-type]
        if offer.status != api.OFFER_STATUS_OPEN:
            return response
        if self._clock.now() >= offer.answer_by:
            raise over(api.OFFER_STATUS_LAPSED)
        assignment = self._routes.assignments.load(link.assignment_id).state
        session = assignment.sessions[state.session_id]
        response.purpose = session.purpose  # type: ignore[assignment]
        response.planned_from.CopyFrom(from_datetime(session.planned_from))
        response.planned_until.CopyFrom(from_datetime(session.planned_until))
        response.division_code, response.travel_minutes = session.division_code, session.travel_minutes
        response.languages.extend(sorted(assignment.languages))
        response.provider_uscc = state.provider
        response.answer_by.CopyFrom(from_datetime(offer.answer_by))
        return response

    def AnswerOffer(self, request: api.AnswerOfferRequest, _: grpc.ServicerContext) -> api.AnswerOfferResponse:
        """Records the answer, once; the same answer again is told what is recorded."""
        validate.check(request)
        call = current_call()
        link = self._links.read(request.token)
        seen = _by_link(link, call)
        with _clear_refusal():
            self._admission.command(call, "AnswerOffer", seen, on_behalf_of=request.head.on_behalf_of)
        assert link is not None, "nobody takes part in no offer"
        receipt = self._callouts.answer(request, link, seen, self._admission, call)
        state = self._callouts.callouts.load(link.assignment_id).state
        return api.AnswerOfferResponse(receipt=receipt, status=state.offers[link.offer_id].status)  # type: ignore[arg-type]

    def ListOfferLinks(self, request: api.ListOfferLinksRequest, _: grpc.ServicerContext) -> api.ListOfferLinksResponse:
        """The links that the home agency's system sends to its adults."""
        validate.check(request)
        call = current_call()
        seen = ResourceFacts("Offer", participants=frozenset({call.principal.agency}))
        self._admission.read(call, "ListOfferLinks", seen, request.purpose)
        self._roster.view.wait(request.min_position)
        size, before = page.size(request.page_size), page.cursor(request.page_token)
        lines = self._roster.links(call.principal.agency, before, size + 1)
        response = api.ListOfferLinksResponse(links=[self._link(line) for line in lines[:size]])
        if len(lines) > size:
            response.next_page_token = page.token(lines[size - 1].made_at, lines[size - 1].offer_id)
        return response

    def GetCallout(self, request: api.GetCalloutRequest, _: grpc.ServicerContext) -> api.GetCalloutResponse:
        """A call-out with all rounds, as far as the caller's part goes."""
        validate.check(request)
        call = current_call()
        assignment = self._routes.assignments.load(request.assignment_id).state
        seen = self._routes.assignment_resource(request, assignment)
        self._admission.read(call, "GetCallout", seen, request.purpose, case_id=assignment.case_id)
        loaded = self._callouts.callouts.load(request.assignment_id)
        found = _shown(loaded.state, loaded.version)
        for_organ = call.principal.agency == seen.organ or call.principal.agency != seen.provider
        _fill(found, self._callouts.callouts.opened(request.assignment_id), for_organ=for_organ)
        return api.GetCalloutResponse(callout=found)

    def _link(self, line: OfferLine) -> api.OfferLink:
        link = Link(line.assignment_id, line.offer_id, line.adult_id, line.answer_by)
        entries = [
            item.event.entry.telephone
            for item in self._routes.adults.opened(line.adult_id)
            if isinstance(item.event, adults.AdultRegistered | adults.AdultEntryChanged)
        ]
        return api.OfferLink(
            offer_id=line.offer_id,
            assignment_id=line.assignment_id,
            adult_id=line.adult_id,
            token=self._links.token(link),
            telephone=entries[-1],
            answer_by=from_datetime(line.answer_by),
        )


def _by_link(link: Link | None, call: Call) -> ResourceFacts:
    """An offer as policies see it: whoever holds a link that this service signed takes part in that offer."""
    if link is None:
        return ResourceFacts("Offer")
    return ResourceFacts("Offer", link.offer_id, participants=frozenset({call.principal.agency}))


@contextmanager
def _clear_refusal() -> Iterator[None]:
    """Says of a link that opens nothing that it is none of ours; the refusal is on record by then."""
    try:
        yield
    except NotFound:
        raise NotAllowed("OFFER_LINK_INVALID", "this is no link of ours; ask for a new one") from None


def _shown(state: CalloutState, version: int) -> api.Callout:
    return api.Callout(
        assignment_id=state.assignment_id,
        provider_uscc=state.provider,
        status=state.status,  # type: ignore[arg-type]
        level=state.level,  # type: ignore[arg-type]
        round=state.round,
        offers=[
            api.Offer(
                offer_id=offer.offer_id,
                adult_id=offer.adult_id,
                home_uscc=offer.home,
                round=offer.round,
                standby=offer.standby,
                answer_by=from_datetime(offer.answer_by),
                status=offer.status,  # type: ignore[arg-type]
            )
            for offer in state.current
        ],
        version=version,
    )


def _fill(found: api.Callout, opened: Iterable[Opened], *, for_organ: bool) -> None:
    for item in opened:
        event: Any = item.event
        match event:
            case events.CandidatesMatched():
                if not for_organ:
                    for excluded in event.excluded:
                        excluded.ClearField("exclusions")
                found.matches.append(event)
            case events.OfferDeclined():
                if not for_organ:
                    event.ClearField("reason")
                found.declined.append(event)
            case events.EscalationRaised():
                found.raised.CopyFrom(event)
            case events.EscalationForwarded():
                found.forwarded.CopyFrom(event)
            case events.CalloutEnded():
                found.ended.CopyFrom(event)
            case events.CalloutStarted():
                for name in ("raised", "forwarded", "ended"):
                    found.ClearField(name)
                continue
            case _:
                continue
        found.withheld.extend(path for path in item.withheld if path not in found.withheld)
