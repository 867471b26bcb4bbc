"""The record: read, signed or refused, observations, the session closed (#16).

Law: AA-R06 (reading and signing), AA-R11 (what absence does).
"""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult import rules
from services.appropriate_adult.presence import Session
from services.appropriate_adult.state import State
from services.kernel.dates import from_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

_SIGNER_OF_PART: dict[int, int] = {
    events.ATTENDEE_PART_LEGAL_REPRESENTATIVE: events.SIGNER_LEGAL_REPRESENTATIVE,
    events.ATTENDEE_PART_APPROPRIATE_ADULT: events.SIGNER_APPROPRIATE_ADULT,
}
_SIGNING = (
    api.SESSION_STATUS_RECORD_READ,
    api.SESSION_STATUS_SIGNED,
    api.SESSION_STATUS_SIGNATURE_REFUSED,
)


def read(command: api.ReadRecordRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#16. What was read while nobody qualified was there is flagged, not refused: it happened."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, api.SESSION_STATUS_ENDED)
    at = rules.in_order(session, act)
    done = events.RecordRead(
        session_id=session.session_id,
        method=command.method,
        subject_id=state.subject_id,
        corrections=command.corrections,
        at=from_datetime(at),
    )
    return [done, *_flag(state, session, events.SESSION_STAGE_READING, at)]


def sign(command: api.SignRecordRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#16. The minor and everybody who attended for the minor sign; who refuses, refuses by name."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, *_SIGNING)
    at = rules.in_order(session, act)
    signers = [signature.signer for signature in command.signatures]
    if len(set(signers)) != len(signers):
        raise Invalid(Violation("signatures", "names a signer twice"))
    for signer in signers:
        _may_sign(session, signer)
    signed = events.RecordSigned(session_id=session.session_id, signatures=command.signatures, at=from_datetime(at))
    return [signed, *_flag(state, session, events.SESSION_STAGE_SIGNING, at)]


def refuse(command: api.RefuseSignatureRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#16. A refusal is recorded with its reason."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, *_SIGNING)
    at = rules.in_order(session, act)
    _may_sign(session, command.signer)
    refused = events.SignatureRefused(
        session_id=session.session_id,
        signer=command.signer,
        subject_id=state.subject_id,
        reason=command.reason,
        at=from_datetime(at),
    )
    return [refused]


def observe(command: api.RecordObservationsRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """What the adult observed belongs to the adult's organisation, never to the case file."""
    rules.not_ended(state)
    if act.organ == state.organ != state.provider:
        raise IllegalState("ORGAN_NOT_COMPETENT", "observations go to the adult's organisation")
    if command.session_id not in state.sessions:
        raise IllegalState("SESSION_UNKNOWN", "there is no such session")
    recorded = events.ObservationsRecorded(
        session_id=command.session_id, subject_id=state.subject_id, observations=command.observations
    )
    return [recorded]


def close(command: api.CloseSessionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Everybody who had to sign has signed or refused, and no objection waits for an answer."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = rules.session_of(state, command.session_id, *_SIGNING[1:])
    at = rules.in_order(session, act)
    if signers_of(session) - session.signed - session.refused:
        raise IllegalState("SIGNATURE_MISSING", "somebody has neither signed nor refused", rule="AA-R06")
    if session.objections:
        raise IllegalState("OBJECTION_OPEN", "an objection is not answered yet", rule="AA-R06")
    closed = events.SessionClosed(
        session_id=session.session_id,
        at=from_datetime(at),
        defective=session.defective,
        engagement_ids=rules.ending(state, session_id=session.session_id),
    )
    return [closed]


def signers_of(session: Session) -> frozenset[int]:
    """Who has to sign: the minor, and in their parts those who attended for the minor."""
    attended = {_SIGNER_OF_PART[stay.part] for stay in session.stays if stay.part in _SIGNER_OF_PART}
    return frozenset({events.SIGNER_MINOR, *attended})


def _may_sign(session: Session, signer: int) -> None:
    if signer not in signers_of(session):
        raise IllegalState("SIGNER_NOT_PRESENT", "nobody attended in this part", rule="AA-R06")
    if signer in session.signed | session.refused:
        raise IllegalState("SIGNATURE_RECORDED", "this signature is recorded already")


def _flag(state: State, session: Session, stage: events.SessionStage.ValueType, at: datetime) -> list[Message]:
    if session.qualified:
        return []
    begins_at = session.last_at or at
    flagged = events.StageRanWithoutAdult(
        session_id=session.session_id,
        stage=stage,
        begins_at=from_datetime(begins_at),
        ends_at=from_datetime(at),
        guard=state.guard,  # type: ignore[arg-type]
    )
    return [flagged]
