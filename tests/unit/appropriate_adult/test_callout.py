"""The call-out: started, round after round, from the best to those on standby, from the county to the province."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as assignment_api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from services.appropriate_adult import callout, callout_state
from services.appropriate_adult.callout_state import CalloutState
from services.appropriate_adult.desk import DeskState
from services.kernel.dates import to_datetime
from tests.unit.appropriate_adult import builders as b
from tests.unit.appropriate_adult.callouts import (
    SEED,
    SEED_POSITION,
    accept,
    accepted,
    adult,
    an_id,
    answered,
    asking,
    confirmed,
    decline,
    facts,
    lapsed,
    make,
    names,
    offer_ids,
    on_standby,
    running_clocks,
    settle,
    start,
    started,
    stop,
)
from tests.unit.gwt import Story

FOR_DESK = replace(b.SYSTEM, on_behalf_of=b.CYL)
OVERTAKEN, SESSION_OVER = events.CALLOUT_END_OVERTAKEN, events.CALLOUT_END_SESSION_OVER
PREFECTURE, PROVINCE = events.CALLOUT_LEVEL_PREFECTURE, events.CALLOUT_LEVEL_PROVINCE


def unstarted(**changes: Any) -> Story[CalloutState]:
    return Story.of(callout.DECIDER, facts(**changes))


def later(minutes: int) -> Any:
    """The system's act so many minutes after the call-out started."""
    began = b.at("08:16", b.SYSTEM).recorded_at
    return replace(b.SYSTEM, recorded_at=began + timedelta(minutes=minutes))


def all_decline(story: Story[CalloutState]) -> Story[CalloutState]:
    for offer in story.state.open_offers:
        story = answered(story, offer.offer_id, decline())
    return story


def test_organ_and_desk_start_a_call_out_for_the_request_at_hand() -> None:
    for by in (b.POLICE, b.DESK, FOR_DESK):
        [event] = unstarted(at_once=3).when(start(), by)
        assert (event.provider_uscc, event.organ_uscc, event.at_once, event.request) == (b.CYL, b.PSB, 3, 1)
        assert (event.session_id, event.division_code) == (b.SESSION, b.COUNTY)


def test_nobody_else_starts_one_and_nothing_is_called_out_for_without_a_request() -> None:
    unstarted().refuses("ORGAN_NOT_COMPETENT", start(), b.HOME)
    unstarted(story=b.required()).refuses("ASSIGNMENT_STATE", start(), b.DESK)
    without = replace(b.requested().state, sessions={})
    unstarted(assignment=without).refuses("SESSION_UNKNOWN", start(), b.DESK)


def test_a_call_out_runs_once_at_a_time() -> None:
    started().refuses("CALLOUT_RUNS", start(), b.DESK)
    assert started().when(start(), FOR_DESK) == []


def test_the_system_starts_none_where_the_request_was_met_otherwise() -> None:
    assert unstarted(story=b.proposed()).when(start(), FOR_DESK) == []


def test_the_first_round_records_the_draw_and_asks_the_best() -> None:
    story = started(adult(1), adult(2), adult(3, languages=frozenset()), at_once=1)
    matched, made = story.when(make(), b.at("08:17", b.SYSTEM))
    assert (matched.round, matched.rule_version) == (1, "guanhu-match/1")
    assert (matched.seed, matched.seed_position) == (SEED, SEED_POSITION)
    assert (matched.level, matched.phase) == (events.CALLOUT_LEVEL_COUNTY, events.CALLOUT_PHASE_BEST)
    assert to_datetime(matched.begins_at) == to_datetime(b.instant("2026-03-09 09:00"))
    assert [item.adult_id for item in matched.excluded] == [an_id(3)]
    assert (made.adult_id, made.offer_id, made.equals, made.standby) == (matched.candidates[0].adult_id, an_id(1_000), 2, False)
    assert to_datetime(made.answer_by) == b.at("08:27").recorded_at, "ten minutes, the default of DL-AA-OFFER"


