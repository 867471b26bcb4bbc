"""Three policies: an accepted referral opens an assignment, milestones go back, and calendars follow assignments.

The last one is the hand-shake between an assignment and the calendar of its adult. Both follow our own journal in order and
send commands whose request ids follow from the event, so that whatever is killed in between, each reservation is asked for
once, answered once and ended once: no booking outlives its assignment.
"""

from collections.abc import Iterator
from typing import Any

import psycopg

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2_grpc as stubs
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import intake_service_pb2_grpc as intake_stubs
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.types.v1 import types_pb2
from services.appropriate_adult.state import State
from services.kernel.codec import EventCodec
from services.kernel.follow import RowEffect
from services.kernel.handler import Handler
from services.kernel.journal import Recorded
from services.kernel.policy import command_head, derived_id, send

OPENING, BOOKING = "opening", "booking"
_PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_SERVICE, legal_basis="AA-R01")
# Milestones, which the sender of the referral is told: every step that changes whose turn it is.
MILESTONES: tuple[Any, ...] = (
    events.AppropriateAdultRequested,
    events.AppropriateAdultConfirmed,
    events.AttendanceNoticeServed,
    events.AppropriateAdultNoShow,
    events.AppropriateAdultReplaced,
    events.AppropriateAdultUnavailable,
    events.SessionStarted,
    events.SessionBlocked,
    events.SessionClosed,
    events.AssignmentContinuedAtNextStage,
    events.AssignmentCompleted,
    events.AssignmentReleased,
)
# Events that end engagements, each naming them, and what that means to the calendar.
_ENDS: dict[type, adults.EngagementEnd.ValueType] = {
    events.CandidateRejected: adults.ENGAGEMENT_END_NOT_CHOSEN,
    events.ConflictFound: adults.ENGAGEMENT_END_NOT_CHOSEN,
    events.AppropriateAdultReplaced: adults.ENGAGEMENT_END_NOT_CHOSEN,
    events.AppropriateAdultNoShow: adults.ENGAGEMENT_END_NO_SHOW,
    events.SessionClosed: adults.ENGAGEMENT_END_ATTENDED,
    events.SessionCancelled: adults.ENGAGEMENT_END_CANCELLED,
}


def opening(
    intake_stub: intake_stubs.IntakeServiceStub, stub: stubs.AppropriateAdultServiceStub, codec: EventCodec
) -> RowEffect:
    """The effect of intake's events: the need is identified on behalf of the organ that referred (HO-06).

    What a referral cannot say, such as the nature of the crime, the organ corrects (CorrectNeed).
    """

    def effect(_: psycopg.Connection, row: Recorded) -> None:
        if row.type != referrals.ReferralAccepted.DESCRIPTOR.full_name:
            return
        accepted: Any = codec.clear(row)
        content = send(
            intake_stub.GetReferral, intake.GetReferralRequest(referral_id=accepted.referral_id, purpose=_PURPOSE)
        ).referral.content
        if content.kind != referrals.REFERRAL_KIND_APPROPRIATE_ADULT:
            return
        person = send(
            intake_stub.GetPerson,
            intake.GetPersonRequest(person_id=content.subject_id, case_id=content.case_id, purpose=_PURPOSE),
        )
        request = api.IdentifyNeedRequest(
            head=command_head(OPENING, codec.origin, row, on_behalf_of=content.from_uscc),
            assignment_id=derived_id(OPENING, codec.origin, content.referral_id),
            case_id=content.case_id,
            referral_id=content.referral_id,
            provider_uscc=accepted.provider,
            subject_id=content.subject_id,
            role=_role(content.stage, person.part),
            case_stage=content.stage,
            subject_sex=person.details.sex,
            age_unproven=not person.details.birth_date.year or person.age_basis == persons.AGE_BASIS_UNPROVEN,
        )
        if person.details.birth_date.year:
            request.birth_date.CopyFrom(person.details.birth_date)
        send(stub.IdentifyNeed, request)

    return effect


def booking(stub: stubs.AppropriateAdultServiceStub, assignments: Handler[State], codec: EventCodec) -> RowEffect:
    """The effect of our own events on calendars, and of calendars' answers on assignments."""

    def effect(_: psycopg.Connection, row: Recorded) -> None:
        category, _dash, key = row.stream.partition("-")
        event: Any = codec.clear_if_known(row)
        steps = _of_adult(event, key) if category == "adult" else _of_assignment(event, assignments, key)
        for step, method, request in steps:
            request.head.CopyFrom(command_head(BOOKING, codec.origin, row, step=step))
            send(getattr(stub, method), request)

    return effect


_Steps = Iterator[tuple[str, str, Any]]


def _of_adult(event: Any, adult_id: str) -> _Steps:
    match event:
        case adults.EngagementReserved() | adults.EngagementRefused():
            answer = api.RecordReservationRequest(
                assignment_id=event.assignment_id,
                engagement_id=event.engagement_id,
                reserved=isinstance(event, adults.EngagementReserved),
            )
            yield "answer", "RecordReservation", answer
        case adults.ShiftTaken():
            request = api.HandOverShiftRequest(
                adult_id=event.from_adult_id, shift_id=event.shift.shift_id, to_adult_id=adult_id
            )
            yield "hand-over", "HandOverShift", request


def _of_assignment(event: Any, assignments: Handler[State], key: str) -> _Steps:
    def state() -> State:
        return assignments.load(key).state

    match event:
        case events.CandidateProposed():
            yield _reserve(state(), event.candidate_id, event.adult_id, event)
        case events.SessionScheduled() if event.engagement_id:
            yield _reserve(state(), event.engagement_id, event.adult_id, event)
        case events.AppropriateAdultConfirmed():
            yield _confirm(event.candidate_id, event.adult_id)
        case events.SessionReserved():
            adult_id, _session = state().bookings[event.engagement_id]
            yield _confirm(event.engagement_id, adult_id)
        case _ if type(event) in _ENDS:
            bookings = state().bookings
            for engagement_id in event.engagement_ids:
                yield _release(engagement_id, bookings[engagement_id][0], _ENDS[type(event)])


def _reserve(state: State, engagement_id: str, adult_id: str, event: Any) -> tuple[str, str, Any]:
    request = api.ReserveEngagementRequest(
        adult_id=adult_id,
        engagement_id=engagement_id,
        assignment_id=state.assignment_id,
        case_id=state.case_id,
        subject_id=state.subject_id,
        begins_at=event.begins_at,
        ends_at=event.ends_at,
    )
    return "reserve", "ReserveEngagement", request


def _confirm(engagement_id: str, adult_id: str) -> tuple[str, str, Any]:
    request = api.ConfirmEngagementRequest(adult_id=adult_id, engagement_id=engagement_id)
    return "confirm", "ConfirmEngagement", request


def _release(engagement_id: str, adult_id: str, end: adults.EngagementEnd.ValueType) -> tuple[str, str, Any]:
    request = api.ReleaseEngagementRequest(adult_id=adult_id, engagement_id=engagement_id, end=end)
    return f"release:{engagement_id}", "ReleaseEngagement", request


def _role(stage: int, part: int) -> events.MinorRole.ValueType:
    if part == persons.PERSON_PART_VICTIM:
        return events.MINOR_ROLE_VICTIM
    return events.MINOR_ROLE_DEFENDANT if stage == referrals.CASE_STAGE_TRIAL else events.MINOR_ROLE_SUSPECT
