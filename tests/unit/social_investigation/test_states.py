"""Every command in every state: only the transitions of domain/03 §3.3 are open."""

from typing import Any

import pytest

from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.errors import IllegalState
from services.social_investigation.investigation import DECIDER, DECISIONS
from services.social_investigation.state import State, evolve
from tests.unit.gwt import Story
from tests.unit.social_investigation import builders as b

EMPTY = Story.of(DECIDER, b.FACTS)
SUSPENDED = b.in_progress().after(b.bare(api.SuspendInvestigationRequest, reason=events.SUSPENSION_REASON_ILLNESS), b.MANAGER)
STATES: dict[str, Story[State]] = {
    "": EMPTY,
    "DRAFT": b.drafted(),
    "COMMISSIONED": b.commissioned(),
    "ACCEPTED": b.accepted(),
    "DECLINED": b.commissioned().after(b.bare(api.DeclineCommissionRequest, reason=events.DECLINE_REASON_CAPACITY), b.MANAGER),
    "ASSIGNED": b.assigned(),
    "IN_PROGRESS": b.in_progress(),
    "SUSPENDED": SUSPENDED,
    "DRAFTED": b.report_drafted(),
    "UNDER_SUPERVISION": b.approved(),
    "SUBMITTED": b.submitted(),
    "UNDER_EXAMINATION": b.examined(),
    "RETURNED": b.examined().after(b.bare(api.RequestSupplementRequest, questions=["请补充"]), b.ORGAN),
    "ADOPTED": b.adopted(),
    "NOT_ADOPTED": b.examined().after(b.reject(forwarded_with_file=True), b.ORGAN),
    "TRANSFERRED": b.transferred(),
    "CLOSED": b.transferred().after(b.bare(api.CloseInvestigationRequest), b.JUDGE),
    "WITHDRAWN": b.drafted().after(
        b.bare(api.WithdrawCommissionRequest, reason=events.WITHDRAWAL_REASON_CASE_DISMISSED), b.ORGAN
    ),
    "TERMINATED": b.drafted().after(
        b.bare(api.TerminateInvestigationRequest, reason=events.TERMINATION_REASON_SUBJECT_DIED), b.ORGAN
    ),
}
BEFORE_REPORT = {"DRAFT", "COMMISSIONED", "ACCEPTED", "ASSIGNED", "IN_PROGRESS", "SUSPENDED", "DRAFTED", "UNDER_SUPERVISION"}
AFTER_REPORT = {"SUBMITTED", "UNDER_EXAMINATION", "RETURNED", "ADOPTED", "NOT_ADOPTED", "TRANSFERRED"}
FIELDWORK = {"ASSIGNED", "IN_PROGRESS", "RETURNED"}
ASSIGNED_SINCE = {"ASSIGNED", "IN_PROGRESS", "SUSPENDED", "RETURNED"}
ACTIVE = BEFORE_REPORT | AFTER_REPORT