def test_as_many_are_asked_at_once_as_the_desk_has_set_and_ids_were_given() -> None:
    story = started(*(adult(number) for number in range(1, 6)), at_once=3)
    assert len(asking(*(adult(number) for number in range(1, 6)), at_once=3).state.open_offers) == 3
    few = make(ids=offer_ids(count=2))
    assert names(story.when(few, b.at("08:17", b.SYSTEM))).count("OfferMade") == 2


def test_dl_aa_offer_is_the_desks_own_where_it_has_set_one() -> None:
    story = started(adult(1), desk=DeskState(b.CYL, 1, answer_seconds=90))
    [clock] = story.clocks(make(), b.at("08:17", b.SYSTEM))
    assert to_datetime(clock.due.due_at) == b.at("08:18").recorded_at + timedelta(seconds=30)
    assert (clock.owner_uscc, list(clock.informed_usccs), clock.basis.setting_uscc) == (b.CYL, [b.PSB], b.CYL)


def test_an_offer_that_was_late_to_be_made_runs_from_when_it_is_recorded() -> None:
    late = replace(b.SYSTEM, occurred_at=b.at("08:17").occurred_at, recorded_at=b.at("08:40").recorded_at)
    made = started(adult(1, shifts=on_standby())).when(make(), late)[1]
    assert to_datetime(made.answer_by) == b.at("08:50").recorded_at


def test_only_the_system_makes_offers() -> None:
    started(adult(1)).refuses("ORGAN_NOT_COMPETENT", make(), b.DESK)


@pytest.mark.parametrize("after_round", [0, 2])
def test_a_round_is_made_once_and_in_its_turn(after_round: int) -> None:
    assert asking(adult(1), adult(2)).when(make(after_round), b.SYSTEM) == []


def test_no_round_is_made_while_an_answer_is_open_or_the_session_is_over() -> None:
    assert asking(adult(1), adult(2)).when(make(1), b.SYSTEM) == []
    over = b.requested().after(b.command(assignment_api.CancelSessionRequest, session_id=b.SESSION), b.POLICE)
    assert started().knowing(facts(adult(1), story=over)).when(make(), b.SYSTEM) == []
    elsewhere = replace(b.requested().state, sessions={})
    assert started().knowing(facts(adult(1), assignment=elsewhere)).when(make(), b.SYSTEM) == []


def test_refusal_and_silence_move_on_to_the_next_and_nobody_is_asked_twice() -> None:
    story = all_decline(asking(adult(1), adult(2)))
    story = lapsed(story.after(make(1), b.at("08:21", b.SYSTEM)))
    offers = list(story.state.offers.values())
    assert {offer.adult_id for offer in offers} == {an_id(1), an_id(2)}
    assert [offer.status for offer in offers] == [api.OFFER_STATUS_DECLINED, api.OFFER_STATUS_LAPSED]
    matched, raised = story.when(make(2), b.at("08:32", b.SYSTEM))
    assert (raised.to_level, raised.declined, raised.silent) == (PREFECTURE, 1, 1)
    assert [(item.obstacle, item.adults) for item in raised.lacking] == [(events.OBSTACLE_ASKED, 2)]


def test_the_seed_of_the_first_round_is_that_of_all() -> None:
    story = all_decline(asking(adult(1), adult(2))).knowing(facts(adult(1), adult(2), seed=b"x" * 32, seed_position=99))
    matched = story.when(make(1), b.at("08:21", b.SYSTEM))[0]
    assert (matched.seed, matched.seed_position) == (SEED, SEED_POSITION)


def test_the_best_come_first_and_then_those_on_standby() -> None:
    story = asking(adult(1), adult(2, shifts=on_standby()))
    assert not story.state.open_offers[0].standby
    story = all_decline(story).after(make(1), b.at("08:21", b.SYSTEM))
    assert story.state.open_offers[0].standby


def test_dl_aa_desk_after_half_an_hour_standby_is_called_though_others_are_left() -> None:
    story = started(adult(1), adult(2, shifts=on_standby()))
    assert story.when(make(), later(29))[0].phase == events.CALLOUT_PHASE_BEST
    assert story.when(make(), later(30))[0].phase == events.CALLOUT_PHASE_STANDBY


