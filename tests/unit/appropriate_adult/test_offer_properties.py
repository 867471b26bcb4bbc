"""Whatever is answered, lapses, fails or is repeated, in whatever order: never do two win, and nobody barred is ever asked.

The oracle keeps its own account from the events; it shares no code with the deciders.
"""

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from services.appropriate_adult.callout_state import CalloutState
from services.kernel.errors import Refusal
from tests.unit.appropriate_adult import builders as b
from tests.unit.appropriate_adult.callouts import (
    GATEWAY,
    accept,
    adult,
    an_id,
    by_link,
    decline,
    facts,
    lapse,
    make,
    offer_ids,
    on_standby,
    settle,
    start,
    started,
    stop,
)
from tests.unit.gwt import Story

ADULTS = range(1, 9)
# Of eight, the even ones may not attend: suspended, in conflict, refused by the minor, engaged.
BARRED = {an_id(2), an_id(4), an_id(6), an_id(8)}
FAILURES = [number for number in events.OfferFailure.values() if number]
ANY_OFFER = st.integers(0, 40)


def roster() -> list[Any]:
    barred = (
        adult(2, suspended=True),
        adult(4, served=frozenset({(b.CASE, b.OTHER_MINOR)})),
        adult(6),
        adult(8, languages=frozenset()),
    )
    return [adult(1), adult(3), adult(5, shifts=on_standby()), adult(7, districts=frozenset({"513402"})), *barred]


class Offers(RuleBasedStateMachine):
    """Commands in any order, and an account of who holds the offer."""

    story: Story[CalloutState]

    def __init__(self) -> None:
        super().__init__()
        self.now = b.at("08:16").recorded_at
        self.holder = ""
        self.winners = 0
        self.answered: dict[str, str] = {}
        self.asked: list[str] = []
        self.running = False

    @initialize(at_once=st.integers(1, 4))
    def begin(self, at_once: int) -> None:
        assignment = replace(b.requested().state, put_aside=frozenset({an_id(6)}))
        self.told = facts(*roster(), at_once=at_once, assignment=assignment)
        self.story = started(at_once=at_once).knowing(self.told)
        self.running = True

    def send(self, command: Any, by: Any, story: Story[CalloutState] | None = None) -> list[Any]:
        self.now += timedelta(seconds=20)
        act = replace(by, recorded_at=self.now, occurred_at=self.now)
        try:
            found = list((story or self.story).decider.decide(command, self.story.state, act, (story or self.story).facts))
        except Refusal:
            return []
        self.story = self.story.given(*found)
        for event in found:
            self.account(event)
        return found

    def account(self, event: Any) -> None:
        match event:
            case events.CalloutStarted():
                self.holder, self.running = "", True
            case events.OfferMade():
                assert event.adult_id not in BARRED
                assert not self.holder, "nobody is asked while somebody holds the offer"
                self.asked.append(event.offer_id)
            case events.OfferAccepted():
                assert not self.holder, "two won"
                assert self.answered.setdefault(event.offer_id, "accepted") == "accepted"
                self.holder, self.winners = event.offer_id, self.winners + 1
            case events.OfferDeclined() | events.OfferLapsed() | events.OfferWithdrawn():
                assert event.offer_id not in self.answered, "an offer ends once"
                self.answered[event.offer_id] = event.DESCRIPTOR.name
            case events.OfferFellThrough():
                assert event.offer_id == self.holder
                self.holder = ""
            case events.CalloutEnded():
                self.holder, self.running = "", False

    @rule()
    def the_next_round_is_made(self) -> None:
        self.send(make(self.story.state.round, ids=offer_ids(1_000 + 10 * len(self.asked))), b.SYSTEM)

    @precondition(lambda self: self.asked)
    @rule(number=ANY_OFFER, accepts=st.booleans())
    def somebody_answers(self, number: int, accepts: bool) -> None:
        offer_id = self.asked[number % len(self.asked)]
        self.send(accept() if accepts else decline(), GATEWAY, by_link(self.story, offer_id))

    @precondition(lambda self: self.asked)
    @rule()
    def all_accept_at_the_same_moment(self) -> None:
        # Each decides on the same state first; the store takes one append a version, so the others decide again.
        before, winners = self.story, self.winners
        for offer_id in self.asked:
            with contextlib.suppress(Refusal):
                before.decider.decide(accept(), before.state, b.SYSTEM, by_link(before, offer_id).facts)
            self.send(accept(), GATEWAY, by_link(self.story, offer_id))
        assert self.winners - winners <= 1

    @precondition(lambda self: any(clock.open for clock in self.story.state.deadlines.values()))
    @rule()
    def the_clock_lapses(self) -> None:
        command, by = lapse(self.story)
        self.now = max(self.now, by.recorded_at)
        self.send(command, b.SYSTEM)

    @precondition(lambda self: self.asked)
    @rule(number=ANY_OFFER, failure=st.sampled_from([0, 0, *FAILURES]))
    def the_assignment_moves(self, number: int, failure: int) -> None:
        self.send(settle(self.holder or self.asked[number % len(self.asked)], failure), b.SYSTEM)

    @rule(chance=st.integers(0, 9))
    def the_desk_stops_or_starts(self, chance: int) -> None:
        if chance == 0:
            self.send(stop(), b.DESK)
        self.send(start(), b.DESK)

    @invariant()
    def the_state_agrees_with_the_account(self) -> None:
        state = getattr(self, "story", None) and self.story.state
        if state:
            assert (state.holder if self.running else "") == self.holder
            assert sum(clock.open for clock in state.deadlines.values()) == bool(state.open_offers)


TestOffers = Offers.TestCase
TestOffers.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
