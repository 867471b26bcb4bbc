"""The need: who must be there, what the legal representative says, and the request for another adult (#1 to #4).

Law: AA-R01 to AA-R04, AA-R09, AA-R10, AA-R13, AA-R20, AA-R21; AGE-05.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.types.v1 import types_pb2
from services.appropriate_adult import rules
from services.appropriate_adult.presence import NOT_BEGUN
from services.appropriate_adult.register import language
from services.appropriate_adult.room import paused_when_alone
from services.appropriate_adult.state import EXCLUDING_OUTCOMES, State
from services.kernel.age import ADULT_AT, criminal_age
from services.kernel.dates import from_datetime, to_date
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.law import result_of_rule

_VICTIM_OR_WITNESS = frozenset({events.MINOR_ROLE_VICTIM, events.MINOR_ROLE_WITNESS})
# Outcomes that can be known without an attempt to notify (AA-R21).
_WITHOUT_NOTICE = frozenset(
    {
        events.LEGAL_REP_OUTCOME_ACCOMPLICE,
        events.LEGAL_REP_OUTCOME_DEAD_MISSING_OR_INCAPABLE,
        events.LEGAL_REP_OUTCOME_UNREACHABLE,
        events.LEGAL_REP_OUTCOME_HARMFUL,
    }
)
# With these the legal representative need not be told (AA-R21).
_NOT_TOLD = frozenset(
    {
        events.LEGAL_REP_OUTCOME_ACCOMPLICE,
        events.LEGAL_REP_OUTCOME_DEAD_MISSING_OR_INCAPABLE,
        events.LEGAL_REP_OUTCOME_UNREACHABLE,
    }
)


def identify(command: api.IdentifyNeedRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#1. Law: AA-R01, AA-R04, AA-R13, AA-R20; the guard's strength is settled here (AA-R11, CON-08)."""
    if state.status:
        raise IllegalState("ASSIGNMENT_EXISTS", "an assignment with this id is there")
    case = facts.case
    if case is None:
        raise IllegalState("CASE_UNKNOWN", "the case is not opened")
    if case.closed:
        raise IllegalState("CASE_CLOSED", "the case is closed")
    if act.organ not in case.participants:
        raise IllegalState("ORGAN_NOT_COMPETENT", "the organ does not have the case", rule="AA-R01")
    if command.subject_id != case.subject_id:
        raise Invalid(Violation("subject_id", "is not the person of the case"))
    identified = events.AppropriateAdultNeedIdentified(
        assignment_id=command.assignment_id,
        case_id=command.case_id,
        referral_id=command.referral_id,
        organ_uscc=act.organ,
        provider_uscc=command.provider_uscc,
        subject_id=command.subject_id,
        case_stage=command.case_stage,
        **_what_follows(command, act, case.act_on),
    )
    return [identified]


