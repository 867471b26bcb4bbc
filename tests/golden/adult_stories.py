"""Streams of adults and assignments that no case tells, made by the deciders from commands."""

from collections.abc import Callable
from typing import Any

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.appropriate_adult.rota import SwapFacts
from tests.unit.appropriate_adult import builders as by
from tests.unit.gwt import Story

LEGAL_REP = events.ATTENDEE_PART_LEGAL_REPRESENTATIVE
WITNESS = events.MINOR_ROLE_WITNESS


def adult_engaged() -> Story[Any]:
    """An adult is trained, queried, engaged, refused where the time is taken, and attends."""
    story = by.qualified().after(by.reserve(), by.SYSTEM).after(by.reserve(by.SECOND_CANDIDATE), by.SYSTEM)
    confirm = by.of_adult(api.ConfirmEngagementRequest, engagement_id=by.CANDIDATE)
    attended = adults.ENGAGEMENT_END_ATTENDED
    release = by.of_adult(api.ReleaseEngagementRequest, engagement_id=by.CANDIDATE, end=attended)
    return story.after(confirm, by.SYSTEM).after(release, by.SYSTEM)


def adult_rota() -> Story[Any]:
    """Availability, leave, shifts and a swap; the adult is suspended, comes back and leaves the register."""
    span = {"begins_at": by.instant("2026-03-20 00:00"), "ends_at": by.instant("2026-03-21 00:00")}
    times = [adults.Availability(weekday=1, begins_minute=480, ends_minute=1200)]
    story = by.qualified()
    for request in (
        by.of_adult(api.SetAvailabilityRequest, times=times),
        by.of_adult(api.RecordHolidayRequest, holiday_id=by.HOLIDAY, **span),
        by.of_adult(api.CancelHolidayRequest, holiday_id=by.HOLIDAY),
        by.of_adult(api.AssignShiftRequest, shift=by.shift()),
        by.of_adult(api.OfferShiftRequest, shift_id=by.SHIFT, to_adult_id=by.SECOND_ADULT),
        by.of_adult(api.HandOverShiftRequest, shift_id=by.SHIFT, to_adult_id=by.SECOND_ADULT),
        by.of_adult(api.AssignShiftRequest, shift=by.shift(shift_id=by.TRAINING)),
        by.of_adult(api.CancelShiftRequest, shift_id=by.TRAINING),
        api.ChangeAdultRequest(head=by.head(), entry=by.entry(languages=["cmn"])),
        by.of_adult(api.SuspendAdultRequest, reason=adults.ADULT_SUSPENSION_REASON_OWN_REQUEST),
        by.of_adult(api.ReinstateAdultRequest),
        by.of_adult(api.RemoveAdultRequest),
    ):
        story = story.after(request, by.HOME)
    return story


def adult_takes_shift() -> Story[Any]:
    """An adult takes over a shift of another."""
    offer = by.of_adult(api.OfferShiftRequest, shift_id=by.SHIFT, to_adult_id=by.SECOND_ADULT)
    first = by.qualified().after(by.of_adult(api.AssignShiftRequest, shift=by.shift()), by.HOME).after(offer, by.HOME)
    story = by.qualified(adult_id=by.SECOND_ADULT).knowing(SwapFacts(by.AGENCIES, other=first.state))
    fields = {"adult_id": by.SECOND_ADULT, "shift_id": by.SHIFT, "from_adult_id": by.ADULT}
    return story.after(by.of_adult(api.TakeShiftRequest, **fields), by.HOME)


def assignment_over_two_stages() -> Story[Any]:
    """Two sessions with the same adult, objections and a pause, handed over and completed; a statement is excluded."""
    pause = by.in_session(api.PauseSessionRequest, reason=events.PAUSE_REASON_MEAL)
    story = by.started().after(by.object_to(), by.at("10:10")).after(by.resolve(), by.at("10:12"))
    story = story.after(pause, by.at("10:15")).after(by.in_session(api.ResumeSessionRequest), by.at("10:30"))
    story = story.after(by.leave(), by.at("10:40")).after(by.come_back(), by.at("10:45"))
    story = story.after(by.end(), by.at("11:00")).after(by.read(), by.at("11:10"))
    refused = by.in_session(api.RefuseSignatureRequest, signer=events.SIGNER_MINOR, reason="认为记录不全")
    story = story.after(refused, by.at("11:15")).after(by.sign(events.SIGNER_APPROPRIATE_ADULT), by.at("11:20"))
    observed = by.in_session(api.RecordObservationsRequest, observations="起初紧张")
    story = story.after(observed, by.DESK).after(by.in_session(api.CloseSessionRequest), by.at("11:25"))
    further = by.command(api.ScheduleSessionRequest, session=by.plan(by.SECOND_SESSION), place="某县")
    story = story.after(further, by.at("12:00")).after(by.reservation(by.SECOND_SESSION), by.SYSTEM)
    cancel = by.command(api.CancelSessionRequest, session_id=by.SECOND_SESSION)
    stage = referrals.CASE_STAGE_PROSECUTION_REVIEW
    hand_over = by.command(api.ContinueAtNextStageRequest, to_uscc=by.PROC, to_stage=stage)
    story = story.after(cancel, by.at("12:10")).after(hand_over, by.at("13:00"))
    story = story.after(by.command(api.CompleteAssignmentRequest), by.PROCURATOR)
    return story.after(by.in_session(api.ExcludeSessionEvidenceRequest, grounds="程序违法"), by.PROCURATOR)


