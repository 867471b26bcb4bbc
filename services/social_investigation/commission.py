"""The commission: drafted, issued, accepted or declined, investigators assigned, withdrawn, terminated, closed.

Law: SI-R01, SI-R02, SI-R12, SI-R16, SI-R17, SI-R20; the rules of age and of the letter are in letter.py.
"""

from collections.abc import Sequence
from datetime import date

from google.protobuf.message import Message

from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.dates import from_date, to_date
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.social_investigation import clocks, rules
from services.social_investigation import letter as f1
from services.social_investigation.state import State


def create(command: api.CreateCommissionRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#1. Law: SI-R01, SI-R12, AGE-05."""
    if state.status:
        raise IllegalState("INVESTIGATION_EXISTS", "an investigation with this id is there")
    letter = command.letter
    f1.check_draft(letter)
    f1.check_case(command.case_id, letter, act, facts)
    assert facts.case is not None
    act_on = to_date(command.act_on) or facts.case.act_on
    if facts.case.act_on and act_on != facts.case.act_on:
        raise Invalid(Violation("act_on", "differs from the day of the act in the case"))
    drafted = events.InvestigationCommissionDrafted(
        investigation_id=command.investigation_id,
        case_id=command.case_id,
        referral_id=command.referral_id,
        letter=letter,
        act_on=from_date(act_on),
        woman_required=letter.subject_sex == persons.SEX_FEMALE,
        rules=f1.of_age(letter, act_on, act),
    )
    return [drafted]


def issue(command: api.IssueCommissionRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#2. Law: SI-R02, SI-R20; the letter is whole, signed and sealed."""
    rules.in_status(state, api.INVESTIGATION_STATUS_DRAFT)
    rules.by_organ(state, act)
    letter = command.letter
    f1.check_case(state.case_id, letter, act, facts)
    rules.provider_ready(letter.provider_uscc, facts)
    violations = [
        Violation(f"letter.{name}", "differs from the draft")
        for name, drafted in (("subject_id", state.subject_id), ("case_stage", state.stage))
        if getattr(letter, name) != drafted
    ]
    violations += f1.incomplete(letter, act.on)
    if not command.stamped:
        violations.append(Violation("stamped", "a letter without the organ's seal is no commission"))
    if violations:
        raise Invalid(*violations)
    issued = forms.CommissionLetter()
    issued.CopyFrom(letter)
    issued.issued_on.MergeFrom(from_date(act.on))
    issued.signed_by, issued.sealed_with_stamp = command.signed_by, True
    clock = clocks.answer(issued, act.occurred_at, facts.settings)
    commissioned = events.InvestigationCommissioned(
        letter=issued,
        accept_by=clock.due.due_on,
        rules=[rules.result("SI-R02", act.on, "satisfied"), *f1.of_age(letter, state.act_on, act)],
        woman_required=letter.subject_sex == persons.SEX_FEMALE,
    )
    return [commissioned, clock]


def accept(_: api.AcceptCommissionRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#3. A late acceptance is recorded as late and counts all the same: deadlines inform, people decide."""
    rules.in_status(state, api.INVESTIGATION_STATUS_COMMISSIONED)
    rules.by_provider(state, act)
    assert state.accept_by is not None
    clock = clocks.report(state, act.occurred_at, facts.settings)
    accepted = events.CommissionAccepted(report_due_on=clock.due.due_on, late=act.on > state.accept_by)
    return [accepted, *clocks.met(state, clocks.ACCEPT_RULES, act.occurred_at, events.CommissionAccepted), clock]


def decline(command: api.DeclineCommissionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#4."""
    rules.in_status(state, api.INVESTIGATION_STATUS_COMMISSIONED)
    rules.by_provider(state, act)
    declined = events.CommissionDeclined(reason=command.reason, note=command.note)
    return [declined, *clocks.met(state, clocks.ACCEPT_RULES, act.occurred_at, events.CommissionDeclined)]


def assign(command: api.AssignInvestigatorsRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#5. Law: SI-R16 (two, a woman for a girl), SI-R17 (no conflict), SI-R19 (supervision)."""
    rules.in_status(state, api.INVESTIGATION_STATUS_ACCEPTED)
    rules.by_provider(state, act)
    officers = [investigator.officer for investigator in command.investigators]
    if len(set(officers)) != len(officers):
        raise Invalid(Violation("investigators", "names an officer twice"))
    if len(officers) < rules.INVESTIGATORS_MIN:
        raise IllegalState("TWO_INVESTIGATORS_REQUIRED", "an investigation is made by two at least", rule="SI-R16")
    for investigator in command.investigators:
        check_investigator(investigator, command.supervisor, act.on, undertaking=state.undertaking_required)
    if state.woman_required and not any(investigator.woman for investigator in command.investigators):
        raise IllegalState("FEMALE_STAFF_REQUIRED", "for a girl one investigator is a woman", rule="SI-R16")
    assigned = events.InvestigatorsAssigned(
        investigators=command.investigators,
        supervisor=command.supervisor,
        supervisor_name=command.supervisor_name or None,
        subject_id=state.subject_id,
        rules=[rules.result("SI-R16", act.on, "satisfied"), rules.result("SI-R17", act.on, "satisfied")],
    )
    return [assigned]


def check_investigator(investigator: events.Investigator, supervisor: str, on: date, *, undertaking: bool) -> None:
    """Raises IllegalState for an investigator who may not investigate here (domain/03 §3.6)."""
    if not investigator.adult_and_trained:
        raise IllegalState("INVESTIGATOR_NOT_QUALIFIED", "an investigator is adult and trained", rule="SI-R19")
    if not investigator.no_conflict_declared:
        raise IllegalState("CONFLICT_OF_INTEREST", "an investigator declares to have no conflict", rule="SI-R17")
    signed_on = to_date(investigator.undertaking_signed_on)
    if undertaking and (signed_on is None or signed_on > on):
        raise IllegalState("UNDERTAKING_MISSING", "an investigator has signed the confidentiality undertaking", rule="SI-R10")
    if investigator.appropriate_adult_in_case and not investigator.organ_consent_no:
        raise IllegalState("CONFLICT_OF_INTEREST", "the appropriate adult needs the organ's written consent", rule="SI-R17")
    if investigator.officer == supervisor:
        raise IllegalState("CONFLICT_OF_INTEREST", "the supervisor does not investigate", rule="SI-R19")


def withdraw(command: api.WithdrawCommissionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#22. Only before the report is handed in."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    if state.submitted:
        raise IllegalState("REPORT_SUBMITTED", "a report that was handed in is examined, not withdrawn")
    return [events.CommissionWithdrawn(reason=command.reason), *clocks.ended(state, events.CommissionWithdrawn)]


def terminate(command: api.TerminateInvestigationRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Ends an investigation that cannot or need not go on."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    if command.reason == events.TERMINATION_REASON_FALSIFICATION and not state.falsified:
        raise IllegalState("FALSIFICATION_NOT_CONFIRMED", "falsification is confirmed first", rule="SI-R11")
    return [events.InvestigationTerminated(reason=command.reason), *clocks.ended(state, events.InvestigationTerminated)]


def close(command: api.CloseInvestigationRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#23. A report that does not go on with the file is closed with a note that says why (SI-R05)."""
    rules.in_status(
        state,
        api.INVESTIGATION_STATUS_DECLINED,
        api.INVESTIGATION_STATUS_ADOPTED,
        api.INVESTIGATION_STATUS_NOT_ADOPTED,
        api.INVESTIGATION_STATUS_TRANSFERRED,
    )
    rules.by_organ_of_the_file(state, act)
    if state.objections:
        raise IllegalState("OBJECTION_OPEN", "an objection is not handled yet")
    if state.allegations:
        raise IllegalState("ALLEGATION_OPEN", "an allegation is not decided yet", rule="SI-R11")
    if state.status != api.INVESTIGATION_STATUS_TRANSFERRED and not command.note:
        raise Invalid(Violation("note", "says why the report does not go on with the file"))
    closed = events.InvestigationClosed(feedback_returned=command.feedback_returned, note=command.note)
    return [closed, *clocks.ended(state, events.InvestigationClosed)]
