"""The letter of commission (F1): whose case it is about, whether it is whole, what the age rules come to.

Law: SI-R01, SI-R02, SI-R12, SI-R20; AGE-02, AGE-04, AGE-05; ID-R08, ID-R09.
"""

import re
from datetime import date

from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.types.v1 import types_pb2
from services.kernel.age import ADULT_AT, criminal_age
from services.kernel.dates import to_date
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.identifier import is_division_code
from services.social_investigation import clocks, rules

# What even a draft of a letter says: without it nobody could go on with it.
_IN_EVERY_DRAFT = ("organ_uscc", "provider_uscc", "case_stage", "subject_id")
_IN_CUSTODY = frozenset({forms.COERCIVE_MEASURE_DETENTION, forms.COERCIVE_MEASURE_ARREST})
# Stages whose own period the law sets (DL-ARREST-*, DL-PROS-*, DL-TRIAL); the others have one only sometimes.
_WITH_HOST_PERIOD = frozenset(
    {referrals.CASE_STAGE_ARREST_REVIEW, referrals.CASE_STAGE_PROSECUTION_REVIEW, referrals.CASE_STAGE_TRIAL}
)
_DEADLINE_ID = re.compile(r"DL(-[A-Z0-9]+)+")


def check_draft(letter: forms.CommissionLetter) -> None:
    """Raises Invalid for a draft that nobody could go on with."""
    missing = [name for name in _IN_EVERY_DRAFT if not getattr(letter, name)]
    if missing:
        raise Invalid(*(Violation(f"letter.{name}", "is required") for name in missing))


def check_case(case_id: str, letter: forms.CommissionLetter, act: Act, facts: Facts) -> None:
    """Raises a refusal unless the acting organ has the open case at the stage of the letter."""
    case = facts.case
    if case is None or case.case_id != case_id:
        raise IllegalState("CASE_UNKNOWN", "the case is not opened")
    if case.closed:
        raise IllegalState("CASE_CLOSED", "the case is closed")
    organ = facts.agencies.get(act.organ)
    if organ is None or organ.type != rules.STAGE_ORGANS[letter.case_stage] or act.organ not in case.participants:
        raise IllegalState("ORGAN_NOT_COMPETENT", "the organ does not have the case at this stage", rule="SI-R01")
    violations = []
    if letter.organ_uscc != act.organ:
        violations.append(Violation("letter.organ_uscc", "is not the organ that acts"))
    if letter.subject_id != case.subject_id:
        violations.append(Violation("letter.subject_id", "is not the person of the case"))
    if violations:
        raise Invalid(*violations)


def incomplete(letter: forms.CommissionLetter, on: date) -> list[Violation]:
    """What an issued letter lacks besides what is required of every letter: the fields that depend on others."""
    violations = _dates(letter, on)
    if rules.is_criminal(letter.case_stage) and not letter.coercive_measure:
        violations.append(Violation("letter.coercive_measure", "is required in a criminal case (F1)"))
    if letter.coercive_measure in _IN_CUSTODY and not letter.place_of_custody:
        violations.append(Violation("letter.place_of_custody", "is required with detention or arrest (F1)"))
    if letter.psychological_assessment_requested and not letter.psychological_consent:
        violations.append(Violation("letter.psychological_consent", "is required with an assessment (F1, SI-R09)"))
    if not letter.confidentiality_level:
        violations.append(Violation("letter.confidentiality_level", "is required (F1)"))
    if not is_division_code(letter.residence_division_code):
        violations.append(Violation("letter.residence_division_code", "is no division code of 6 or 12 digits (ID-R08)"))
    return violations


def of_age(letter: forms.CommissionLetter, act_on: date | None, act: Act) -> list[types_pb2.RuleResult]:
    """What the age rules came to; only an age that is proven can refuse, and doubt never does (AGE-04)."""
    if not rules.is_criminal(letter.case_stage):
        return [rules.result("SI-R12", act.on, "civil_case")]
    if act_on is None:
        raise Invalid(Violation("act_on", "is required in a criminal case: age is judged at the act (AGE-05)"))
    born = to_date(letter.birth_date)
    if born is None or letter.age_basis in {persons.AGE_BASIS_UNPROVEN, persons.AGE_BASIS_SELF_STATED}:
        return [rules.result("AGE-04", act.on, "unproven")]
    age = criminal_age(born, act_on)
    if age >= ADULT_AT:
        raise IllegalState("NOT_A_MINOR_AT_ACT", "the person was 18 or older at the act", rule="AGE-05")
    if age < rules.responsibility_age_min(act_on):
        raise IllegalState("UNDER_RESPONSIBILITY_AGE", "no criminal stage is possible at this age", rule="AGE-02")
    found = [rules.result("AGE-05", act.on, "minor_at_act")]
    # Responsibility follows the law of the day of the act, not that of the day of the letter.
    if age < rules.RESPONSIBILITY_AGE_LISTED:
        found.append(rules.result("AGE-02", act_on, "needs_spp_approval"))
    elif age < rules.RESPONSIBILITY_AGE_ALL:
        found.append(rules.result("AGE-02", act_on, "listed_offences_only"))
    return found


def _dates(letter: forms.CommissionLetter, on: date) -> list[Violation]:
    due, host = to_date(letter.due_on), to_date(letter.host_deadline_on)
    assert due is not None
    violations = []
    if due < on:
        violations.append(Violation("letter.due_on", "is past"))
    if letter.host_deadline_id and not _DEADLINE_ID.fullmatch(letter.host_deadline_id):
        violations.append(Violation("letter.host_deadline_id", "is no id of a deadline, such as DL-PROS-1M"))
    if not letter.host_deadline_id and letter.case_stage in _WITH_HOST_PERIOD:
        violations.append(Violation("letter.host_deadline_id", "is required at this stage (F1, SI-R20)"))
    if bool(letter.host_deadline_id) != bool(host):
        violations.append(Violation("letter.host_deadline_on", "comes with host_deadline_id"))
    if host and due > clocks.latest_before_host(host):
        violations.append(Violation("letter.due_on", "lies less than a working day before the host deadline"))
    return violations