def correct(command: api.CorrectNeedRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """What a referral could not say, or said wrongly, settles the guards anew; never under running questions."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    session = state.open_session
    if session is not None and session.status not in NOT_BEGUN:
        raise IllegalState("SESSION_OPEN", "a session is under way")
    act_on = facts.case.act_on if facts.case else None
    return [events.AppropriateAdultNeedCorrected(**_what_follows(command, act, act_on))]


def notify_legal_rep(command: api.NotifyLegalRepRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#2. Every attempt is an event; attempts go on while another adult is looked for. Law: AA-R01."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    notified = events.LegalRepNotified(
        subject_id=state.subject_id,
        method=command.method,
        at=from_datetime(act.occurred_at),
        person=command.person,
        reached=command.reached,
    )
    return [notified]


def record_outcome(command: api.RecordLegalRepOutcomeRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#3. With evidence, and with the minor told. Law: AA-R02, AA-R21."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    outcome = command.outcome
    if not state.notified and outcome not in _WITHOUT_NOTICE:
        raise IllegalState("LEGAL_REP_NOT_NOTIFIED", "an attempt to notify comes first", rule="AA-R01")
    if outcome != events.LEGAL_REP_OUTCOME_ATTENDING:
        if not command.minor_told:
            raise IllegalState("MINOR_NOT_TOLD", "the minor is told that another adult may come", rule="AA-R21")
        if outcome not in _NOT_TOLD and not command.legal_rep_told:
            raise IllegalState("LEGAL_REP_NOT_TOLD", "the legal representative is told", rule="AA-R21")
    recorded = events.LegalRepOutcomeRecorded(
        subject_id=state.subject_id,
        outcome=outcome,
        evidence=command.evidence,
        minor_told=command.minor_told,
        legal_rep_told=command.legal_rep_told,
    )
    return [recorded, *(paused_when_alone(state, recorded, act) if outcome in EXCLUDING_OUTCOMES else [])]


def request_adult(command: api.RequestAdultRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#4. Again after a refusal, a no-show or a vain search; to whom, the organ decides. Law: AA-R02, HO-06."""
    rules.in_status(
        state,
        api.ASSIGNMENT_STATUS_ADULT_REQUIRED,
        api.ASSIGNMENT_STATUS_REQUESTED,
        api.ASSIGNMENT_STATUS_FAILED_NO_ADULT,
    )
    rules.by_organ(state, act)
    provider = facts.agencies.get(command.provider_uscc)
    if command.provider_uscc != state.organ and (provider is None or provider.type not in rules.PROVIDER_TYPES):
        raise IllegalState("PROVIDER_UNKNOWN", "no desk or organisation is registered under this code", rule="AA-R17")
    if provider is not None and provider.suspended:
        raise IllegalState("PROVIDER_SUSPENDED", "this body is suspended")
    violations = [v for n, code in enumerate(command.languages) for v in language(code, f"languages[{n}]")]
    if violations:
        raise Invalid(*violations)
    rules.check_plan(command.session, state)
    session = state.open_session
    if session is not None and session.session_id != command.session.session_id:
        raise IllegalState("SESSION_OPEN", "another session is planned or under way")
    requested = events.AppropriateAdultRequested(
        subject_id=state.subject_id,
        provider_uscc=command.provider_uscc,
        session=command.session,
        languages=command.languages,
        place=command.place,
        minor_reference=command.minor_reference,
        answer_by=from_datetime(act.occurred_at + rules.DESK_ANSWER),
    )
    return [requested]


def _what_follows(command: api.IdentifyNeedRequest | api.CorrectNeedRequest, act: Act, act_on: date | None) -> dict[str, Any]:
    guard, found = _guard(command, act, act_on)
    girl = command.subject_sex == persons.SEX_FEMALE
    by_women = girl and (command.role not in _VICTIM_OR_WITNESS or command.sexual_or_violent)
    return {
        "role": command.role,
        "guard": guard,
        "age_unproven": command.age_unproven,
        "female_staff_required": by_women,
        "recording_required": command.sexual_or_violent,
        "sex_preference": _preference(command, girl=girl),
        "related_case_ids": command.related_case_ids,
        "rules": [*found, result_of_rule("AA-R09", act.on, "female_staff_required" if by_women else "not_required")],
    }


def _guard(
    command: api.IdentifyNeedRequest | api.CorrectNeedRequest, act: Act, act_on: date | None
) -> tuple[int, list[types_pb2.RuleResult]]:
    """How strong the guards are, and what the rules of age came to; doubt protects (AA-R20)."""
    guard = rules.GUARDS[command.role]
    born = to_date(command.birth_date)
    strength = events.GuardStrength.Name(guard).removeprefix("GUARD_STRENGTH_").lower()  # type: ignore[arg-type]
    settled = result_of_rule("AA-R11", act.on, f"guard_{strength}")
    if born is None or command.age_unproven:
        if not command.age_unproven:
            raise Invalid(Violation("birth_date", "is required unless age_unproven"))
        return guard, [settled, result_of_rule("AA-R20", act.on, "age_unproven")]
    # The day after the birthday, as criminal law counts: on the day itself the person is still protected.
    if criminal_age(born, act.on) < ADULT_AT:
        return guard, [settled, result_of_rule("AA-R01", act.on, "minor")]
    if act_on is not None and criminal_age(born, act_on) < ADULT_AT:
        # Turned 18 meanwhile: attendance is at the organ's discretion, so nothing blocks.
        return events.GUARD_STRENGTH_NOTED, [result_of_rule("AGE-05", act.on, "turned_eighteen")]
    raise IllegalState("NOT_A_MINOR", "the person is 18 or older", rule="AA-R01")


def _preference(command: api.IdentifyNeedRequest | api.CorrectNeedRequest, *, girl: bool) -> events.SexPreference.ValueType:
    """What the rule asks for, unless the minor wishes otherwise (AA-X08)."""
    wish = command.sex_preference
    if girl and command.role == events.MINOR_ROLE_VICTIM and command.sexual_or_violent:
        return wish if wish == events.SEX_PREFERENCE_MAN else events.SEX_PREFERENCE_WOMAN
    if wish:
        return wish
    return events.SEX_PREFERENCE_PREFER_WOMAN if girl else events.SEX_PREFERENCE_ANY
