"""Appropriate adults: every event of an assignment that somebody must be told of, to whom, and in which words.

Rows of domain/07 §7.2: HO-06 (an adult is asked for, found, lost again) and HO-08 (the adult goes on at the next stage).
"""

from datetime import date
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_events_pb2 as callouts
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.notify.duties import ANSWER, DUTIES, HANDOFF, owing
from services.notify.parties import LEFT_HOME, Parties, after
from services.notify.texts import render
from tests.unit.intake.builders import CASE, COURT, PROC, PSB
from tests.unit.notify import builders as b
from tests.unit.notify.test_texts import CANARY, filled_with_canary

# The police ask a desk of the League; the adult whom it finds is of a social-work organisation.
ORGAN, DESK, HOME = PSB, b.CYL, b.SWO
AT = b.instant("2026-03-14 22:15")
IN_HALF_AN_HOUR, IN_A_WORKING_DAY = b.instant("2026-03-14 22:45"), b.instant("2026-03-17 00:00")

NEED = events.AppropriateAdultNeedIdentified(organ_uscc=ORGAN)
REQUESTED = events.AppropriateAdultRequested(provider_uscc=DESK)
PROPOSED = events.CandidateProposed(home_uscc=HOME)
LOOKING = (NEED, REQUESTED)
FOUND = (*LOOKING, PROPOSED)
CALLED = (callouts.CalloutStarted(organ_uscc=ORGAN, provider_uscc=DESK),)
CONFIRMED = (*FOUND, events.AppropriateAdultConfirmed())
TO_COURT = events.AssignmentContinuedAtNextStage(to_uscc=COURT)

WORK, NEWS = (HANDOFF, "HO-06"), (ANSWER, "")
# What happened before, whose act the event is ("" for the system's), the event, and who is told in which way.
ROWS: list[tuple[tuple[Any, ...], str, Any, dict[str, tuple[int, str]]]] = [
    ((NEED,), ORGAN, REQUESTED, {DESK: WORK}),
    (LOOKING, ORGAN, events.AppropriateAdultNeedCorrected(), {DESK: NEWS}),
    (LOOKING, DESK, PROPOSED, {HOME: WORK, ORGAN: NEWS}),
    (FOUND, "", events.CandidateUnavailable(), {DESK: WORK, ORGAN: NEWS}),
    (FOUND, DESK, events.ConflictFound(), {ORGAN: NEWS, HOME: NEWS}),
    (FOUND, ORGAN, events.ConflictFound(), {DESK: WORK, HOME: NEWS}),
    (FOUND, ORGAN, events.PartyAdded(), {DESK: (HANDOFF, "")}),
    (FOUND, ORGAN, events.CandidateRejected(), {DESK: WORK, HOME: NEWS}),
    (FOUND, DESK, events.CandidateRejected(), {ORGAN: NEWS, HOME: NEWS}),
    (FOUND, ORGAN, events.AppropriateAdultConfirmed(), {HOME: WORK, DESK: NEWS}),
    (CALLED, "", callouts.OfferMade(home_uscc=HOME), {HOME: WORK}),
    (CALLED, "", callouts.EscalationRaised(), {ORGAN: NEWS, DESK: NEWS}),
    (CALLED, "", callouts.EscalationForwarded(), {ORGAN: NEWS, DESK: NEWS}),
    (CONFIRMED, ORGAN, events.AttendanceNoticeServed(notice=forms.AttendanceNotice()), {HOME: WORK, DESK: NEWS}),
    (CONFIRMED, ORGAN, events.SessionScheduled(), {HOME: WORK, DESK: NEWS}),
    (CONFIRMED, "", events.SessionAdultUnavailable(), {ORGAN: WORK, DESK: NEWS}),
    (CONFIRMED, ORGAN, events.SessionCancelled(), {HOME: NEWS, DESK: NEWS}),
    (CONFIRMED, ORGAN, events.AppropriateAdultNoShow(), {DESK: WORK, HOME: NEWS}),
    (CONFIRMED, ORGAN, events.AppropriateAdultReplaced(), {DESK: WORK, HOME: NEWS}),
    (LOOKING, DESK, events.AppropriateAdultUnavailable(), {ORGAN: (HANDOFF, "")}),
    (LOOKING, ORGAN, events.AppropriateAdultUnavailable(), {DESK: NEWS}),
    (CONFIRMED, ORGAN, events.SessionBlocked(), {HOME: NEWS, DESK: NEWS}),
    (CONFIRMED, ORGAN, events.StageRanWithoutAdult(), {HOME: NEWS, DESK: NEWS}),
    (CONFIRMED, DESK, events.ObservationsRecorded(), {HOME: NEWS}),
    (CONFIRMED, ORGAN, events.SessionClosed(), {HOME: NEWS, DESK: NEWS}),
    (CONFIRMED, PROC, events.SessionEvidenceExcluded(), {ORGAN: (HANDOFF, "")}),
    (CONFIRMED, COURT, events.SessionDefectCured(), {ORGAN: NEWS}),
    (CONFIRMED, ORGAN, TO_COURT, {COURT: (HANDOFF, "HO-08"), HOME: NEWS, DESK: NEWS}),
    (CONFIRMED, ORGAN, events.AssignmentCompleted(), {HOME: NEWS, DESK: NEWS}),
    (CONFIRMED, ORGAN, events.AssignmentReleased(), {HOME: NEWS, DESK: NEWS}),
]
each_row = pytest.mark.parametrize(
    ("before", "actor", "event", "told"), ROWS, ids=lambda value: getattr(getattr(value, "DESCRIPTOR", None), "name", "")
)


