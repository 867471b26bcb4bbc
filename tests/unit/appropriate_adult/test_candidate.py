"""The candidate from proposal to confirmation, refused, withdrawn or replaced."""

from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.rules import AssignmentFacts
from services.kernel.dates import to_datetime
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import act

CONFIRM = b.command(api.ConfirmAdultRequest)


def replace_adult(reason: int = events.REPLACEMENT_REASON_ILLNESS) -> Any:
    return b.command(api.ReplaceAdultRequest, reason=reason)


def refusal(**changes: Any) -> Any:
    return b.consult(accepts=False, **{"reason": "认识其家人", "refusal_allowed": True, **changes})


def withdrawal(refused: int = events.CANDIDATE_REFUSAL_WITHDREW) -> Any:
    return b.command(api.WithdrawCandidateRequest, refusal=refused)


def test_an_engagement_covers_the_session_with_the_way_there_and_back() -> None:
    found = b.requested().when(b.propose(), b.DESK)
    assert (to_datetime(found[0].begins_at).hour, to_datetime(found[0].ends_at).hour) == (1, 5)


def test_the_way_can_be_said_in_the_plan() -> None:
    story = b.required().after(b.ask(session=b.plan(travel_minutes=150)), b.at("08:15"))
    assert to_datetime(story.when(b.propose(), b.DESK)[0].begins_at).minute == 30


def test_a_standby_is_called_by_name() -> None:
    found = b.requested().when(b.propose(standby=True), b.DESK)
    assert [type(event) for event in found] == [events.StandbyActivated, events.CandidateProposed]
    assert b.requested().given(*found).state.status == api.ASSIGNMENT_STATUS_PROPOSED


def test_only_organ_and_desk_propose() -> None:
    b.requested().refuses("ORGAN_NOT_COMPETENT", b.propose(), b.HOME)


def test_an_unknown_adult_is_not_proposed() -> None:
    story = b.requested().knowing(AssignmentFacts(b.AGENCIES, adult=AdultState()))
    story.refuses("ADULT_UNKNOWN", b.propose(), b.DESK)


def test_a_relative_is_proposed_in_the_organs_own_case_only() -> None:
    named = b.unregistered().after(api.RegisterAdultRequest(head=b.head(), entry=b.relative()), b.POLICE).state
    story = b.requested().knowing(AssignmentFacts(b.AGENCIES, adult=named))
    assert story.when(b.propose(adult_id=b.RELATIVE), b.POLICE)
    of_others = b.unregistered().after(
        api.RegisterAdultRequest(head=b.head(), entry=b.relative(home_uscc=b.COURT)), act(b.COURT)
    )
    story = story.knowing(AssignmentFacts(b.AGENCIES, adult=of_others.state))
    story.refuses("ADULT_UNKNOWN", b.propose(adult_id=b.RELATIVE), b.POLICE)


def test_aa_r17_who_is_suspended_or_untrained_is_not_proposed() -> None:
    b.knowing(b.requested(), suspended=True).refuses("ADULT_NOT_QUALIFIED", b.propose(), b.DESK)
    b.knowing(b.requested(), trainings={}).refuses("ADULT_NOT_QUALIFIED", b.propose(), b.DESK)


def test_a_proposal_id_is_used_once() -> None:
    story = b.proposed().after(withdrawal(), b.DESK)
    story.refuses("CANDIDATE_EXISTS", b.propose(), b.DESK)
    assert story.when(b.propose(b.SECOND_CANDIDATE), b.DESK)


def test_after_the_session_was_cancelled_a_plan_comes_first() -> None:
    cancel = b.in_session(api.CancelSessionRequest)
    b.requested().after(cancel, b.POLICE).refuses("SESSION_UNKNOWN", b.propose(), b.DESK)


def test_the_calendars_answer_is_recorded_once() -> None:
    story = b.requested().after(b.propose(), b.DESK)
    assert story.after(b.reservation(), b.SYSTEM).when(b.reservation(), b.SYSTEM) == []
    story.refuses("ORGAN_NOT_COMPETENT", b.reservation(), b.DESK)
    story.refuses("ENGAGEMENT_UNKNOWN", b.reservation(b.SECOND_CANDIDATE), b.SYSTEM)


def test_a_calendar_that_refuses_sends_the_search_on() -> None:
    story = b.requested().after(b.propose(), b.DESK).after(b.reservation(reserved=False), b.SYSTEM)
    assert story.state.status == api.ASSIGNMENT_STATUS_REQUESTED
    assert story.when(b.propose(b.SECOND_CANDIDATE), b.DESK)


def test_an_answer_to_what_is_no_longer_asked_changes_nothing() -> None:
    story = b.requested().after(b.propose(), b.DESK).after(withdrawal(), b.DESK)
    assert story.when(b.reservation(), b.SYSTEM) == []
    other = story.after(b.propose(b.SECOND_CANDIDATE, b.SECOND_ADULT), b.DESK)
    assert other.when(b.reservation(), b.SYSTEM) == []


def test_a_candidate_can_withdraw_before_confirmation() -> None:
    assert b.checked().after(withdrawal(), b.DESK).state.candidate is None
    b.checked().finds_invalid({"refusal"}, withdrawal(events.CANDIDATE_REFUSAL_MINOR_REFUSED), b.DESK)
    b.confirmed().refuses("ASSIGNMENT_STATE", withdrawal(), b.DESK)


