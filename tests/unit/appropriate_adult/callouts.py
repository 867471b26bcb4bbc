"""Call-outs for the synthetic assignment, command by command; nobody in them exists."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from services.appropriate_adult import callout
from services.appropriate_adult.adult_state import AdultState, Booking, Turn
from services.appropriate_adult.callout import CalloutFacts
from services.appropriate_adult.callout_state import CalloutState
from services.appropriate_adult.desk import DeskState
from services.appropriate_adult.offers import Link, LinkFacts
from services.kernel import schedule
from services.kernel.dates import to_datetime
from services.kernel.deadlinelist import Point
from services.kernel.decision import Act
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story, act

SEED, SEED_POSITION = bytes(range(32)), 7
GATEWAY = act(b.SWO, "")
NIGHT = ("2026-03-08 20:00", "2026-03-09 12:00")


def an_id(number: int) -> str:
    """Ids of adults from 1, of offers from 1 000."""
    return str(uuid.UUID(int=0x7000 + number))


def offer_ids(first: int = 1_000, count: int = 10) -> list[str]:
    """Ids for the offers of a round."""
    return [an_id(first + number) for number in range(count)]


@cache
def _qualified() -> AdultState:
    return b.qualified().state


def adult(number: int, **changes: Any) -> AdultState:
    """An adult without any obstacle."""
    return replace(_qualified(), adult_id=an_id(number), **changes)


def booking(begins: str, ends: str, **changes: Any) -> Booking:
    """An engagement of an adult."""
    fields = {"status": 1, "assignment_id": "a", "case_id": "c", "subject_id": "s", **changes}
    return Booking(begins_at=to_datetime(b.instant(begins)), ends_at=to_datetime(b.instant(ends)), **fields)


def on_standby(division_code: str = b.COUNTY, span: tuple[str, str] = NIGHT) -> dict[str, Turn]:
    """A shift, for `shifts`."""
    begins, ends = (to_datetime(b.instant(text)) for text in span)
    return {b.SHIFT: Turn(division_code, begins, ends)}


def facts(*roster: AdultState, at_once: int = 1, story: Any = None, **changes: Any) -> CalloutFacts:
    """What a decision is told: the assignment as requested, a desk that asks so many at once, the roster."""
    fields: dict[str, Any] = {
        "assignment": (story or b.requested()).state,
        "desk": DeskState(b.CYL, at_once),
        "roster": roster,
        "seed": SEED,
        "seed_position": SEED_POSITION,
        **changes,
    }
    return CalloutFacts(b.AGENCIES, **fields)


def start() -> api.StartCalloutRequest:
    """StartCallout."""
    return api.StartCalloutRequest(head=b.head(), assignment_id=b.ASSIGNMENT)


def stop(end: int = events.CALLOUT_END_STOPPED) -> api.StopCalloutRequest:
    """StopCallout."""
    return api.StopCalloutRequest(head=b.head(), assignment_id=b.ASSIGNMENT, end=end)  # type: ignore[arg-type]


def make(after_round: int = 0, ids: Sequence[str] = ()) -> api.MakeOffersRequest:
    """MakeOffers."""
    ids = ids or offer_ids(1_000 + 10 * after_round)
    return api.MakeOffersRequest(head=b.head(), assignment_id=b.ASSIGNMENT, after_round=after_round, offer_ids=ids)


def settle(offer_id: str, failure: int = 0) -> api.SettleOfferRequest:
    """SettleOffer."""
    return api.SettleOfferRequest(head=b.head(), assignment_id=b.ASSIGNMENT, offer_id=offer_id, failure=failure)  # type: ignore[arg-type]


def accept(**changes: Any) -> api.AnswerOfferRequest:
    """AnswerOffer: the adult comes."""
    return api.AnswerOfferRequest(**{"head": b.head(), "token": "t", "accept": True, "no_conflict": True, **changes})


def decline(reason: int = events.DECLINE_REASON_BUSY) -> api.AnswerOfferRequest:
    """AnswerOffer: the adult does not come."""
    return api.AnswerOfferRequest(head=b.head(), token="t", decline_reason=reason)  # type: ignore[arg-type]


def by_link(story: Story[CalloutState], offer_id: str) -> Story[CalloutState]:
    """The same as the decision on an answer knows it: by the link of an offer."""
    offer = story.state.offers[offer_id]
    return story.knowing(LinkFacts(link=Link(b.ASSIGNMENT, offer_id, offer.adult_id, offer.answer_by)))


def lapse(story: Story[CalloutState]) -> tuple[Any, Act]:
    """The scheduler's command at the end of the round's clock, and its act."""
    [clock] = [clock for clock in story.state.deadlines.values() if clock.open]
    assert clock.due_at is not None
    point = Point(clock.due_at, f"callout-{b.ASSIGNMENT}", clock.deadline_id, 0, clock.due_at)
    return schedule.command("appropriate_adult", point), replace(b.SYSTEM, recorded_at=clock.due_at, occurred_at=clock.due_at)


def started(*roster: AdultState, **changes: Any) -> Story[CalloutState]:
    """CALLING since 08:16."""
    return Story.of(callout.DECIDER, facts(*roster, **changes)).after(start(), b.at("08:16", b.DESK))


def asking(*roster: AdultState, **changes: Any) -> Story[CalloutState]:
    """The first round is made."""
    return started(*roster, **changes).after(make(), b.at("08:17", b.SYSTEM))


def answered(story: Story[CalloutState], offer_id: str, command: Any, at: str = "08:20") -> Story[CalloutState]:
    """The same after an answer; what is known is as before."""
    return by_link(story, offer_id).after(command, b.at(at, GATEWAY)).knowing(story.facts)


def lapsed(story: Story[CalloutState]) -> Story[CalloutState]:
    """The same after the round's clock lapsed."""
    return story.after(*lapse(story))


def accepted(*roster: AdultState, **changes: Any) -> Story[CalloutState]:
    """The first who was asked accepts."""
    story = asking(*roster, **changes)
    return answered(story, story.state.open_offers[0].offer_id, accept())


def confirmed(*roster: AdultState, **changes: Any) -> Story[CalloutState]:
    """The organ confirmed the adult."""
    story = accepted(*roster, **changes)
    return story.after(settle(story.state.holder), b.SYSTEM)


def running_clocks(story: Story[CalloutState]) -> int:
    """Clocks that are neither met nor waived."""
    return sum(clock.open for clock in story.state.deadlines.values())


def names(found: Sequence[Any]) -> list[str]:
    """The names of events."""
    return [event.DESCRIPTOR.name for event in found]


EXPIRED = clocks.DeadlineExpired