def parties_after(*happened: Any) -> Parties:
    parties = Parties()
    for event in happened:
        parties = after(parties, event)
    return parties


@each_row
def test_each_event_is_told_to_those_who_must_act_or_know(
    before: tuple[Any, ...], actor: str, event: Any, told: dict[str, tuple[int, str]]
) -> None:
    """HO-06 and HO-08."""
    found = list(owing(event, parties_after(*before, event), actor, AT))
    assert {message.to_uscc: (message.kind, message.handoff_id) for message in found} == told
    assert len(found) == len(told)
    for message in found:
        assert message.from_uscc not in {"", message.to_uscc}
        by = IN_HALF_AN_HOUR if message.handoff_id == "HO-06" else IN_A_WORKING_DAY
        assert message.acknowledge_by == by


@each_row
def test_each_text_is_made_from_the_event_in_both_languages_without_a_personal_value(
    before: tuple[Any, ...], actor: str, event: Any, told: dict[str, tuple[int, str]]
) -> None:
    filled = filled_with_canary(type(event)())
    for message in owing(event, parties_after(*before, event), actor, AT):
        zh, en = render(event, message, CASE)
        assert (zh, en) == render(filled, message, CASE), "nothing of the text follows from what somebody wrote"
        assert CANARY not in zh + en
        assert zh.startswith("【观护·") and f"案件 {CASE}" in zh and "签收" in zh
        assert en.startswith("[Guanhu: ") and f"Case {CASE}" in en and "Acknowledge before" in en
        assert message.to_uscc in told


def test_every_event_of_an_assignment_or_a_call_out_with_a_duty_stands_in_a_row() -> None:
    files = {events.DESCRIPTOR.name, callouts.DESCRIPTOR.name}
    assert {duty.event for duty in DUTIES if duty.event.DESCRIPTOR.file.name in files} == {
        type(event) for _, _, event, _ in ROWS
    }


def test_a_notice_reads_as_what_it_is_and_says_until_when() -> None:
    served = events.AttendanceNoticeServed()
    [to_home, _] = owing(served, parties_after(*CONFIRMED, served), ORGAN, AT)
    zh, en = render(served, to_home, CASE)
    assert zh.startswith(f"【观护·移送 HO-06】到场通知书送达。来自机构 {ORGAN}。案件 {CASE}。请于 2026-03-14 22:45 前签收。")
    assert en.startswith("[Guanhu: Hand-off HO-06] Attendance notice served. ")


def test_whose_own_desk_found_its_own_adult_is_told_once_as_of_the_work() -> None:
    own = events.CandidateProposed(home_uscc=DESK)
    confirmed = events.AppropriateAdultConfirmed()
    found = list(owing(confirmed, parties_after(*LOOKING, own, confirmed), ORGAN, AT))
    assert [(message.to_uscc, message.kind) for message in found] == [(DESK, HANDOFF)]


def test_an_organ_that_asks_itself_for_a_relative_tells_nobody() -> None:
    itself = events.AppropriateAdultRequested(provider_uscc=ORGAN)
    assert list(owing(itself, parties_after(NEED, itself), ORGAN, AT)) == []


def test_the_home_of_an_adult_who_left_is_a_party_no_more_once_that_was_told() -> None:
    missed = events.AppropriateAdultNoShow()
    left = parties_after(*CONFIRMED, missed)
    assert left.of(LEFT_HOME) == HOME
    on = date(2026, 3, 15)
    assert set(after(left, events.PartyAdded()).everybody(on)) == {ORGAN, DESK}


def test_a_need_that_a_referral_brought_has_its_desk_from_the_beginning() -> None:
    with_desk = events.AppropriateAdultNeedIdentified(organ_uscc=ORGAN, provider_uscc=DESK)
    assert parties_after(with_desk).of("provider") == DESK
