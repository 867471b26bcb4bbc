"""Safeguards: recusal, objections to the report, allegations of falsification.

Law: SI-R11 (false reports), SI-R17 (recusal by analogy, decided by the commissioning organ).
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.social_investigation import rules
from services.social_investigation.commission import check_investigator
from services.social_investigation.state import State

# Who may ask that an investigator withdraw: those of domain/03 #6, and the victim's side as a party (CPL Art. 29).
_MAY_ASK_RECUSAL = frozenset(
    {
        events.APPLICANT_INVESTIGATOR,
        events.APPLICANT_MINOR,
        events.APPLICANT_LEGAL_REPRESENTATIVE,
        events.APPLICANT_DEFENDER,
        events.APPLICANT_VICTIM_SIDE,
    }
)
# Who may object to a report (domain/03 #19).
_MAY_OBJECT = _MAY_ASK_RECUSAL - {events.APPLICANT_INVESTIGATOR}


def request_recusal(command: api.RequestRecusalRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#6. While undecided, the investigator does not interview."""
    rules.in_status(
        state,
        api.INVESTIGATION_STATUS_ASSIGNED,
        api.INVESTIGATION_STATUS_IN_PROGRESS,
        api.INVESTIGATION_STATUS_SUSPENDED,
        api.INVESTIGATION_STATUS_RETURNED,
    )
    if act.organ not in {state.organ, state.provider}:
        raise IllegalState("ORGAN_NOT_COMPETENT", "organ or provider record the request", rule="SI-R17")
    violations = []
    if command.officer not in state.officers:
        violations.append(Violation("officer", "is no assigned investigator"))
    if command.applicant not in _MAY_ASK_RECUSAL:
        violations.append(Violation("applicant", "is nobody who may ask for recusal (SI-R17)"))
    if violations:
        raise Invalid(*violations)
    if command.recusal_id in state.recusals_known:
        raise IllegalState("RECUSAL_EXISTS", "a request with this id is recorded")
    requested = events.RecusalRequested(
        recusal_id=command.recusal_id,
        subject_id=state.subject_id,
        officer=command.officer,
        applicant=command.applicant,
        ground=command.ground,
        statement=command.statement,
    )
    return [requested]


def decide_recusal(command: api.DecideRecusalRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#6. Decided by the commissioning organ."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    if command.recusal_id not in state.recusals:
        raise IllegalState("RECUSAL_NOT_OPEN", "there is no undecided request with this id", rule="SI-R17")
    decided = events.RecusalDecided(
        recusal_id=command.recusal_id,
        officer=state.recusals[command.recusal_id],
        granted=command.granted,
        reason=command.reason,
        subject_id=state.subject_id,
    )
    return [decided]


def replace_investigator(command: api.ReplaceInvestigatorRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#6. The new investigator fulfils what the first ones had to."""
    rules.in_status(
        state,
        api.INVESTIGATION_STATUS_ASSIGNED,
        api.INVESTIGATION_STATUS_IN_PROGRESS,
        api.INVESTIGATION_STATUS_SUSPENDED,
        api.INVESTIGATION_STATUS_RETURNED,
    )
    rules.by_provider(state, act)
    new = command.replacement
    if command.officer not in state.officers:
        raise Invalid(Violation("officer", "is no assigned investigator"))
    if new.officer in state.officers:
        raise Invalid(Violation("replacement.officer", "is assigned already"))
    check_investigator(new, state.supervisor, act.on, undertaking=state.undertaking_required)
    women = [old for old in state.investigators if old.woman and old.officer != command.officer]
    if state.woman_required and not (new.woman or women):
        raise IllegalState("FEMALE_STAFF_REQUIRED", "for a girl one investigator is a woman", rule="SI-R16")
    return [events.InvestigatorReplaced(officer=command.officer, replacement=new, subject_id=state.subject_id)]


def object_to_report(command: api.ObjectToReportRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#19. Recorded by the organ that has the file, for those who object."""
    _after_submission(state)
    rules.by_organ_of_the_file(state, act)
    if command.applicant not in _MAY_OBJECT:
        raise Invalid(Violation("applicant", "is nobody who may object to a report"))
    if command.objection_id in state.objections_known:
        raise IllegalState("OBJECTION_EXISTS", "an objection with this id is recorded")
    raised = events.ReportObjectionRaised(
        objection_id=command.objection_id,
        subject_id=state.subject_id,
        applicant=command.applicant,
        statement=command.statement,
    )
    return [raised]


def handle_objection(command: api.HandleObjectionRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#19."""
    rules.not_ended(state)
    rules.by_organ_of_the_file(state, act)
    if command.objection_id not in state.objections:
        raise IllegalState("OBJECTION_NOT_OPEN", "there is no open objection with this id")
    handled = events.ObjectionHandled(
        objection_id=command.objection_id,
        outcome=command.outcome,
        hearing_held=command.hearing_held,
        subject_id=state.subject_id,
        note=command.note,
    )
    return [handled]


def allege_falsification(command: api.AllegeFalsificationRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#21. Freezes the use of the report until decided; even a closed report can be alleged to be false."""
    if not state.draft_no:
        raise IllegalState("NO_REPORT", "there is no report yet", rule="SI-R11")
    if act.organ not in {state.organ, state.provider, state.transferred_to}:
        raise IllegalState("ORGAN_NOT_COMPETENT", "a body that takes part records the allegation", rule="SI-R11")
    if command.allegation_id in state.allegations_known:
        raise IllegalState("ALLEGATION_EXISTS", "an allegation with this id is recorded")
    alleged = events.FalsificationAlleged(
        allegation_id=command.allegation_id,
        subject_id=state.subject_id,
        applicant=command.applicant,
        statement=command.statement,
    )
    return [alleged]


def decide_falsification(command: api.DecideFalsificationRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#21. By the organ that has the file; a confirmed finding freezes the report for good."""
    rules.by_organ_of_the_file(state, act)
    if command.allegation_id not in state.allegations:
        raise IllegalState("ALLEGATION_NOT_OPEN", "there is no open allegation with this id", rule="SI-R11")
    made = events.FalsificationConfirmed if command.confirmed else events.FalsificationDismissed
    return [made(allegation_id=command.allegation_id, subject_id=state.subject_id, finding=command.finding)]


def _after_submission(state: State) -> None:
    rules.not_ended(state)
    if not state.submitted:
        raise IllegalState("REPORT_NOT_SUBMITTED", "there is no report that was handed in")