def assignment_searching() -> Story[Any]:
    """A calendar refuses, the minor refuses, a conflict is found, one does not come, one is replaced, nobody is left."""
    story = by.requested().after(by.propose(standby=True), by.DESK).after(by.reservation(reserved=False), by.SYSTEM)
    numbers = (f"00000000-0000-0000-0002-{number:012d}" for number in range(1, 9))

    def proposed(story: Story[Any]) -> Story[Any]:
        key = next(numbers)
        story = by.knowing(story, adult_id=key).after(by.propose(key, key), by.DESK)
        return story.after(by.reservation(key), by.SYSTEM)

    def confirmed(story: Story[Any]) -> Story[Any]:
        story = proposed(story).after(by.check(), by.at("09:10")).after(by.consult(), by.at("09:20"))
        return story.after(by.command(api.ConfirmAdultRequest), by.at("09:30"))

    refusal = by.consult(accepts=False, reason="认识其家人", refusal_allowed=True)
    story = proposed(story).after(by.check(), by.at("09:00")).after(refusal, by.at("09:05"))
    story = proposed(story).after(by.check(events.EXCLUSION_INTEREST), by.at("09:06"))
    story = confirmed(story).after(by.in_session(api.RecordNoShowRequest), by.at("10:15"))
    story = confirmed(story).after(by.command(api.AddPartyRequest, kind=events.PARTY_KIND_WITNESS), by.at("10:20"))
    replaced = by.command(api.ReplaceAdultRequest, reason=events.REPLACEMENT_REASON_ILLNESS)
    story = story.after(replaced, by.at("10:25"))
    return story.after(by.command(api.RecordNoAdultFoundRequest, note="州内无备勤"), by.DESK)


def assignment_of_a_witness() -> Story[Any]:
    """The need is corrected; questions run without an adult, the father comes late, and the defect is cured."""
    corrected = by.command(api.CorrectNeedRequest, role=WITNESS, age_unproven=True)
    story = by.requested().after(corrected, by.at("08:30")).after(by.start(), by.at("10:00"))
    story = story.after(by.arrive(LEGAL_REP, by.FATHER), by.at("10:20")).after(by.inform(by.FATHER), by.at("10:21"))
    story = story.after(by.end(), by.at("11:00")).after(by.read(), by.at("11:10"))
    story = story.after(by.sign(events.SIGNER_MINOR, events.SIGNER_LEGAL_REPRESENTATIVE), by.at("11:20"))
    cured = by.in_session(api.CureSessionDefectRequest, kind=events.CURE_KIND_EXPLAINED, explanation="经补充询问确认")
    return story.after(by.in_session(api.CloseSessionRequest), by.at("11:25")).after(cured, by.PROCURATOR)


def assignment_released() -> Story[Any]:
    """A start is blocked, a further session finds no time, and the need ends."""
    story = by.notified().after(by.start(), by.at("10:00")).after(by.in_session(api.CancelSessionRequest), by.at("10:05"))
    further = by.command(api.ScheduleSessionRequest, session=by.plan(by.SECOND_SESSION), place="某县")
    story = story.after(further, by.at("10:10")).after(by.reservation(by.SECOND_SESSION, reserved=False), by.SYSTEM)
    released = by.command(api.ReleaseAssignmentRequest, end=events.ASSIGNMENT_END_NEED_ENDED)
    return story.after(released, by.at("10:20"))


def assignment_on_the_clock() -> Story[Any]:
    """The desk is asked, another body is asked instead and answers late, and the adult comes in time."""
    ask = by.ask(provider_uscc=by.SWO)
    story = by.requested().after(ask, by.at("08:30")).after(by.propose(), by.at("09:10", by.HOME))
    story = story.after(by.reservation(), by.SYSTEM).after(by.check(), by.at("09:12")).after(by.consult(), by.at("09:14"))
    story = story.after(by.command(api.ConfirmAdultRequest), by.at("09:15")).after(by.notice(), by.at("09:16"))
    return story.after(by.arrive(), by.at("09:50"))


STORIES: tuple[Callable[[], Story[Any]], ...] = (
    adult_engaged,
    adult_rota,
    adult_takes_shift,
    assignment_over_two_stages,
    assignment_searching,
    assignment_of_a_witness,
    assignment_released,
    assignment_on_the_clock,
)
