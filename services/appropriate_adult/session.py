"""The session until its first question: planned, who came, rights told, started or blocked (#10 to #12).

Law: AA-R01, AA-R05, AA-R06, AA-R09 to AA-R11, AA-R16, AA-R18.
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.appropriate_adult import rules
from services.appropriate_adult.presence import NOT_BEGUN, QUALIFYING, Session
from services.appropriate_adult.readiness import blocks, unmet_at_start
from services.appropriate_adult.state import EXCLUDING_OUTCOMES, State
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.law import result_of_rule

_ATTENDED = (
    api.ASSIGNMENT_STATUS_LEGAL_REP_ATTENDING,
    api.ASSIGNMENT_STATUS_CONFIRMED,
    api.ASSIGNMENT_STATUS_NOTIFIED,
)
EVERY_LINE = frozenset(number for number in forms.RightOrDuty.values() if number)


def schedule(command: api.ScheduleSessionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """A further session, of the same adult if possible; with a softer guard also of nobody. Law: AA-R18, AA-R11."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    if state.guard == events.GUARD_STRENGTH_HARD:
        rules.in_status(state, *_ATTENDED)
    if state.open_session is not None:
        raise IllegalState("SESSION_OPEN", "another session is planned or under way")
    rules.check_plan(command.session, state)
    scheduled = events.SessionScheduled(subject_id=state.subject_id, session=command.session, place=command.place)
    if state.adult_id:
        planned = rules.planned(command.session)
        begins_at, ends_at = rules.engaged(planned)
        scheduled.engagement_id, scheduled.adult_id = command.session.session_id, state.adult_id
        scheduled.begins_at.CopyFrom(from_datetime(begins_at))
        scheduled.ends_at.CopyFrom(from_datetime(ends_at))
    return [scheduled]


def cancel(command: api.CancelSessionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Only before the first question: what was asked stays on record."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, *NOT_BEGUN)
    return [cancelled(state, session, command.note)]


def arrive(command: api.RecordArrivalRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#10. The adult is the one whom the organ confirmed, and shows proof of identity."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id)
    at = rules.in_order(session, act)
    stay = session.stay_of(command.attendee_id)
    if stay is not None and stay.in_room:
        raise IllegalState("ATTENDEE_PRESENT", "the attendee is in the room")
    if command.part == events.ATTENDEE_PART_APPROPRIATE_ADULT:
        if command.attendee_id != state.adult_id:
            raise IllegalState("ADULT_NOT_CONFIRMED", "only the confirmed adult attends as such", rule="ACT-07")
        if not command.identity_checked:
            raise IllegalState("IDENTITY_NOT_CHECKED", "the adult shows proof of identity first")
        arrived = events.AppropriateAdultArrived(
            session_id=session.session_id,
            adult_id=command.attendee_id,
            at=from_datetime(at),
            identity_checked=True,
            late=at > session.planned_from,
        )
        return [arrived]
    if command.part == events.ATTENDEE_PART_LEGAL_REPRESENTATIVE and state.outcome in EXCLUDING_OUTCOMES:
        raise IllegalState("LEGAL_REP_EXCLUDED", "this legal representative must not attend", rule="AA-R21")
    other = events.AttendeeArrived(
        session_id=session.session_id,
        attendee_id=command.attendee_id,
        subject_id=state.subject_id,
        part=command.part,
        name=command.name,
        at=from_datetime(at),
    )
    return [other]


def no_show(command: api.RecordNoShowRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#10. The assignment looks for another adult at once, from standby first."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, *NOT_BEGUN)
    at = rules.in_order(session, act)
    if not state.adult_id:
        raise IllegalState("ADULT_NOT_CONFIRMED", "no adult is confirmed")
    assert state.candidate is not None
    if session.stay_of(state.adult_id) is not None:
        raise IllegalState("ATTENDEE_PRESENT", "the adult has come")
    if at < session.planned_from:
        raise Invalid(Violation("head.occurred_at", "lies before the planned beginning"))
    missed = events.AppropriateAdultNoShow(
        session_id=session.session_id,
        candidate_id=state.candidate.candidate_id,
        adult_id=state.adult_id,
        at=from_datetime(at),
        engagement_ids=rules.ending(state, adult_id=state.adult_id),
    )
    return [missed]


def inform(command: api.InformRightsRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#11. Every line of F4, explained and signed, to somebody who attends for the minor. Law: AA-R05, AA-R06."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id)
    stay = session.stay_of(command.attendee_id)
    if stay is None or not stay.in_room or stay.part not in QUALIFYING:
        raise IllegalState("ATTENDEE_ABSENT", "nobody who attends for the minor is there under this id")
    if set(command.told) != EVERY_LINE:
        raise Invalid(Violation("told", "is not every line of the form"))
    if not command.signed:
        raise IllegalState("FORM_NOT_SIGNED", "rights and duties are signed before questions begin", rule="AA-R06")
    informed = events.RightsAndDutiesInformed(
        session_id=session.session_id,
        attendee_id=command.attendee_id,
        told=sorted(command.told),
        at=from_datetime(rules.in_order(session, act)),
    )
    return [informed]


def start(command: api.StartSessionRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#12. Where the guard fails the attempt itself is recorded, and no number is given out. Law: AA-R11, CON-08."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, *NOT_BEGUN)
    at = rules.in_order(session, act)
    _check_frame(command, act)
    unmet = unmet_at_start(command, state, session, rules.adult_of(facts), act.on)
    names = [events.SessionCondition.Name(u).removeprefix("SESSION_CONDITION_").lower() for u in unmet]
    found = [result_of_rule("AA-R11", act.on, name) for name in names] or [result_of_rule("AA-R01", act.on, "satisfied")]
    if blocks(state.guard, unmet):
        blocked = events.SessionBlocked(session_id=session.session_id, unmet=unmet, at=from_datetime(at), rules=found)
        return [blocked]
    started = events.SessionStarted(
        session_id=session.session_id,
        record_no=f"{state.assignment_id[:8].upper()}-{state.records + 1:03d}",
        at=from_datetime(at),
        staff=command.staff,
        recording_no=command.recording_no,
        frame=command.frame,
        frame_began_at=command.frame_began_at if command.HasField("frame_began_at") else None,
        unmet=unmet,
        rules=found,
    )
    return [started]


def cancelled(state: State, session: Session, note: str = "") -> events.SessionCancelled:
    """The cancellation of a session, with the engagements that end."""
    ending = rules.ending(state, session_id=session.session_id)
    return events.SessionCancelled(session_id=session.session_id, note=note, engagement_ids=ending)


def _check_frame(command: api.StartSessionRequest, act: Act) -> None:
    if command.frame == events.SESSION_FRAME_NONE:
        if command.HasField("frame_began_at"):
            raise Invalid(Violation("frame_began_at", "goes with a frame only"))
        return
    if not command.HasField("frame_began_at"):
        raise Invalid(Violation("frame_began_at", "is required with a frame (AA-R16)"))
    if to_datetime(command.frame_began_at) > act.occurred_at:
        raise Invalid(Violation("frame_began_at", "lies after the start"))
