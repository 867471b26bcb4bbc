"""What a session needs before its first question, and which of it blocks.

Law: AA-R01 to AA-R03 (presence), AA-R05 and AA-R06 (rights), AA-R09 (female staff), AA-R10 (recording), AA-R11 and CON-08
(what absence does in which procedure).
"""

from datetime import date

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.presence import Session
from services.appropriate_adult.qualification import shortcomings
from services.appropriate_adult.state import State

_PRESENCE = frozenset({events.SESSION_CONDITION_NO_QUALIFIED_ADULT_PRESENT, events.SESSION_CONDITION_RIGHTS_NOT_INFORMED})


def qualified_attendees(state: State, session: Session, adult: AdultState, on: date) -> frozenset[str]:
    """Those in the room who count today: the adult only while confirmed, checked and free of shortcomings."""
    fit = _fit_adult(state, adult, on)
    return frozenset(
        stay.attendee_id
        for stay in session.stays
        if stay.qualifies and (stay.part == events.ATTENDEE_PART_LEGAL_REPRESENTATIVE or stay.attendee_id == fit)
    )


def _fit_adult(state: State, adult: AdultState, on: date) -> str:
    candidate = state.candidate
    if candidate is None or not candidate.confirmed or candidate.stale:
        return ""
    return "" if shortcomings(adult, on) else candidate.adult_id


def unmet_for_presence(state: State, session: Session, adult: AdultState, on: date) -> list[events.SessionCondition.ValueType]:
    """What is missing of a qualified and informed adult in the room."""
    there = qualified_attendees(state, session, adult, on)
    if not there:
        return [events.SESSION_CONDITION_NO_QUALIFIED_ADULT_PRESENT]
    if not there & session.informed:
        return [events.SESSION_CONDITION_RIGHTS_NOT_INFORMED]
    return []


def unmet_at_start(
    command: api.StartSessionRequest, state: State, session: Session, adult: AdultState, on: date
) -> list[events.SessionCondition.ValueType]:
    """Everything that is missing at the start."""
    unmet = unmet_for_presence(state, session, adult, on)
    if state.female_staff_required and not any(member.woman for member in command.staff):
        unmet.append(events.SESSION_CONDITION_FEMALE_STAFF_REQUIRED)
    if state.recording_required and not command.recording_no:
        unmet.append(events.SESSION_CONDITION_RECORDING_REQUIRED)
    return unmet


def blocks(guard: int, unmet: list[events.SessionCondition.ValueType]) -> bool:
    """Whether what is missing blocks the session.

    Female staff and recording are in the organ's own hands: in a criminal procedure nothing starts without them.
    """
    if guard == events.GUARD_STRENGTH_HARD:
        return bool(unmet)
    return guard == events.GUARD_STRENGTH_CURABLE and bool(set(unmet) - _PRESENCE)