def test_esc_r04_after_an_hour_the_county_s_search_is_over() -> None:
    story = started(adult(1), adult(2, shifts=on_standby()))
    assert names(story.when(make(), later(60))) == ["CandidatesMatched", "EscalationRaised"]


def test_esc_r03_nobody_in_the_county_asks_the_prefecture_then_the_province_then_ends() -> None:
    far = adult(1, districts=frozenset({"513402"}))
    story = asking(far)
    assert (story.state.level, story.state.round) == (PREFECTURE, 1)
    story = all_decline(story.after(make(1), b.at("08:18", b.SYSTEM)))
    _, forwarded = story.when(make(2), b.at("08:21", b.SYSTEM))
    assert isinstance(forwarded, events.EscalationForwarded)
    assert (forwarded.to_level, forwarded.declined, forwarded.gap) == (PROVINCE, 1, events.CAPACITY_GAP_NO_AA)
    story = story.after(make(2), b.at("08:21", b.SYSTEM))
    matched, ended = story.when(make(3), b.at("08:22", b.SYSTEM))
    assert (ended.end, ended.declined, matched.phase) == (events.CALLOUT_END_NOBODY_FOUND, 1, 0)
    assert story.after(make(3), b.SYSTEM).state.status == api.CALLOUT_STATUS_ENDED


def test_lists_are_cut_and_everybody_is_counted() -> None:
    roster = [adult(number) for number in range(1, 251)] + [adult(number, languages=frozenset()) for number in range(301, 551)]
    matched = started(*roster).when(make(), b.at("08:17", b.SYSTEM))[0]
    assert (len(matched.candidates), len(matched.excluded)) == (200, 200)
    assert [item.adults for item in matched.shortfalls] == [250]


def test_whoever_accepted_and_falls_through_is_followed_by_the_next() -> None:
    story = accepted(adult(1), adult(2))
    holder = story.state.holder
    story = story.after(settle(holder, events.OFFER_FAILURE_CALENDAR), b.at("08:22", b.SYSTEM))
    assert story.state.status == api.CALLOUT_STATUS_CALLING
    story = story.after(make(1), b.at("08:23", b.SYSTEM))
    assert story.state.open_offers[0].adult_id != story.state.offers[holder].adult_id


def test_after_a_no_show_those_on_standby_are_asked_first_and_then_the_others() -> None:
    story = confirmed(adult(1), adult(2), adult(3, shifts=on_standby()))
    story = story.after(settle(story.state.holder, events.OFFER_FAILURE_NO_SHOW), b.at("10:15", b.SYSTEM))
    story = story.after(make(1), b.at("10:15", b.SYSTEM))
    assert story.state.open_offers[0].adult_id == an_id(3)
    story = all_decline_at(story, "10:16").after(make(2), b.at("10:17", b.SYSTEM))
    assert story.state.open_offers[0].adult_id in {an_id(1), an_id(2)}


def all_decline_at(story: Story[CalloutState], at: str) -> Story[CalloutState]:
    for offer in story.state.open_offers:
        story = answered(story, offer.offer_id, decline(), at)
    return story


def test_organ_and_desk_stop_a_call_out_and_open_offers_are_taken_back() -> None:
    story = asking(adult(1), adult(2), at_once=2)
    for by in (b.POLICE, b.DESK):
        found = story.when(stop(), by)
        assert names(found) == ["OfferWithdrawn", "OfferWithdrawn", "CalloutEnded"]
        assert {event.reason for event in found[:2]} == {events.OFFER_WITHDRAWAL_REASON_CALLOUT_ENDED}
    assert running_clocks(story.after(stop(), b.DESK)) == 0


def test_what_does_not_run_is_not_stopped_and_nobody_else_stops_it() -> None:
    unstarted().refuses("CALLOUT_NOT_RUNNING", stop(), b.DESK)
    started().refuses("ORGAN_NOT_COMPETENT", stop(), b.HOME)
    started().finds_invalid({"end"}, stop(SESSION_OVER), b.DESK)


