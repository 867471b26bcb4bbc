"""In the room: leaving and coming back, objections, breaks, the end of the questions (#13 to #15).

Law: AA-R01, AA-R06, AA-R11, AA-R16.
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult import presence, rules
from services.appropriate_adult.presence import QUALIFYING
from services.appropriate_adult.readiness import unmet_for_presence
from services.appropriate_adult.state import State, evolve
from services.kernel.dates import from_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation


def leave(command: api.LeaveRoomRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#13. May be recorded late: the gap until the next recorded act is found when the questions end."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id)
    stay = session.stay_of(command.attendee_id)
    if stay is None or not stay.in_room:
        raise IllegalState("ATTENDEE_ABSENT", "the attendee is not in the room")
    if act.occurred_at < stay.came_at:
        raise Invalid(Violation("head.occurred_at", "lies before the arrival"))
    left = events.AttendeeLeft(
        session_id=command.session_id, attendee_id=command.attendee_id, at=from_datetime(act.occurred_at)
    )
    return [left, *paused_when_alone(state, left, act)]


def come_back(command: api.ReturnToRoomRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#13. Coming back does not resume: the organ does."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id)
    stay = session.stay_of(command.attendee_id)
    if stay is None:
        raise IllegalState("ATTENDEE_ABSENT", "the attendee has not been there; record the arrival")
    if stay.in_room:
        raise IllegalState("ATTENDEE_PRESENT", "the attendee is in the room")
    at = rules.in_order(session, act)
    return [events.AttendeeReturned(session_id=command.session_id, attendee_id=command.attendee_id, at=from_datetime(at))]


def object_to(command: api.RaiseObjectionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#14. Who attends for the minor may object while in the room; every objection is recorded. Law: AA-R06."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(
        state,
        command.session_id,
        api.SESSION_STATUS_IN_SESSION,
        api.SESSION_STATUS_PAUSED,
        api.SESSION_STATUS_ENDED,
        api.SESSION_STATUS_RECORD_READ,
    )
    stay = session.stay_of(command.attendee_id)
    if stay is None or not stay.in_room or stay.part not in QUALIFYING:
        raise IllegalState("OBJECTOR_NOT_PRESENT", "only who attends for the minor objects", rule="AA-R06")
    if command.objection_id in state.objections:
        raise IllegalState("OBJECTION_EXISTS", "an objection with this id is recorded")
    raised = events.ObjectionRaised(
        objection_id=command.objection_id,
        session_id=command.session_id,
        attendee_id=command.attendee_id,
        subject_id=state.subject_id,
        statement=command.statement,
        at=from_datetime(rules.in_order(session, act)),
    )
    return [raised]


def resolve(command: api.ResolveObjectionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#14. With reasons."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session_id = state.objections.get(command.objection_id, "")
    session = state.sessions.get(session_id)
    if session is None or command.objection_id not in session.objections:
        raise IllegalState("OBJECTION_NOT_OPEN", "there is no open objection with this id")
    resolved = events.ObjectionResolved(
        objection_id=command.objection_id,
        accepted=command.accepted,
        subject_id=state.subject_id,
        reason=command.reason,
        at=from_datetime(rules.in_order(session, act)),
    )
    return [resolved]


def pause(command: api.PauseSessionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#15. Breaks, food and rest are part of F5. Law: AA-R16."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, api.SESSION_STATUS_IN_SESSION)
    at = rules.in_order(session, act)
    return [events.SessionPaused(session_id=command.session_id, reason=command.reason, at=from_datetime(at))]


def resume(command: api.ResumeSessionRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#15. With a hard guard only while somebody qualified and informed is in the room. Law: AA-R01, AA-R11."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, api.SESSION_STATUS_PAUSED)
    at = rules.in_order(session, act)
    unmet = unmet_for_presence(state, session, rules.adult_of(facts), act.on)
    if unmet and state.guard == events.GUARD_STRENGTH_HARD:
        reason = events.SessionCondition.Name(unmet[0]).removeprefix("SESSION_CONDITION_")
        raise IllegalState(reason, "questions go on only while a qualified and informed adult is there", rule="AA-R11")
    return [events.SessionResumed(session_id=command.session_id, at=from_datetime(at), unmet=unmet)]


def end(command: api.EndSessionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#15. Adds the minutes up, and flags every span that ran while nobody qualified was there. Law: AA-R11, AA-R16."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, api.SESSION_STATUS_IN_SESSION, api.SESSION_STATUS_PAUSED)
    at = rules.in_order(session, act)
    run, gaps = presence.ran(session, at), presence.uncovered(session, at)
    flags = [
        events.StageRanWithoutAdult(
            session_id=session.session_id,
            stage=events.SESSION_STAGE_QUESTIONING,
            begins_at=from_datetime(begins_at),
            ends_at=from_datetime(ends_at),
            guard=state.guard,  # type: ignore[arg-type]
        )
        for begins_at, ends_at in gaps
    ]
    questioned = presence.minutes(run)
    ended = events.SessionEnded(
        session_id=session.session_id,
        at=from_datetime(at),
        questioned_minutes=questioned,
        attended_minutes=int((presence.length(run) - presence.length(gaps)).total_seconds() // 60),
        over_frame=session.frame_began_at is not None and at - session.frame_began_at > rules.FRAMES[session.frame],
        subject_id=state.subject_id,
        minors_state=command.minors_state,
    )
    return [ended, *flags]


def paused_when_alone(state: State, event: Message, act: Act) -> list[Message]:
    """The pause that follows by itself when an event leaves nobody qualified in a room where questions are asked."""
    before = state.open_session
    if before is None or before.running_since is None or not before.qualified:
        return []
    after = evolve(state, event).sessions[before.session_id]
    if after.qualified:
        return []
    # A departure that was recorded late: the questions ran until the last act that the record knows of.
    at = max(act.occurred_at, before.last_at or act.occurred_at)
    return [
        events.SessionPaused(session_id=before.session_id, reason=events.PAUSE_REASON_NOBODY_QUALIFIED, at=from_datetime(at))
    ]
