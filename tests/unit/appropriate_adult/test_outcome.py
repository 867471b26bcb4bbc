"""How an assignment ends or goes on, and what becomes of a statement."""

from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.appropriate_adult import assignment
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story, act

COMPLETE = b.command(api.CompleteAssignmentRequest)
RELEASE = b.command(api.ReleaseAssignmentRequest, end=events.ASSIGNMENT_END_NEED_ENDED)
NONE_FOUND = b.command(api.RecordNoAdultFoundRequest, note="本县无在册人员")
WITNESS = {"role": events.MINOR_ROLE_WITNESS}


def hand_over(to: str = b.PROC, stage: int = referrals.CASE_STAGE_PROSECUTION_REVIEW) -> Any:
    return b.command(api.ContinueAtNextStageRequest, to_uscc=to, to_stage=stage)


def exclude(session_id: str = b.SESSION) -> Any:
    return b.in_session(api.ExcludeSessionEvidenceRequest, session_id=session_id, grounds="讯问时无合适成年人在场")


def cure() -> Any:
    return b.in_session(api.CureSessionDefectRequest, kind=events.CURE_KIND_EXPLAINED, explanation="经补充询问确认")


def test_aa_r18_the_same_adult_goes_on_at_the_next_stage() -> None:
    story = b.closed().after(hand_over(), b.at("13:00"))
    assert (story.state.organ, story.state.adult_id) == (b.PROC, b.ADULT)
    story.refuses("ORGAN_NOT_COMPETENT", COMPLETE, b.at("13:01"))
    assert story.when(COMPLETE, b.PROCURATOR)


@pytest.mark.parametrize(
    ("to", "stage"),
    [
        (b.PROC, referrals.CASE_STAGE_TRIAL),
        (b.PSB, referrals.CASE_STAGE_INVESTIGATION),
        (b.STRANGER, referrals.CASE_STAGE_TRIAL),
    ],
)
def test_hand_over_goes_to_the_organ_of_the_stage(to: str, stage: int) -> None:
    b.closed().refuses("ORGAN_NOT_COMPETENT", hand_over(to, stage), b.at("13:00"))


def test_nothing_is_handed_over_or_completed_while_a_session_is_open() -> None:
    b.started().refuses("SESSION_OPEN", hand_over(), b.at("10:30"))
    b.started().refuses("SESSION_OPEN", COMPLETE, b.at("10:30"))
    b.started().refuses("SESSION_OPEN", RELEASE, b.at("10:30"))


def test_without_a_session_an_assignment_is_released_not_completed() -> None:
    story = b.required()
    story.refuses("NO_SESSION_HELD", COMPLETE, b.POLICE)
    assert [type(event) for event in story.when(RELEASE, b.POLICE)] == [events.AssignmentReleased]


def test_a_planned_session_is_cancelled_with_the_assignment() -> None:
    found = b.notified().when(RELEASE, b.at("09:00"))
    assert [type(event) for event in found] == [events.SessionCancelled, events.AssignmentReleased]


def test_nothing_follows_the_end() -> None:
    b.closed().after(COMPLETE, b.at("13:00")).refuses("ASSIGNMENT_STATE", RELEASE, b.at("13:01"))


def test_esc_r03_where_nobody_is_found_the_organ_can_ask_again() -> None:
    story = b.requested().after(NONE_FOUND, b.DESK)
    assert story.state.status == api.ASSIGNMENT_STATUS_FAILED_NO_ADULT
    assert story.after(b.ask(provider_uscc=b.SWO), b.POLICE).state.status == api.ASSIGNMENT_STATUS_REQUESTED


def test_aa_r13_where_nobody_is_found_an_administrative_case_goes_on() -> None:
    story = b.requested(role=events.MINOR_ROLE_ADMIN_OFFENDER).after(NONE_FOUND, b.DESK)
    assert isinstance(story.when(b.start(), b.at("10:00"))[0], events.SessionStarted)


def test_aa_r11_procuratorate_or_court_exclude_a_statement() -> None:
    story = b.closed().after(exclude(), b.PROCURATOR)
    assert story.state.sessions[b.SESSION].excluded
    story.refuses("EVIDENCE_EXCLUDED", exclude(), act(b.COURT))
    b.closed().refuses("ORGAN_NOT_COMPETENT", exclude(), b.POLICE)
    b.closed().refuses("ORGAN_NOT_COMPETENT", exclude(), act(b.STRANGER))


def test_only_what_was_asked_can_be_judged() -> None:
    b.closed().refuses("SESSION_UNKNOWN", exclude(b.SECOND_SESSION), b.PROCURATOR)
    b.notified().refuses("SESSION_UNKNOWN", exclude(), b.PROCURATOR)
    unknown = Story.of(assignment.DECIDER, b.FACTS)
    unknown.refuses("ASSIGNMENT_UNKNOWN", exclude(), b.PROCURATOR)


def test_aa_r11_a_confession_without_an_adult_cannot_be_cured() -> None:
    b.closed().refuses("DEFECT_NOT_CURABLE", cure(), b.PROCURATOR)


def test_aa_r11_a_witness_statement_is_cured_once_and_only_where_it_is_defective() -> None:
    b.closed(**WITNESS).refuses("SESSION_NOT_DEFECTIVE", cure(), b.PROCURATOR)
    story = b.requested(**WITNESS).after(b.start(), b.at("10:00")).after(cure(), b.PROCURATOR)
    assert story.state.sessions[b.SESSION].cured
    story.refuses("SESSION_NOT_DEFECTIVE", cure(), b.PROCURATOR)
