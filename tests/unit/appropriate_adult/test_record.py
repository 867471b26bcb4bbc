"""The record: read, signed or refused, and the session closed."""

from typing import Any

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from tests.unit.appropriate_adult import builders as b

CLOSE = b.in_session(api.CloseSessionRequest)


def refuse(signer: int = events.SIGNER_MINOR) -> Any:
    return b.in_session(api.RefuseSignatureRequest, signer=signer, reason="认为记录不全")


def observe(session_id: str = b.SESSION) -> Any:
    return b.in_session(api.RecordObservationsRequest, session_id=session_id, observations="未成年人紧张，经安抚后平稳")


def stages(found: Any) -> list[int]:
    return [event.stage for event in found if isinstance(event, events.StageRanWithoutAdult)]


def test_a_signed_session_is_closed_without_a_defect() -> None:
    (found,) = b.signed().when(CLOSE, b.at("11:25"))
    assert not found.defective
    assert b.signed().given(found).state.open_session is None


def test_aa_r11_reading_and_signing_without_the_adult_are_flagged() -> None:
    story = b.ended().after(b.leave(), b.at("11:05"))
    found = story.when(b.read(), b.at("11:10"))
    assert stages(found) == [events.SESSION_STAGE_READING]
    story = story.given(*found)
    signed = story.when(b.sign(), b.at("11:20"))
    assert stages(signed) == [events.SESSION_STAGE_SIGNING]
    assert story.given(*signed).when(CLOSE, b.at("11:25"))[0].defective


def test_aa_r06_minor_and_adult_both_sign() -> None:
    story = b.ended().after(b.read(), b.at("11:10")).after(b.sign(events.SIGNER_MINOR), b.at("11:20"))
    story.refuses("SIGNATURE_MISSING", CLOSE, b.at("11:25"))
    story.refuses("SIGNATURE_RECORDED", b.sign(events.SIGNER_MINOR), b.at("11:25"))
    story = story.after(b.sign(events.SIGNER_APPROPRIATE_ADULT), b.at("11:25"))
    assert story.when(CLOSE, b.at("11:30"))


def test_aa_r06_a_refused_signature_stands_in_the_record() -> None:
    story = b.ended().after(b.read(), b.at("11:10")).after(refuse(), b.at("11:15"))
    story = story.after(b.sign(events.SIGNER_APPROPRIATE_ADULT), b.at("11:20"))
    assert story.state.sessions[b.SESSION].status == api.SESSION_STATUS_SIGNATURE_REFUSED
    assert story.when(CLOSE, b.at("11:25"))


def test_only_who_attended_signs_and_nobody_twice() -> None:
    story = b.ended().after(b.read(), b.at("11:10"))
    story.refuses("SIGNER_NOT_PRESENT", b.sign(events.SIGNER_LEGAL_REPRESENTATIVE), b.at("11:20"))
    story.finds_invalid({"signatures"}, b.sign(events.SIGNER_MINOR, events.SIGNER_MINOR), b.at("11:20"))


def test_nothing_is_signed_before_it_was_read() -> None:
    b.ended().refuses("SESSION_STATE", b.sign(), b.at("11:20"))
    b.started().refuses("SESSION_STATE", b.read(), b.at("11:20"))


def test_an_open_objection_keeps_the_session_open() -> None:
    story = b.started().after(b.object_to(), b.at("10:30")).after(b.end(), b.at("11:00")).after(b.read(), b.at("11:10"))
    story = story.after(b.sign(), b.at("11:20"))
    story.refuses("OBJECTION_OPEN", CLOSE, b.at("11:25"))
    assert story.after(b.resolve(accepted=False), b.at("11:24")).when(CLOSE, b.at("11:25"))


def test_the_adults_observations_go_to_the_adults_organisation() -> None:
    assert b.closed().when(observe(), b.DESK)
    assert b.closed().after(observe(), b.DESK).state == b.closed().state
    b.closed().refuses("ORGAN_NOT_COMPETENT", observe(), b.POLICE)
    b.closed().refuses("SESSION_UNKNOWN", observe(b.SECOND_SESSION), b.DESK)
