"""How an assignment goes on or ends, and what becomes of a session's statement (#18, #19).

Law: AA-R11 (exclusion, cure), AA-R13, AA-R18, HO-08, ESC-R03.
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult import rules
from services.appropriate_adult.presence import NOT_BEGUN, Session
from services.appropriate_adult.session import cancelled
from services.appropriate_adult.state import State
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState

_JUDGING = frozenset({"PROC", "COURT"})


def continue_at_next_stage(command: api.ContinueAtNextStageRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#18. The same adult goes on with the organ of the next stage. Law: AA-R18, HO-08."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    if state.open_session is not None:
        raise IllegalState("SESSION_OPEN", "a session is planned or under way")
    to = facts.agencies.get(command.to_uscc)
    if to is None or to.type != rules.STAGE_ORGANS[command.to_stage] or command.to_uscc == state.organ:
        raise IllegalState("ORGAN_NOT_COMPETENT", "this organ does not take the case over at this stage", rule="HO-08")
    return [events.AssignmentContinuedAtNextStage(to_uscc=command.to_uscc, to_stage=command.to_stage)]


def complete(command: api.CompleteAssignmentRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#18. After a session at least, and with none open."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    if state.open_session is not None:
        raise IllegalState("SESSION_OPEN", "a session is planned or under way")
    if not state.records:
        raise IllegalState("NO_SESSION_HELD", "no session was held; release the assignment instead")
    return [events.AssignmentCompleted(note=command.note)]


def release(command: api.ReleaseAssignmentRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#18. A planned session is cancelled with it; one whose questions began is closed first."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = state.open_session
    if session is not None and session.status not in NOT_BEGUN:
        raise IllegalState("SESSION_OPEN", "a session is under way")
    released = events.AssignmentReleased(end=command.end)
    return [released] if session is None else [cancelled(state, session), released]


def none_found(command: api.RecordNoAdultFoundRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Where nobody was found: with a soft guard the session goes on and says so. Law: AA-R13, ESC-R03."""
    rules.in_status(state, api.ASSIGNMENT_STATUS_REQUESTED)
    rules.by_party(state, act)
    return [events.AppropriateAdultUnavailable(subject_id=state.subject_id, note=command.note)]


def exclude(command: api.ExcludeSessionEvidenceRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#19. By procuratorate or court, whatever the state of the assignment. Law: AA-R11."""
    session = _judged(command.session_id, state, act, facts)
    excluded = events.SessionEvidenceExcluded(
        session_id=session.session_id, subject_id=state.subject_id, grounds=command.grounds
    )
    return [excluded]


def cure(command: api.CureSessionDefectRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#19. Only a victim's or witness's statement can be cured; a confession without an adult cannot. Law: AA-R11."""
    session = _judged(command.session_id, state, act, facts)
    if state.guard != events.GUARD_STRENGTH_CURABLE:
        raise IllegalState("DEFECT_NOT_CURABLE", "only a victim's or witness's statement is cured", rule="AA-R11")
    if not session.defective or session.cured:
        raise IllegalState("SESSION_NOT_DEFECTIVE", "there is no defect to cure", rule="AA-R11")
    cured = events.SessionDefectCured(
        session_id=session.session_id,
        kind=command.kind,
        subject_id=state.subject_id,
        explanation=command.explanation,
    )
    return [cured]


def _judged(session_id: str, state: State, act: Act, facts: Facts) -> Session:
    if not state.status:
        raise IllegalState("ASSIGNMENT_UNKNOWN", "there is no such assignment")
    organ = facts.agencies.get(act.organ)
    if organ is None or organ.type not in _JUDGING:
        raise IllegalState("ORGAN_NOT_COMPETENT", "procuratorate or court decide on a statement", rule="AA-R11")
    session = state.sessions.get(session_id)
    if session is None or not session.record_no:
        raise IllegalState("SESSION_UNKNOWN", "no questions were asked in such a session")
    if session.excluded:
        raise IllegalState("EVIDENCE_EXCLUDED", "the statement is excluded", rule="AA-R11")
    return session
