"""In the room: presence minute by minute, objections, breaks, and what ran while nobody was there."""

from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.kernel.dates import to_datetime
from tests.unit.appropriate_adult import builders as b

LEGAL_REP = events.ATTENDEE_PART_LEGAL_REPRESENTATIVE
RESUME = b.in_session(api.ResumeSessionRequest)
WITNESS = {"role": events.MINOR_ROLE_WITNESS}


def pause(reason: int = events.PAUSE_REASON_MEAL) -> Any:
    return b.in_session(api.PauseSessionRequest, reason=reason)


def kinds(found: Any) -> list[type]:
    return [type(event) for event in found]


def test_questions_pause_by_themselves_while_nobody_qualified_is_in_the_room() -> None:
    found = b.started().when(b.leave(), b.at("10:20"))
    assert kinds(found) == [events.AttendeeLeft, events.SessionPaused]
    assert found[1].reason == events.PAUSE_REASON_NOBODY_QUALIFIED


def test_questions_go_on_while_somebody_else_qualified_is_there() -> None:
    story = b.started().after(b.arrive(LEGAL_REP, b.FATHER), b.at("10:10"))
    assert kinds(story.when(b.leave(), b.at("10:20"))) == [events.AttendeeLeft]


def test_a_defender_who_leaves_stops_nothing() -> None:
    story = b.started().after(b.arrive(events.ATTENDEE_PART_DEFENDER, b.DEFENDER), b.at("10:10"))
    assert kinds(story.when(b.leave(b.DEFENDER), b.at("10:20"))) == [events.AttendeeLeft]


def test_without_anybody_from_the_beginning_nothing_pauses_by_itself() -> None:
    story = b.requested(**WITNESS).after(b.arrive(events.ATTENDEE_PART_DEFENDER, b.DEFENDER), b.at("09:50"))
    story = story.after(b.start(), b.at("10:00"))
    assert kinds(story.when(b.leave(b.DEFENDER), b.at("10:20"))) == [events.AttendeeLeft]


def test_leaving_before_the_first_question_pauses_nothing() -> None:
    assert kinds(b.informed().when(b.leave(), b.at("09:56"))) == [events.AttendeeLeft]


def test_aa_r11_with_a_hard_guard_questions_go_on_only_when_the_adult_is_back() -> None:
    story = b.started().after(b.leave(), b.at("10:20"))
    story.refuses("NO_QUALIFIED_ADULT_PRESENT", RESUME, b.at("10:25"))
    story = story.after(b.come_back(), b.at("10:30")).after(RESUME, b.at("10:31"))
    assert story.state.sessions[b.SESSION].status == api.SESSION_STATUS_IN_SESSION


def test_aa_r11_somebody_who_was_not_informed_does_not_let_questions_go_on() -> None:
    story = b.started().after(b.leave(), b.at("10:20")).after(b.arrive(LEGAL_REP, b.FATHER), b.at("10:25"))
    story.refuses("RIGHTS_NOT_INFORMED", RESUME, b.at("10:26"))


def test_aa_r11_with_a_softer_guard_questions_go_on_and_the_gap_is_flagged() -> None:
    story = b.started(**WITNESS).after(b.leave(), b.at("10:20")).after(RESUME, b.at("10:25"))
    assert story.state.sessions[b.SESSION].unmet == {events.SESSION_CONDITION_NO_QUALIFIED_ADULT_PRESENT}
    found = story.when(b.end(), b.at("11:00"))
    assert kinds(found) == [events.SessionEnded, events.StageRanWithoutAdult]
    assert (found[0].questioned_minutes, found[0].attended_minutes) == (55, 20)
    assert (found[1].begins_at, found[1].ends_at) == (b.instant("2026-03-09 10:25"), b.instant("2026-03-09 11:00"))
    assert story.given(*found).state.sessions[b.SESSION].defective


def test_a_departure_that_is_recorded_late_shows_the_minutes_that_ran_without_anybody() -> None:
    story = b.started().after(b.object_to(), b.at("10:30"))
    found = story.when(b.leave(), b.at("10:10"))
    assert to_datetime(found[1].at).minute == 30
    ended = story.given(*found).when(b.end(), b.at("10:40"))
    assert kinds(ended) == [events.SessionEnded, events.StageRanWithoutAdult]
    assert (ended[0].questioned_minutes, ended[0].attended_minutes) == (30, 10)
    assert (to_datetime(ended[1].begins_at).minute, to_datetime(ended[1].ends_at).minute) == (10, 30)


def test_attended_questions_are_flagged_by_nothing() -> None:
    found = b.started().when(b.end(), b.at("11:00"))
    assert kinds(found) == [events.SessionEnded]
    assert (found[0].questioned_minutes, found[0].attended_minutes) == (60, 60)


def test_aa_r16_breaks_are_taken_off_and_paused_questions_can_be_ended() -> None:
    story = b.started().after(pause(), b.at("10:20")).after(RESUME, b.at("10:50")).after(pause(), b.at("11:00"))
    found = story.when(b.end(), b.at("11:10"))
    assert found[0].questioned_minutes == 30
    assert story.given(*found).state.sessions[b.SESSION].status == api.SESSION_STATUS_ENDED


@pytest.mark.parametrize(("began", "over"), [("2026-03-08 22:00", False), ("2026-03-08 21:59", True)])
def test_aa_r16_a_session_longer_than_its_frame_says_so(began: str, over: bool) -> None:
    start = b.start(frame=events.SESSION_FRAME_SUMMONS_12H, frame_began_at=b.instant(began))
    (found,) = b.informed().after(start, b.at("10:00")).when(b.end(), b.at("10:00"))
    assert found.over_frame is over


def test_only_who_is_in_the_room_leaves_and_only_who_left_comes_back() -> None:
    b.notified().refuses("ATTENDEE_ABSENT", b.leave(), b.at("10:20"))
    b.started().after(b.leave(), b.at("10:20")).refuses("ATTENDEE_ABSENT", b.leave(), b.at("10:21"))
    b.notified().refuses("ATTENDEE_ABSENT", b.come_back(), b.at("10:20"))
    b.started().refuses("ATTENDEE_PRESENT", b.come_back(), b.at("10:20"))
    b.started().finds_invalid({"head.occurred_at"}, b.leave(), b.at("09:49"))


def test_aa_r06_who_attends_objects_and_gets_an_answer() -> None:
    story = b.started().after(b.object_to(), b.at("10:20"))
    story.refuses("OBJECTION_EXISTS", b.object_to(), b.at("10:21"))
    story = story.after(b.resolve(), b.at("10:25"))
    story.refuses("OBJECTION_NOT_OPEN", b.resolve(), b.at("10:26"))
    assert story.state.sessions[b.SESSION].objections == frozenset()


def test_an_unknown_objection_gets_no_answer() -> None:
    b.started().refuses("OBJECTION_NOT_OPEN", b.resolve(), b.at("10:25"))


def test_aa_r06_only_who_attends_for_the_minor_objects() -> None:
    story = b.started().after(b.arrive(events.ATTENDEE_PART_DEFENDER, b.DEFENDER), b.at("10:10"))
    story.refuses("OBJECTOR_NOT_PRESENT", b.object_to(attendee_id=b.DEFENDER), b.at("10:20"))
    story.refuses("OBJECTOR_NOT_PRESENT", b.object_to(attendee_id=b.FATHER), b.at("10:20"))
    gone = b.started().after(b.leave(), b.at("10:15"))
    gone.refuses("OBJECTOR_NOT_PRESENT", b.object_to(), b.at("10:20"))
