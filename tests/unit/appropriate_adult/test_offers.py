"""Offers: one link, one answer; the first acceptance wins; silence lapses."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from services.appropriate_adult.callout_state import CalloutState
from services.appropriate_adult.offers import Link, LinkFacts
from tests.unit.appropriate_adult import builders as b
from tests.unit.appropriate_adult.callouts import (
    GATEWAY,
    accept,
    accepted,
    adult,
    an_id,
    answered,
    asking,
    by_link,
    confirmed,
    decline,
    lapse,
    lapsed,
    names,
    running_clocks,
    settle,
    stop,
)
from tests.unit.gwt import Story

IN_TIME = b.at("08:20", GATEWAY)


def two() -> Story[CalloutState]:
    """Two are asked at once."""
    return asking(adult(1), adult(2), at_once=2)


def ids(story: Story[CalloutState]) -> list[str]:
    return list(story.state.offers)


def test_the_first_acceptance_wins_and_the_others_are_told() -> None:
    first, second = ids(two())
    found = by_link(two(), first).when(accept(), IN_TIME)
    assert names(found) == ["OfferAccepted", "OfferWithdrawn"]
    assert (found[1].offer_id, found[1].reason) == (second, events.OFFER_WITHDRAWAL_REASON_TAKEN)
    story = answered(two(), first, accept())
    by_link(story, second).refuses("OFFER_TAKEN", accept(), IN_TIME)
    by_link(story, second).refuses("OFFER_TAKEN", decline(), IN_TIME)
    assert running_clocks(story) == 0


def test_an_acceptance_declares_that_there_is_no_conflict() -> None:
    first, _ = ids(two())
    by_link(two(), first).finds_invalid({"no_conflict"}, accept(no_conflict=False), IN_TIME)
    conflict = accept(decline_reason=events.DECLINE_REASON_CONFLICT)
    by_link(two(), first).finds_invalid({"decline_reason"}, conflict, IN_TIME)


def test_a_refusal_has_a_reason_that_is_the_adults_own() -> None:
    first, _ = ids(two())
    by_link(two(), first).finds_invalid({"decline_reason"}, decline(0), IN_TIME)
    story = answered(two(), first, decline(events.DECLINE_REASON_CONFLICT))
    assert story.events[-1].reason == 0, "sealed under the adult's key"


def test_a_round_is_over_with_the_last_refusal() -> None:
    first, second = ids(two())
    story = answered(two(), first, decline())
    assert running_clocks(story) == 1
    assert running_clocks(answered(story, second, decline())) == 0


def test_the_same_answer_again_changes_nothing_and_another_is_refused() -> None:
    first, second = ids(two())
    declined = answered(two(), first, decline())
    assert by_link(declined, first).when(decline(), IN_TIME) == []
    by_link(declined, first).refuses("OFFER_LINK_USED", accept(), IN_TIME)
    taken = answered(two(), second, accept())
    assert by_link(taken, second).when(accept(), IN_TIME) == []
    by_link(taken, second).refuses("OFFER_LINK_USED", decline(), IN_TIME)


def test_an_acceptance_stays_answered_whatever_became_of_it() -> None:
    held = confirmed(adult(1))
    holder = held.state.holder
    failed = held.after(settle(holder, events.OFFER_FAILURE_NO_SHOW), b.SYSTEM)
    for story in (held, failed):
        assert by_link(story, holder).when(accept(), IN_TIME) == []


def test_dl_aa_offer_an_answer_counts_until_the_last_instant_and_not_at_it() -> None:
    first, _ = ids(two())
    end = two().state.offers[first].answer_by
    before = replace(GATEWAY, recorded_at=end - timedelta(microseconds=1))
    assert names(by_link(two(), first).when(accept(), before))[0] == "OfferAccepted"
    for command in (accept(), decline()):
        by_link(two(), first).refuses("OFFER_LAPSED", command, replace(GATEWAY, recorded_at=end))


def test_no_backdated_answer_counts() -> None:
    first, _ = ids(two())
    end = two().state.offers[first].answer_by
    backdated = replace(GATEWAY, recorded_at=end, occurred_at=end - timedelta(minutes=5))
    by_link(two(), first).refuses("OFFER_LAPSED", accept(), backdated)


def test_silence_lapses_every_open_offer_of_the_round_with_its_clock() -> None:
    first, second = ids(two())
    story = answered(two(), first, decline())
    found = story.when(*lapse(story))
    assert [(event.DESCRIPTOR.name, event.offer_id) for event in found] == [("OfferLapsed", second)]
    by_link(lapsed(story), second).refuses("OFFER_LAPSED", accept(), IN_TIME)
    expired, waived = story.clocks(*lapse(story))
    assert (type(expired), type(waived)) == (clocks.DeadlineExpired, clocks.DeadlineWaived)


def test_a_due_point_that_comes_too_early_or_again_says_nothing() -> None:
    command, by = lapse(two())
    assert two().when(command, replace(by, recorded_at=by.recorded_at - timedelta(seconds=1))) == []
    assert lapsed(two()).when(command, by) == []


def test_nobody_is_asked_any_more_once_the_call_out_ended() -> None:
    first, _ = ids(two())
    by_link(two().after(stop(), b.DESK), first).refuses("OFFER_WITHDRAWN", accept(), IN_TIME)


@pytest.mark.parametrize("link", [(an_id(5_000), an_id(1)), (None, an_id(3))])
def test_a_link_of_another_journal_or_adult_opens_nothing(link: tuple[Any, str]) -> None:
    first, _ = ids(two())
    offer = two().state.offers[first]
    facts = LinkFacts(link=Link(b.ASSIGNMENT, link[0] or first, link[1], offer.answer_by))
    two().knowing(facts).refuses("OFFER_UNKNOWN", accept(), IN_TIME)


def test_act_07_only_what_the_organ_confirmed_is_confirmed() -> None:
    story = accepted(adult(1))
    holder = story.state.holder
    story.refuses("ORGAN_NOT_COMPETENT", settle(holder), b.DESK)
    [event] = story.when(settle(holder), b.SYSTEM)
    assert (event.DESCRIPTOR.name, event.adult_id) == ("OfferConfirmed", an_id(1))
    assert story.after(settle(holder), b.SYSTEM).state.status == api.CALLOUT_STATUS_CONFIRMED


def test_what_is_settled_stays_settled() -> None:
    story = confirmed(adult(1))
    holder = story.state.holder
    assert story.when(settle(holder), b.SYSTEM) == []
    failed = story.after(settle(holder, events.OFFER_FAILURE_REPLACED), b.SYSTEM)
    for failure in (0, events.OFFER_FAILURE_REPLACED):
        assert failed.when(settle(holder, failure), b.SYSTEM) == []
    ended = story.after(stop(), b.DESK)
    assert ended.when(settle(holder, events.OFFER_FAILURE_NO_SHOW), b.SYSTEM) == []