def test_aa_r07_a_refusal_with_good_reason_brings_another_adult() -> None:
    found = b.checked().when(refusal(), b.at("08:40"))
    assert [type(event) for event in found] == [events.MinorConsulted, events.CandidateRejected]
    story = b.checked().given(*found)
    assert (story.state.status, story.state.refusals) == (api.ASSIGNMENT_STATUS_REQUESTED, 1)
    story.refuses("CANDIDATE_PUT_ASIDE", b.propose(b.SECOND_CANDIDATE), b.DESK)


def test_aa_r08_refusals_are_counted_without_limit() -> None:
    story = b.checked()
    for number in range(1, 6):
        found = story.when(refusal(), b.at("08:40"))
        assert found[1].refusals == number
        adult_id = f"00000000-0000-0000-0000-{number:012d}"
        candidate_id = f"00000000-0000-0000-0001-{number:012d}"
        story = b.knowing(story.given(*found), adult_id=adult_id)
        story = story.after(b.propose(candidate_id, adult_id), b.DESK).after(b.check(), b.at("08:40"))


def test_aa_r07_a_refusal_without_good_reason_is_recorded_and_the_candidate_stays() -> None:
    story = b.checked().after(refusal(refusal_allowed=False), b.at("08:40"))
    assert story.state.status == api.ASSIGNMENT_STATUS_CONSULTED


def test_a_refusal_has_a_reason_and_an_acceptance_has_none_to_allow() -> None:
    b.checked().finds_invalid({"reason"}, b.consult(accepts=False), b.at("08:40"))
    b.checked().finds_invalid({"refusal_allowed"}, b.consult(refusal_allowed=True), b.at("08:40"))


def test_act_07_only_the_organ_confirms() -> None:
    b.consulted().refuses("ORGAN_NOT_COMPETENT", CONFIRM, b.DESK)


def test_nobody_is_confirmed_before_the_calendar_holds_the_time() -> None:
    story = b.requested().after(b.propose(), b.DESK).after(b.check(), b.POLICE).after(b.consult(), b.POLICE)
    story.refuses("CANDIDATE_NOT_RESERVED", CONFIRM, b.POLICE)


def test_nobody_is_confirmed_on_a_stale_check_or_after_a_suspension() -> None:
    party = b.command(api.AddPartyRequest, kind=events.PARTY_KIND_WITNESS)
    b.consulted().after(party, b.POLICE).refuses("CONFLICT_CHECK_STALE", CONFIRM, b.POLICE)
    b.knowing(b.consulted(), suspended=True).refuses("ADULT_NOT_QUALIFIED", CONFIRM, b.POLICE)


@pytest.mark.parametrize(("rural", "at", "hour"), [(False, "08:45", 2), (False, "09:30", 3), (True, "09:30", 5)])
def test_dl_aa_onsite_the_adult_is_expected_in_time(rural: bool, at: str, hour: int) -> None:
    found = b.consulted().when(b.command(api.ConfirmAdultRequest, rural=rural), b.at(at))
    assert to_datetime(found[0].on_site_by).hour == hour


def test_a_notice_names_this_organ_minor_and_adult() -> None:
    wrong = b.notice(organ_uscc=b.PROC, subject_id=b.OTHER_MINOR)
    wrong.notice.adult.adult_id = b.SECOND_ADULT
    named = {"notice.organ_uscc", "notice.subject_id", "notice.adult.adult_id"}
    b.confirmed().finds_invalid(named, wrong, b.POLICE)
    found = b.confirmed().when(b.notice(), b.at("08:50"))
    assert found[0].notice.issued_at == b.instant("2026-03-09 08:50")


@pytest.mark.parametrize(
    ("reason", "again"),
    [
        (events.REPLACEMENT_REASON_ILLNESS, True),
        (events.REPLACEMENT_REASON_UNAVAILABLE, True),
        (events.REPLACEMENT_REASON_MINORS_REQUEST, False),
        (events.REPLACEMENT_REASON_CONFLICT, False),
        (events.REPLACEMENT_REASON_MISCONDUCT, False),
    ],
)
def test_a_replaced_adult_may_come_again_only_where_nothing_speaks_against_it(reason: int, again: bool) -> None:
    story = b.notified().after(replace_adult(reason), b.at("09:00"))
    assert (story.state.status, story.state.replacements) == (api.ASSIGNMENT_STATUS_REQUESTED, 1)
    if again:
        assert story.when(b.propose(b.SECOND_CANDIDATE), b.DESK)
    else:
        story.refuses("CANDIDATE_PUT_ASIDE", b.propose(b.SECOND_CANDIDATE), b.DESK)


def test_questions_pause_when_the_adult_is_replaced() -> None:
    found = b.started().when(replace_adult(), b.at("10:30"))
    assert [type(event) for event in found] == [events.AppropriateAdultReplaced, events.SessionPaused]
    story = b.started().given(*found)
    story.refuses("NO_QUALIFIED_ADULT_PRESENT", b.in_session(api.ResumeSessionRequest), b.at("10:31"))