@pytest.mark.parametrize(
    ("end", "story"),
    [
        (OVERTAKEN, b.proposed),
        (OVERTAKEN, lambda: b.requested().after(b.ask(), b.POLICE)),
        (SESSION_OVER, lambda: b.requested().after(b.command(assignment_api.RecordNoAdultFoundRequest), b.POLICE)),
        (
            SESSION_OVER,
            lambda: b.requested().after(
                b.command(assignment_api.ReleaseAssignmentRequest, end=assignments.ASSIGNMENT_END_NEED_ENDED), b.POLICE
            ),
        ),
    ],
)
def test_the_system_ends_a_call_out_that_was_overtaken_or_whose_session_is_over(end: int, story: Any) -> None:
    running = started().knowing(facts(story=story()))
    assert [event.end for event in running.when(stop(end), b.SYSTEM)] == [end]
    assert started().when(stop(end), b.SYSTEM) == [], "what it has seen does not hold any more"


def test_a_session_that_is_gone_or_over_ends_the_call_out() -> None:
    gone = replace(b.requested().state, sessions={})
    cancelled = b.requested().after(b.command(assignment_api.CancelSessionRequest, session_id=b.SESSION), b.POLICE).state
    for assignment in (gone, cancelled):
        running = started().knowing(facts(assignment=assignment))
        assert [event.end for event in running.when(stop(SESSION_OVER), b.SYSTEM)] == [SESSION_OVER]


def test_an_adult_of_ours_does_not_overtake_the_call_out() -> None:
    story = accepted(adult(1))
    assignment = b.requested().after(b.propose(story.state.holder, an_id(1)), b.DESK)
    assert story.knowing(facts(story=assignment)).when(stop(OVERTAKEN), b.SYSTEM) == []


@pytest.mark.parametrize("end", [events.CALLOUT_END_STOPPED, events.CALLOUT_END_NOBODY_FOUND])
def test_the_system_never_stops_by_hand(end: int) -> None:
    assert started().when(stop(end), b.SYSTEM) == []


def test_a_new_call_out_begins_anew_and_whoever_declined_stays_unasked() -> None:
    story = all_decline(asking(adult(1), adult(2)))
    first = next(iter(story.state.offers.values())).adult_id
    story = story.after(stop(), b.DESK).after(start(), b.at("09:00", b.DESK))
    assert (story.state.number, story.state.round, story.state.seed, story.state.current) == (2, 0, b"", [])
    story = story.after(make(ids=offer_ids(2_000)), b.at("09:01", b.SYSTEM))
    assert story.state.open_offers[0].adult_id != first


def test_somebody_who_was_only_too_late_may_be_asked_again() -> None:
    story = asking(adult(1), adult(2), at_once=2)
    first, second = story.state.open_offers
    story = answered(story, first.offer_id, accept())
    story = story.after(settle(first.offer_id, events.OFFER_FAILURE_CONFLICT), b.at("08:25", b.SYSTEM))
    story = story.after(make(1), b.at("08:26", b.SYSTEM))
    assert [offer.adult_id for offer in story.state.open_offers] == [second.adult_id]


def test_nobody_else_moves_the_clocks_of_a_call_out() -> None:
    story = asking(adult(1))
    stream = f"callout-{b.ASSIGNMENT}"
    meet = clock_api.MeetDeadlineRequest(head=b.head(), service="appropriate_adult", stream=stream, deadline_id="DL-AA-OFFER")
    story.refuses("DEADLINE_SET_BY_EVENTS", meet, b.DESK)


def test_an_event_of_another_stream_is_refused() -> None:
    with pytest.raises(TypeError):
        callout_state.evolve(CalloutState(), adults.AdultReinstated())


def test_clocks_follow_one_another_and_only_one_runs() -> None:
    story = lapsed(asking(adult(1), adult(2), adult(3))).after(make(1), b.at("08:28", b.SYSTEM))
    assert set(story.state.deadlines) == {"DL-AA-OFFER", "DL-AA-OFFER#2"}
    assert running_clocks(story) == 1
    assert clocks.DeadlineExpired in {type(event) for event in story.events}
