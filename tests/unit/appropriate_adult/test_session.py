"""The session until its first question: who came, what blocks, what is merely noted."""

from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.session import EVERY_LINE
from services.appropriate_adult.state import State
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story

LEGAL_REP = events.ATTENDEE_PART_LEGAL_REPRESENTATIVE
NO_ADULT = events.SESSION_CONDITION_NO_QUALIFIED_ADULT_PRESENT
NOT_INFORMED = events.SESSION_CONDITION_RIGHTS_NOT_INFORMED
NO_WOMAN = events.SESSION_CONDITION_FEMALE_STAFF_REQUIRED
NO_RECORDING = events.SESSION_CONDITION_RECORDING_REQUIRED
MEN = [events.SessionStaff(officer="police")]
WITNESS = {"role": events.MINOR_ROLE_WITNESS}
OFFENDER = {"role": events.MINOR_ROLE_ADMIN_OFFENDER}


def schedule(session_id: str = b.SECOND_SESSION, **changes: Any) -> Any:
    later = {"planned_from": b.instant("2026-03-09 15:00"), "planned_until": b.instant("2026-03-09 16:00"), **changes}
    return b.command(api.ScheduleSessionRequest, session=b.plan(session_id, **later), place="某县")


def no_show() -> Any:
    return b.in_session(api.RecordNoShowRequest)


def outcome(story: Story[State], at: str = "10:00", **changes: Any) -> tuple[type, list[int]]:
    (found,) = story.when(b.start(**changes), b.at(at))
    return type(found), list(found.unmet)


def test_a_qualified_and_informed_adult_lets_the_questions_begin() -> None:
    (found,) = b.informed().when(b.start(), b.at("10:00"))
    assert isinstance(found, events.SessionStarted)
    assert found.record_no == "00000000-001"
    assert [rule.outcome for rule in found.rules] == ["satisfied"]


def test_aa_r01_with_a_hard_guard_nobody_in_the_room_blocks() -> None:
    assert outcome(b.notified()) == (events.SessionBlocked, [NO_ADULT])
    blocked = b.notified().after(b.start(), b.at("10:00"))
    assert blocked.state.sessions[b.SESSION].record_no == ""
    assert not blocked.state.sessions[b.SESSION].defective


def test_a_blocked_start_can_be_tried_again() -> None:
    story = b.arrived().after(b.start(), b.at("09:51")).after(b.inform(), b.at("09:55"))
    assert outcome(story) == (events.SessionStarted, [])


def test_aa_r06_rights_and_duties_come_before_the_first_question() -> None:
    assert outcome(b.arrived()) == (events.SessionBlocked, [NOT_INFORMED])


def test_aa_r06_it_is_the_one_in_the_room_who_is_informed() -> None:
    story = b.informed().after(b.arrive(LEGAL_REP, b.FATHER), b.at("09:56")).after(b.leave(), b.at("09:57"))
    assert outcome(story) == (events.SessionBlocked, [NOT_INFORMED])


def test_aa_r01_the_legal_representative_is_as_good_as_an_adult() -> None:
    story = b.notified().after(b.arrive(LEGAL_REP, b.FATHER), b.at("09:56")).after(b.inform(b.FATHER), b.at("09:57"))
    assert outcome(story) == (events.SessionStarted, [])


def test_an_adult_who_was_suspended_after_confirmation_counts_no_more() -> None:
    assert outcome(b.knowing(b.informed(), suspended=True)) == (events.SessionBlocked, [NO_ADULT])


def test_aa_r09_for_a_girl_a_woman_of_the_staff_takes_part() -> None:
    assert outcome(b.informed(), staff=MEN) == (events.SessionBlocked, [NO_WOMAN])


def test_aa_r10_a_violent_crime_is_recorded() -> None:
    story = b.informed(sexual_or_violent=True)
    assert outcome(story) == (events.SessionBlocked, [NO_RECORDING])
    assert outcome(story, recording_no="录〔2026〕3号") == (events.SessionStarted, [])


