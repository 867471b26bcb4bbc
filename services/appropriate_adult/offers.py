"""Offers: answered through a link, lapsed by the clock, settled by what became of the adult. The first acceptance wins.

Two acceptances at the same moment are appended to the same version of the stream: one is decided after the other and finds
the offer taken.
Law: AA-X04, AA-X05 (declared with an acceptance); DL-AA-OFFER; ACT-07 (only the organ confirms).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from services.appropriate_adult import rules
from services.appropriate_adult.callout_state import CalloutState, Offer
from services.appropriate_adult.desk import OFFER_RULE
from services.kernel import deadline_acts, deadline_commands
from services.kernel.dates import from_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

_ACCEPTED = (api.OFFER_STATUS_ACCEPTED, api.OFFER_STATUS_CONFIRMED, api.OFFER_STATUS_FELL_THROUGH)


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is bound to."""

    assignment_id: str
    offer_id: str
    adult_id: str
    answer_by: datetime


@dataclass(frozen=True, slots=True)
class LinkFacts(Facts):
    """What an answer is told besides: the link that it came by, its signature checked."""

    link: Link | None = None


def answer(command: api.AnswerOfferRequest, state: CalloutState, act: Act, facts: Facts) -> Sequence[Message]:
    """The same answer again changes nothing; another one is refused."""
    offer = offer_of(state, facts)
    _complete(command)
    if offer.status != api.OFFER_STATUS_OPEN:
        if command.accept and offer.status in _ACCEPTED:
            return []
        if not command.accept and offer.status == api.OFFER_STATUS_DECLINED:
            return []
        raise over(offer.status)
    if act.recorded_at >= offer.answer_by:
        raise over(api.OFFER_STATUS_LAPSED)
    if not command.accept:
        declined = events.OfferDeclined(
            offer_id=offer.offer_id, adult_id=offer.adult_id, round=offer.round, reason=command.decline_reason
        )
        return [declined, *(_met(state, declined, act) if len(state.open_offers) == 1 else [])]
    accepted = events.OfferAccepted(
        offer_id=offer.offer_id, adult_id=offer.adult_id, round=offer.round, no_conflict_declared=command.no_conflict
    )
    others = [other for other in state.open_offers if other.offer_id != offer.offer_id]
    return [accepted, *_met(state, accepted, act), *withdrawn(others, events.OFFER_WITHDRAWAL_REASON_TAKEN)]


def pass_point(command: clock_api.PassDuePointRequest, state: CalloutState, act: Act, facts: Facts) -> Sequence[Message]:
    """Silence: when the clock of a round lapses, so do its open offers, in the same append."""
    passed = deadline_commands.decide(command, state.deadlines, act, facts)
    if not any(isinstance(event, clocks.DeadlineExpired) for event in passed):
        return passed
    lapsed = [
        events.OfferLapsed(offer_id=offer.offer_id, adult_id=offer.adult_id, round=offer.round) for offer in state.open_offers
    ]
    # Nobody answers any more: the lapsed clock must not stand open beside that of the next round.
    clock = state.deadlines[command.deadline_id]
    moot = deadline_acts.waive(clock, clocks.WAIVER_REASON_MOOT, events.OfferLapsed.DESCRIPTOR.full_name)
    return [*passed, *lapsed, *moot]


def settle(command: api.SettleOfferRequest, state: CalloutState, act: Act, _: Facts) -> Sequence[Message]:
    """What became of the adult who accepted; of an offer that holds nothing any more, nothing becomes."""
    rules.by_system(act)
    if command.offer_id != state.holder or state.status not in RUNNING:
        return []
    offer = state.offers[command.offer_id]
    if command.failure:
        failed = events.OfferFellThrough(
            offer_id=offer.offer_id,
            adult_id=offer.adult_id,
            round=state.round,
            failure=command.failure,
            at=from_datetime(act.recorded_at),
        )
        return [failed]
    if state.status == api.CALLOUT_STATUS_CONFIRMED:
        return []
    return [events.OfferConfirmed(offer_id=offer.offer_id, adult_id=offer.adult_id)]


def withdrawn(offers: Sequence[Offer], reason: events.OfferWithdrawalReason.ValueType) -> list[events.OfferWithdrawn]:
    """Open offers, taken back."""
    return [events.OfferWithdrawn(offer_id=offer.offer_id, adult_id=offer.adult_id, reason=reason) for offer in offers]


def offer_of(state: CalloutState, facts: Facts) -> Offer:
    """The offer that a link is bound to.

    Raises:
        IllegalState: there is none; a link of ours may outlive its journal where an older copy was restored.
    """
    assert isinstance(facts, LinkFacts)
    assert facts.link is not None
    offer = state.offers.get(facts.link.offer_id)
    if offer is None or offer.adult_id != facts.link.adult_id:
        raise IllegalState("OFFER_UNKNOWN", "there is no such offer")
    return offer


def over(status: int) -> IllegalState:
    """Why an offer cannot be answered, or not otherwise than it was."""
    if status == api.OFFER_STATUS_LAPSED:
        return IllegalState("OFFER_LAPSED", "the time for the answer is over", rule=OFFER_RULE)
    if status == api.OFFER_STATUS_TAKEN:
        return IllegalState("OFFER_TAKEN", "another adult accepted first")
    if status == api.OFFER_STATUS_WITHDRAWN:
        return IllegalState("OFFER_WITHDRAWN", "nobody is asked for this session any more")
    return IllegalState("OFFER_LINK_USED", "the link was used for another answer")


def _complete(command: api.AnswerOfferRequest) -> None:
    violations = []
    if command.accept and not command.no_conflict:
        violations.append(Violation("no_conflict", "is declared with an acceptance (AA-X04, AA-X05)"))
    if command.accept and command.decline_reason:
        violations.append(Violation("decline_reason", "goes without an acceptance"))
    if not command.accept and not command.decline_reason:
        violations.append(Violation("decline_reason", "is required without an acceptance"))
    if violations:
        raise Invalid(*violations)


def _met(state: CalloutState, by: Message, act: Act) -> list[Message]:
    running = [clock for clock in state.deadlines.values() if clock.open]
    return [event for clock in running for event in deadline_acts.meet(clock, act.recorded_at, by.DESCRIPTOR.full_name)]


RUNNING = (api.CALLOUT_STATUS_CALLING, api.CALLOUT_STATUS_ACCEPTED, api.CALLOUT_STATUS_CONFIRMED)
