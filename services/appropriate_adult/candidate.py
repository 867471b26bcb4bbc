"""The candidate: proposed, reserved, consulted on, confirmed, notified, replaced (#5, #7 to #9, #17).

Law: AA-R02, AA-R07, AA-R08, AA-R17, AA-R18; DL-AA-ONSITE; ACT-07 (only the organ confirms).
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.appropriate_adult import rules
from services.appropriate_adult.qualification import shortcomings
from services.appropriate_adult.room import paused_when_alone
from services.appropriate_adult.state import Candidate, State
from services.kernel.dates import from_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.law import result_of_rule

_AT_HAND = (api.ASSIGNMENT_STATUS_PROPOSED, api.ASSIGNMENT_STATUS_CHECKED, api.ASSIGNMENT_STATUS_CONSULTED)
_CONFIRMED = (api.ASSIGNMENT_STATUS_CONFIRMED, api.ASSIGNMENT_STATUS_NOTIFIED)


def propose(command: api.ProposeCandidateRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#5. Status and training are those of the register; whom the minor refused is not proposed again. Law: AA-R17."""
    rules.in_status(state, api.ASSIGNMENT_STATUS_REQUESTED)
    rules.by_party(state, act)
    adult = rules.adult_of(facts)
    if not adult.home:
        raise IllegalState("ADULT_UNKNOWN", "there is no such adult")
    if not adult.rostered and adult.home != state.organ:
        raise IllegalState("ADULT_UNKNOWN", "there is no such adult")
    if command.candidate_id in state.candidates_known:
        raise IllegalState("CANDIDATE_EXISTS", "a proposal with this id is recorded")
    if command.adult_id in state.put_aside:
        raise IllegalState("CANDIDATE_PUT_ASIDE", "this adult was refused or in conflict here", rule="AA-R07")
    if shortcomings(adult, act.on):
        raise IllegalState("ADULT_NOT_QUALIFIED", "the register shows that this adult may not attend", rule="AA-R17")
    session = state.open_session
    if session is None:
        raise IllegalState("SESSION_UNKNOWN", "no session is planned; ask for an adult with a plan")
    begins_at, ends_at = rules.engaged(session)
    proposed = events.CandidateProposed(
        candidate_id=command.candidate_id,
        adult_id=command.adult_id,
        session_id=session.session_id,
        begins_at=from_datetime(begins_at),
        ends_at=from_datetime(ends_at),
        home_uscc=adult.home,
        officer=adult.officer,
        standby=command.standby,
        rules=[result_of_rule("AA-R17", act.on, "qualified")],
    )
    activated = events.StandbyActivated(candidate_id=command.candidate_id, adult_id=command.adult_id)
    return [*([activated] if command.standby else []), proposed]