def test_aa_r11_a_witness_is_heard_without_an_adult_and_the_statement_is_defective() -> None:
    story = b.requested(**WITNESS)
    assert outcome(story) == (events.SessionStarted, [NO_ADULT])
    assert story.after(b.start(), b.at("10:00")).state.sessions[b.SESSION].defective


def test_aa_r11_female_staff_and_recording_block_in_every_criminal_procedure() -> None:
    victim = {"role": events.MINOR_ROLE_VICTIM, "sexual_or_violent": True}
    assert outcome(b.requested(**victim), staff=MEN) == (
        events.SessionBlocked,
        [NO_ADULT, NO_WOMAN, NO_RECORDING],
    )


def test_aa_r13_in_an_administrative_case_everything_missing_is_noted() -> None:
    story = b.requested(**OFFENDER, sexual_or_violent=True)
    assert outcome(story, staff=MEN) == (events.SessionStarted, [NO_ADULT, NO_WOMAN, NO_RECORDING])


@pytest.mark.parametrize("frame", [frame for frame in events.SessionFrame.values() if frame > events.SESSION_FRAME_NONE])
def test_aa_r16_a_frame_has_a_beginning_that_is_past(frame: int) -> None:
    b.informed().finds_invalid({"frame_began_at"}, b.start(frame=frame), b.at("10:00"))
    after = b.start(frame=frame, frame_began_at=b.instant("2026-03-09 10:01"))
    b.informed().finds_invalid({"frame_began_at"}, after, b.at("10:00"))
    before = b.start(frame=frame, frame_began_at=b.instant("2026-03-09 08:00"))
    assert b.informed().when(before, b.at("10:00"))


def test_without_a_frame_nothing_begins() -> None:
    command = b.start(frame_began_at=b.instant("2026-03-09 08:00"))
    b.informed().finds_invalid({"frame_began_at"}, command, b.at("10:00"))


def test_what_happened_in_a_session_is_recorded_in_its_order() -> None:
    b.informed().finds_invalid({"head.occurred_at"}, b.start(), b.at("09:54"))


def test_a_session_starts_once_and_only_if_it_is_there() -> None:
    b.started().refuses("SESSION_STATE", b.start(), b.at("10:01"))
    b.informed().refuses("SESSION_UNKNOWN", b.start(session_id=b.SECOND_SESSION), b.at("10:00"))


def test_act_07_only_the_confirmed_adult_attends_as_such_and_shows_identity() -> None:
    b.consulted().refuses("ADULT_NOT_CONFIRMED", b.arrive(), b.at("09:50"))
    b.notified().refuses("ADULT_NOT_CONFIRMED", b.arrive(attendee_id=b.SECOND_ADULT), b.at("09:50"))
    b.notified().refuses("IDENTITY_NOT_CHECKED", b.arrive(identity_checked=False), b.at("09:50"))
    b.arrived().refuses("ATTENDEE_PRESENT", b.arrive(), b.at("09:51"))


@pytest.mark.parametrize(("at", "late"), [("10:00", False), ("10:01", True)])
def test_a_late_arrival_is_a_fact(at: str, late: bool) -> None:
    assert b.notified().when(b.arrive(), b.at(at))[0].late is late


def test_a_defender_in_the_room_qualifies_nobody() -> None:
    story = b.notified().after(b.arrive(events.ATTENDEE_PART_DEFENDER, b.DEFENDER), b.at("09:50"))
    assert story.state.sessions[b.SESSION].status == api.SESSION_STATUS_SCHEDULED
    story.refuses("ATTENDEE_ABSENT", b.inform(b.DEFENDER), b.at("09:55"))


def test_aa_r21_an_excluded_legal_representative_does_not_attend() -> None:
    story = b.notified().after(b.rep_outcome(events.LEGAL_REP_OUTCOME_HARMFUL), b.at("09:00"))
    story.refuses("LEGAL_REP_EXCLUDED", b.arrive(LEGAL_REP, b.FATHER), b.at("09:50"))