# Written from the table of the law page: which command is open in which state.
OPEN: dict[type, tuple[Any, set[str]]] = {
    api.CreateCommissionRequest: (b.create(), {""}),
    api.IssueCommissionRequest: (b.issue(), {"DRAFT"}),
    api.AcceptCommissionRequest: (b.bare(api.AcceptCommissionRequest), {"COMMISSIONED"}),
    api.DeclineCommissionRequest: (
        b.bare(api.DeclineCommissionRequest, reason=events.DECLINE_REASON_CONFLICT),
        {"COMMISSIONED"},
    ),
    api.AssignInvestigatorsRequest: (b.assign(), {"ACCEPTED"}),
    api.RequestRecusalRequest: (b.recusal(), ASSIGNED_SINCE),
    api.ReplaceInvestigatorRequest: (b.replacement(), ASSIGNED_SINCE),
    api.RecordInterviewRequest: (b.interview("00000000-0000-0000-0000-0000000000aa"), FIELDWORK),
    api.RecordVisitRequest: (
        b.bare(api.RecordVisitRequest, contact=b.contact("00000000-0000-0000-0000-0000000000ab")),
        FIELDWORK,
    ),
    api.RecordDocumentRequest: (b.document(), FIELDWORK),
    api.RecordConsentRequest: (b.consent(events.APPLICANT_MINOR), ACTIVE),
    api.SuspendInvestigationRequest: (
        b.bare(api.SuspendInvestigationRequest, reason=events.SUSPENSION_REASON_ILLNESS),
        {"IN_PROGRESS"},
    ),
    api.ResumeInvestigationRequest: (b.bare(api.ResumeInvestigationRequest), {"SUSPENDED"}),
    api.SubmitDraftRequest: (b.draft(), {"IN_PROGRESS", "RETURNED"}),
    api.ApproveDraftRequest: (b.bare(api.ApproveDraftRequest), {"DRAFTED"}),
    api.ReturnDraftRequest: (b.bare(api.ReturnDraftRequest, remarks="请补充"), {"DRAFTED"}),
    api.SubmitReportRequest: (b.submit(), {"UNDER_SUPERVISION"}),
    api.BeginExaminationRequest: (b.bare(api.BeginExaminationRequest), {"SUBMITTED"}),
    api.RequestSupplementRequest: (b.bare(api.RequestSupplementRequest, questions=["问"]), {"UNDER_EXAMINATION"}),
    api.AdoptReportRequest: (b.adopt(), {"UNDER_EXAMINATION"}),
    api.RejectReportRequest: (b.reject(), {"UNDER_EXAMINATION"}),
    api.TransferReportRequest: (b.transfer(), {"ADOPTED", "NOT_ADOPTED"}),
    api.ObjectToReportRequest: (b.objection(), AFTER_REPORT),
    api.SummonInvestigatorRequest: (
        b.bare(api.SummonInvestigatorRequest, officer="worker-1", hearing_on=b.day("2026-04-01")),
        {"TRANSFERRED"},
    ),
    api.AllegeFalsificationRequest: (b.allege(), (ACTIVE - BEFORE_REPORT) | {"DRAFTED", "UNDER_SUPERVISION", "CLOSED"}),
    api.WithdrawCommissionRequest: (
        b.bare(api.WithdrawCommissionRequest, reason=events.WITHDRAWAL_REASON_NO_LONGER_NEEDED),
        BEFORE_REPORT,
    ),
    api.TerminateInvestigationRequest: (
        b.bare(api.TerminateInvestigationRequest, reason=events.TERMINATION_REASON_PROVIDER_UNABLE),
        ACTIVE,
    ),
    api.CloseInvestigationRequest: (
        b.bare(api.CloseInvestigationRequest, note="附卷"),
        {"DECLINED", "ADOPTED", "NOT_ADOPTED", "TRANSFERRED"},
    ),
}
# These answer something that is open only after another command; the tests of safeguards and examination cover them.
ANSWERS = {
    api.DecideRecusalRequest,
    api.HandleObjectionRequest,
    api.DecideFalsificationRequest,
    api.RecordTestimonyRequest,
}
BY_PROVIDER = {
    api.AcceptCommissionRequest: b.MANAGER,
    api.DeclineCommissionRequest: b.MANAGER,
    api.AssignInvestigatorsRequest: b.MANAGER,
    api.ReplaceInvestigatorRequest: b.MANAGER,
    api.RequestRecusalRequest: b.MANAGER,
    api.RecordInterviewRequest: b.WORKER,
    api.RecordVisitRequest: b.WORKER,
    api.RecordDocumentRequest: b.WORKER,
    api.RecordConsentRequest: b.WORKER,
    api.SuspendInvestigationRequest: b.MANAGER,
    api.ResumeInvestigationRequest: b.MANAGER,
    api.SubmitDraftRequest: b.WORKER,
    api.ApproveDraftRequest: b.SUPERVISOR,
    api.ReturnDraftRequest: b.SUPERVISOR,
    api.SubmitReportRequest: b.MANAGER,
}
BY_THE_FILE = {api.ObjectToReportRequest, api.SummonInvestigatorRequest, api.CloseInvestigationRequest}


def test_the_table_knows_every_command_and_every_state() -> None:
    assert set(OPEN) | ANSWERS == set(DECISIONS)
    names = {name.removeprefix("INVESTIGATION_STATUS_") for name in api.InvestigationStatus.keys()}  # noqa: SIM118
    assert set(STATES) - {""} == names - {"UNSPECIFIED"}
    for name, story in STATES.items():
        assert api.InvestigationStatus.Name(story.state.status).endswith(name or "UNSPECIFIED")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("kind", OPEN, ids=lambda kind: str(kind.DESCRIPTOR.name))
def test_a_command_is_open_in_its_states_and_refused_in_all_others(kind: type, name: str) -> None:
    command, states = OPEN[kind]
    story = STATES[name]
    by = BY_PROVIDER.get(kind, b.ORGAN)
    if kind in BY_THE_FILE and name in {"TRANSFERRED", "CLOSED"}:
        by = b.JUDGE
    if name in states:
        assert story.when(command, by)
    else:
        with pytest.raises(IllegalState):
            story.when(command, by)


@pytest.mark.parametrize("kind", sorted(ANSWERS, key=str), ids=lambda kind: str(kind.DESCRIPTOR.name))
def test_an_answer_to_nothing_is_refused(kind: type) -> None:
    commands = {
        api.DecideRecusalRequest: b.decide_recusal(granted=True),
        api.HandleObjectionRequest: b.handle_objection(),
        api.DecideFalsificationRequest: b.decide_falsification(confirmed=True),
        api.RecordTestimonyRequest: b.bare(api.RecordTestimonyRequest, officer="worker-1", summary="说明"),
    }
    with pytest.raises(IllegalState):
        STATES["SUBMITTED"].when(commands[kind], b.ORGAN)


def test_where_nothing_was_drafted_there_is_no_investigation() -> None:
    EMPTY.refuses("INVESTIGATION_UNKNOWN", b.bare(api.AcceptCommissionRequest), b.MANAGER)


def test_an_event_of_another_kind_is_never_folded() -> None:
    with pytest.raises(TypeError):
        evolve(State(), api.AcceptCommissionRequest())