def record_reservation(command: api.RecordReservationRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """What the adult's calendar answered. An answer to what is no longer asked changes nothing."""
    rules.by_system(act)
    booked = state.bookings.get(command.engagement_id)
    if booked is None:
        raise IllegalState("ENGAGEMENT_UNKNOWN", "this assignment asked for no such engagement")
    adult_id, session_id = booked
    if command.engagement_id not in state.engaged:
        return []
    candidate = at_hand(state)
    if command.engagement_id == candidate.candidate_id:
        if candidate.reserved:
            return []
        if command.reserved:
            return [events.CandidateReserved(candidate_id=candidate.candidate_id)]
        return [events.CandidateUnavailable(candidate_id=candidate.candidate_id, adult_id=adult_id)]
    if command.reserved:
        return [events.SessionReserved(session_id=session_id, engagement_id=command.engagement_id)]
    return [events.SessionAdultUnavailable(session_id=session_id, adult_id=adult_id)]


def withdraw(command: api.WithdrawCandidateRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Puts a candidate aside before confirmation; the time is free again."""
    rules.in_status(state, *_AT_HAND)
    rules.by_party(state, act)
    if command.refusal == events.CANDIDATE_REFUSAL_MINOR_REFUSED:
        raise Invalid(Violation("refusal", "a refusal by the minor is recorded by ConsultMinor (AA-R07)"))
    candidate = at_hand(state)
    rejected = events.CandidateRejected(
        candidate_id=candidate.candidate_id,
        adult_id=candidate.adult_id,
        refusal=command.refusal,
        refusals=state.refusals,
        engagement_ids=rules.ending(state, adult_id=candidate.adult_id),
    )
    return [rejected]


def consult(command: api.ConsultMinorRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#7. A refusal with good reason brings another adult; it is never a waiver of presence. Law: AA-R07, AA-R08."""
    rules.in_status(state, api.ASSIGNMENT_STATUS_CHECKED)
    rules.by_organ(state, act)
    if command.accepts and command.refusal_allowed:
        raise Invalid(Violation("refusal_allowed", "goes with a refusal only"))
    if not command.accepts and not command.reason:
        raise Invalid(Violation("reason", "is required with a refusal"))
    candidate = at_hand(state)
    consulted = events.MinorConsulted(
        subject_id=state.subject_id,
        candidate_id=candidate.candidate_id,
        accepts=command.accepts,
        reason=command.reason,
        refusal_allowed=command.refusal_allowed,
    )
    if not command.refusal_allowed:
        return [consulted]
    rejected = events.CandidateRejected(
        candidate_id=candidate.candidate_id,
        adult_id=candidate.adult_id,
        refusal=events.CANDIDATE_REFUSAL_MINOR_REFUSED,
        refusals=state.refusals + 1,
        engagement_ids=rules.ending(state, adult_id=candidate.adult_id),
    )
    return [consulted, rejected]


def confirm(command: api.ConfirmAdultRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#8. Never before the calendar holds the time, nor on a check that has to be made again. Law: AA-R02, ACT-07."""
    rules.in_status(state, api.ASSIGNMENT_STATUS_CONSULTED)
    rules.by_organ(state, act)
    candidate = at_hand(state)
    if not candidate.reserved:
        raise IllegalState("CANDIDATE_NOT_RESERVED", "the adult's calendar has not answered yet; ask again")
    if candidate.stale:
        raise IllegalState("CONFLICT_CHECK_STALE", "a party came into the case: check again", rule="AA-X04")
    if shortcomings(rules.adult_of(facts), act.on):
        raise IllegalState("ADULT_NOT_QUALIFIED", "the register shows that this adult may not attend", rule="AA-R17")
    planned_from = rules.session_of(state, candidate.session_id).planned_from
    in_time = act.occurred_at + (rules.ON_SITE_RURAL if command.rural else rules.ON_SITE_URBAN)
    confirmed = events.AppropriateAdultConfirmed(
        candidate_id=candidate.candidate_id,
        adult_id=candidate.adult_id,
        on_site_by=from_datetime(max(planned_from, in_time)),
    )
    return [confirmed]


def serve_notice(command: api.ServeNoticeRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#9. F3; again when the plan has changed."""
    rules.in_status(state, *_CONFIRMED)
    rules.by_organ(state, act)
    notice = forms.AttendanceNotice()
    notice.CopyFrom(command.notice)
    kept = (
        ("organ_uscc", notice.organ_uscc, state.organ),
        ("subject_id", notice.subject_id, state.subject_id),
        ("adult.adult_id", notice.adult.adult_id, at_hand(state).adult_id),
    )
    violations = [Violation(f"notice.{path}", "differs from the assignment") for path, said, is_ in kept if said != is_]
    if violations:
        raise Invalid(*violations)
    notice.issued_at.CopyFrom(from_datetime(act.occurred_at))
    return [events.AttendanceNoticeServed(notice=notice, received=command.received)]


def replace_adult(command: api.ReplaceAdultRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#17. There is no limit to replacements; questions pause while nobody qualified is left. Law: AA-R07, AA-R08."""
    rules.in_status(state, *_CONFIRMED)
    rules.by_organ(state, act)
    candidate = at_hand(state)
    replaced = events.AppropriateAdultReplaced(
        candidate_id=candidate.candidate_id,
        adult_id=candidate.adult_id,
        reason=command.reason,
        replacements=state.replacements + 1,
        engagement_ids=rules.ending(state, adult_id=candidate.adult_id),
    )
    return [replaced, *paused_when_alone(state, replaced, act)]


def at_hand(state: State) -> Candidate:
    """The candidate, or the confirmed adult."""
    assert state.candidate is not None
    return state.candidate