def test_f4_is_told_line_by_line_and_signed() -> None:
    b.arrived().finds_invalid({"told"}, b.inform(told=sorted(EVERY_LINE)[1:]), b.at("09:55"))
    b.arrived().refuses("FORM_NOT_SIGNED", b.inform(signed=False), b.at("09:55"))
    b.notified().refuses("ATTENDEE_ABSENT", b.inform(), b.at("09:55"))
    b.arrived().after(b.leave(), b.at("09:52")).refuses("ATTENDEE_ABSENT", b.inform(), b.at("09:55"))


def test_who_is_informed_later_is_informed_all_the_same() -> None:
    story = b.started().after(b.arrive(LEGAL_REP, b.FATHER), b.at("10:10")).after(b.inform(b.FATHER), b.at("10:11"))
    assert story.state.sessions[b.SESSION].status == api.SESSION_STATUS_IN_SESSION


def test_a_no_show_sends_the_search_on() -> None:
    story = b.notified().after(no_show(), b.at("10:15"))
    assert story.state.status == api.ASSIGNMENT_STATUS_REQUESTED
    assert story.state.sessions[b.SESSION].status == api.SESSION_STATUS_SCHEDULED
    assert story.when(b.propose(b.SECOND_CANDIDATE, b.SECOND_ADULT, standby=True), b.DESK)


def test_nobody_is_missed_who_came_who_is_not_due_or_who_was_not_confirmed() -> None:
    b.arrived().refuses("ATTENDEE_PRESENT", no_show(), b.at("10:15"))
    b.notified().finds_invalid({"head.occurred_at"}, no_show(), b.at("09:59"))
    b.consulted().refuses("ADULT_NOT_CONFIRMED", no_show(), b.at("10:15"))


def test_aa_r18_a_further_session_asks_for_the_same_adult() -> None:
    (found,) = b.closed().when(schedule(), b.at("13:00"))
    assert (found.adult_id, found.engagement_id) == (b.ADULT, b.SECOND_SESSION)
    story = b.closed().given(found)
    reserved = story.when(b.reservation(b.SECOND_SESSION), b.SYSTEM)
    assert [type(event) for event in reserved] == [events.SessionReserved]
    taken = story.when(b.reservation(b.SECOND_SESSION, reserved=False), b.SYSTEM)
    assert [type(event) for event in taken] == [events.SessionAdultUnavailable]
    assert story.given(*reserved, *taken).state.adult_id == b.ADULT


def test_a_further_session_of_the_past_is_not_reserved_any_more() -> None:
    cancel = b.command(api.CancelSessionRequest, session_id=b.SECOND_SESSION)
    story = b.closed().after(schedule(), b.at("13:00")).after(cancel, b.at("13:01"))
    assert story.when(b.reservation(b.SECOND_SESSION), b.SYSTEM) == []


def test_aa_r11_with_a_hard_guard_no_session_is_planned_that_nobody_attends() -> None:
    cancelled = b.requested().after(b.in_session(api.CancelSessionRequest), b.at("08:16"))
    cancelled.refuses("ASSIGNMENT_STATE", schedule(), b.at("08:17"))
    cancelled = b.requested(**OFFENDER).after(b.in_session(api.CancelSessionRequest), b.at("08:16"))
    assert cancelled.when(schedule(), b.at("08:17"))[0].engagement_id == ""


def test_a_session_is_planned_once_and_one_at_a_time() -> None:
    b.closed().refuses("SESSION_EXISTS", schedule(b.SESSION), b.at("13:00"))
    b.notified().refuses("SESSION_OPEN", schedule(), b.at("09:00"))
    scheduled = b.requested(**OFFENDER).after(b.in_session(api.CancelSessionRequest), b.at("08:16"))
    assert scheduled.after(schedule(), b.at("08:17")).state.open_session is not None


def test_what_was_asked_stays_on_record() -> None:
    b.started().refuses("SESSION_STATE", b.in_session(api.CancelSessionRequest), b.at("10:01"))
