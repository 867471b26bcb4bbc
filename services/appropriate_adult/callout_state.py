"""What the events of the call-outs of one assignment add up to. It is folded without any personal field."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from services.kernel import deadline
from services.kernel.dates import to_datetime
from services.kernel.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer; `status` is that of api.OfferStatus, `callout` the number of its call-out."""

    offer_id: str
    adult_id: str
    home: str
    callout: int
    round: int
    standby: bool
    answer_by: datetime
    status: int = api.OFFER_STATUS_OPEN


@dataclass(frozen=True, slots=True)
class CalloutState:
    """The call-outs of one assignment; `status` is that of api.CalloutStatus, 0 before the first.

    `number` counts call-outs and `request` the requests of the assignment, the one that is called out for;
    `since` is when the level, or the search after a failure, began; `holder` is the offer that was accepted.
    """

    assignment_id: str = ""
    case_id: str = ""
    session_id: str = ""
    organ: str = ""
    provider: str = ""
    division_code: str = ""
    at_once: int = 0
    request: int = 0
    number: int = 0
    status: int = 0
    level: int = 0
    since: datetime | None = None
    standby_first: bool = False
    round: int = 0
    seed: bytes = b""
    seed_position: int = 0
    holder: str = ""
    offers: dict[str, Offer] = field(default_factory=dict)
    deadlines: dict[str, Deadline] = field(default_factory=dict)

    @property
    def current(self) -> list[Offer]:
        """Offers of the newest call-out."""
        return [offer for offer in self.offers.values() if offer.callout == self.number]

    @property
    def open_offers(self) -> list[Offer]:
        """Offers that wait for an answer."""
        return [offer for offer in self.current if offer.status == api.OFFER_STATUS_OPEN]

    @property
    def asked(self) -> frozenset[str]:
        """Adults who are not asked again: those who were asked in this call-out and those who ever declined.

        Whoever was only told that another had been first may be asked again.
        """
        over = {offer.adult_id for offer in self.current if offer.status not in _ASKED_AGAIN}
        declined = {offer.adult_id for offer in self.offers.values() if offer.status == api.OFFER_STATUS_DECLINED}
        return frozenset(over | declined)

    def count(self, status: int) -> int:
        """Offers of the newest call-out in a state."""
        return sum(offer.status == status for offer in self.current)


def evolve(state: CalloutState, event: Any) -> CalloutState:
    """The state after an event."""
    if type(event) in deadline.EVENTS:
        return replace(state, deadlines=deadline.evolve(state.deadlines, event))
    change = _CHANGES.get(type(event))
    if change is None:
        raise TypeError(event.DESCRIPTOR.full_name)
    return change(state, event)


def _started(state: CalloutState, event: events.CalloutStarted) -> CalloutState:
    return replace(
        state,
        assignment_id=event.assignment_id,
        case_id=event.case_id,
        session_id=event.session_id,
        organ=event.organ_uscc,
        provider=event.provider_uscc,
        division_code=event.division_code,
        at_once=event.at_once,
        request=event.request,
        number=state.number + 1,
        status=api.CALLOUT_STATUS_CALLING,
        level=events.CALLOUT_LEVEL_COUNTY,
        since=to_datetime(event.at),
        standby_first=False,
        round=0,
        seed=b"",
        seed_position=0,
        holder="",
    )


def _matched(state: CalloutState, event: events.CandidatesMatched) -> CalloutState:
    return replace(state, round=event.round, seed=event.seed, seed_position=event.seed_position)


def _made(state: CalloutState, event: events.OfferMade) -> CalloutState:
    offer = Offer(
        event.offer_id,
        event.adult_id,
        event.home_uscc,
        state.number,
        event.round,
        event.standby,
        to_datetime(event.answer_by),
    )
    return replace(state, offers={**state.offers, event.offer_id: offer})


def _settled(status: int) -> Callable[[CalloutState, Any], CalloutState]:
    def change(state: CalloutState, event: Any) -> CalloutState:
        offer = replace(state.offers[event.offer_id], status=status)
        return replace(state, offers={**state.offers, event.offer_id: offer})

    return change


def _accepted(state: CalloutState, event: events.OfferAccepted) -> CalloutState:
    state = _settled(api.OFFER_STATUS_ACCEPTED)(state, event)
    return replace(state, status=api.CALLOUT_STATUS_ACCEPTED, holder=event.offer_id)


def _withdrawn(state: CalloutState, event: events.OfferWithdrawn) -> CalloutState:
    taken = event.reason == events.OFFER_WITHDRAWAL_REASON_TAKEN
    return _settled(api.OFFER_STATUS_TAKEN if taken else api.OFFER_STATUS_WITHDRAWN)(state, event)


def _confirmed(state: CalloutState, event: events.OfferConfirmed) -> CalloutState:
    return replace(_settled(api.OFFER_STATUS_CONFIRMED)(state, event), status=api.CALLOUT_STATUS_CONFIRMED)


def _fell_through(state: CalloutState, event: events.OfferFellThrough) -> CalloutState:
    return replace(
        _settled(api.OFFER_STATUS_FELL_THROUGH)(state, event),
        status=api.CALLOUT_STATUS_CALLING,
        holder="",
        since=to_datetime(event.at),
        standby_first=event.failure == events.OFFER_FAILURE_NO_SHOW,
    )


def _higher(state: CalloutState, event: events.EscalationRaised | events.EscalationForwarded) -> CalloutState:
    return replace(state, level=event.to_level, since=to_datetime(event.at), standby_first=False)


_ASKED_AGAIN = frozenset({api.OFFER_STATUS_TAKEN})
_CHANGES: dict[type, Callable[[CalloutState, Any], CalloutState]] = {
    events.CalloutStarted: _started,
    events.CandidatesMatched: _matched,
    events.OfferMade: _made,
    events.OfferAccepted: _accepted,
    events.OfferDeclined: _settled(api.OFFER_STATUS_DECLINED),
    events.OfferLapsed: _settled(api.OFFER_STATUS_LAPSED),
    events.OfferWithdrawn: _withdrawn,
    events.OfferConfirmed: _confirmed,
    events.OfferFellThrough: _fell_through,
    events.EscalationRaised: _higher,
    events.EscalationForwarded: _higher,
    events.CalloutEnded: lambda state, _: replace(state, status=api.CALLOUT_STATUS_ENDED),
}
