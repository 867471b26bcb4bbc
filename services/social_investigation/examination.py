"""The organ examines the report: supplement, adoption as reference, rejection, transfer, court appearance.

Law: SI-R03, SI-R05, SI-R07, SI-R08.
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.dates import to_date
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.social_investigation import clocks, rules
from services.social_investigation.state import State


def begin(_: api.BeginExaminationRequest, state: State, act: Act, __: Facts) -> Sequence[Message]:
    """#14. Law: SI-R05."""
    rules.in_status(state, api.INVESTIGATION_STATUS_SUBMITTED)
    rules.by_organ(state, act)
    return [events.ReportExaminationStarted(examiner=act.officer)]


def request_supplement(command: api.RequestSupplementRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#15. Law: SI-R05; the supplement has a due day of its own."""
    rules.in_status(state, api.INVESTIGATION_STATUS_UNDER_EXAMINATION)
    rules.by_organ(state, act)
    given = to_date(command.due_on)
    if given and given < act.on:
        raise Invalid(Violation("due_on", "is past"))
    clock = clocks.supplement(state, act.occurred_at, given, facts.settings)
    requested = events.SupplementRequested(subject_id=state.subject_id, questions=command.questions, due_on=clock.due.due_on)
    return [requested, clock]


def adopt(command: api.AdoptReportRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#16. Law: SI-R03: a reference for the decision, never proof."""
    rules.in_status(state, api.INVESTIGATION_STATUS_UNDER_EXAMINATION)
    rules.by_organ(state, act)
    rules.not_frozen(state)
    return [events.ReportAdopted(use=command.use, subject_id=state.subject_id, note=command.note)]


def reject(command: api.RejectReportRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#17. Law: SI-R05; a report found false is named so only when the finding is recorded (SI-R11)."""
    rules.in_status(state, api.INVESTIGATION_STATUS_UNDER_EXAMINATION)
    rules.by_organ(state, act)
    if command.reason == events.NON_ADOPTION_REASON_FALSIFIED and not state.falsified:
        raise IllegalState("FALSIFICATION_NOT_CONFIRMED", "falsification is confirmed first", rule="SI-R11")
    rejected = events.ReportNotAdopted(
        reason=command.reason,
        subject_id=state.subject_id,
        note=command.note,
        forwarded_with_file=command.forwarded_with_file,
    )
    return [rejected]


def transfer(command: api.TransferReportRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#18. Law: SI-R05 (to the court with the file), SI-R08 (from the court to the executing body)."""
    rules.in_status(state, api.INVESTIGATION_STATUS_ADOPTED, api.INVESTIGATION_STATUS_NOT_ADOPTED)
    rules.by_organ(state, act)
    rules.not_frozen(state)
    if state.status == api.INVESTIGATION_STATUS_NOT_ADOPTED and not state.forwarded:
        raise IllegalState("NOT_FORWARDED", "a report that was not adopted goes on only where the file requires it")
    receiver = facts.agencies.get(command.to_uscc)
    if receiver is None:
        raise Invalid(Violation("to_uscc", "is not registered"))
    executing = state.stage == referrals.CASE_STAGE_TRIAL and receiver.type == "JUST"
    if not executing and receiver.type != rules.STAGE_ORGANS[command.to_stage]:
        raise IllegalState("ORGAN_NOT_COMPETENT", "the receiver does not have cases of this stage", rule="SI-R05")
    if command.to_stage < state.stage:
        raise Invalid(Violation("to_stage", "comes before the stage of the commission"))
    return [events.ReportTransferred(to_uscc=command.to_uscc, to_stage=command.to_stage)]


def summon(command: api.SummonInvestigatorRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#20. Law: SI-R07; by the court that has the file."""
    in_court = state.stage == referrals.CASE_STAGE_TRIAL and state.status == api.INVESTIGATION_STATUS_ADOPTED
    if not in_court:
        rules.in_status(state, api.INVESTIGATION_STATUS_TRANSFERRED)
    rules.by_organ_of_the_file(state, act)
    organ = facts.agencies.get(act.organ)
    if organ is None or organ.type != "COURT":
        raise IllegalState("ORGAN_NOT_COMPETENT", "only a court calls the authors", rule="SI-R07")
    violations = []
    if command.officer not in state.officers:
        violations.append(Violation("officer", "is no author of the report"))
    if (hearing := to_date(command.hearing_on)) and hearing < act.on:
        violations.append(Violation("hearing_on", "is past"))
    if violations:
        raise Invalid(*violations)
    return [events.InvestigatorSummoned(officer=command.officer, hearing_on=command.hearing_on)]


def testify(command: api.RecordTestimonyRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#20. Law: SI-R07."""
    rules.not_ended(state)
    rules.by_organ_of_the_file(state, act)
    if command.officer not in state.summoned:
        raise IllegalState("NOT_SUMMONED", "the officer was not called to court", rule="SI-R07")
    testified = events.InvestigatorTestified(officer=command.officer, subject_id=state.subject_id, summary=command.summary)
    return [testified]
