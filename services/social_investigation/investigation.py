"""The social investigation: which command is decided where. States and guards are those of domain/03 §3.3."""

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.message import Message

from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel import deadline_commands
from services.kernel.decision import Act, Decider, Facts
from services.social_investigation import clocks, commission, examination, fieldwork, reporting, safeguards
from services.social_investigation.state import State, evolve


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one investigation."""
    if type(command) in deadline_commands.COMMANDS:
        return clocks.decide(command, state, act, facts)
    return DECISIONS[type(command)](command, state, act, facts)


# In the order and with the numbers of the table in domain/03 §3.3.
DECISIONS: dict[type[Message], Callable[[Any, State, Act, Facts], Sequence[Message]]] = {
    api.CreateCommissionRequest: commission.create,  # 1
    api.IssueCommissionRequest: commission.issue,  # 2
    api.AcceptCommissionRequest: commission.accept,  # 3
    api.DeclineCommissionRequest: commission.decline,  # 4
    api.AssignInvestigatorsRequest: commission.assign,  # 5
    api.RequestRecusalRequest: safeguards.request_recusal,  # 6
    api.DecideRecusalRequest: safeguards.decide_recusal,  # 6
    api.ReplaceInvestigatorRequest: safeguards.replace_investigator,  # 6
    api.RecordInterviewRequest: fieldwork.interview,  # 7
    api.RecordVisitRequest: fieldwork.visit,  # 7
    api.RecordDocumentRequest: fieldwork.document,  # 7
    api.RecordConsentRequest: fieldwork.consent,  # 8
    api.SuspendInvestigationRequest: fieldwork.suspend,  # 9
    api.ResumeInvestigationRequest: fieldwork.resume,  # 10
    api.SubmitDraftRequest: reporting.submit_draft,  # 11
    api.ApproveDraftRequest: reporting.approve,  # 12
    api.ReturnDraftRequest: reporting.return_draft,  # 12
    api.SubmitReportRequest: reporting.submit_report,  # 13
    api.BeginExaminationRequest: examination.begin,  # 14
    api.RequestSupplementRequest: examination.request_supplement,  # 15
    api.AdoptReportRequest: examination.adopt,  # 16
    api.RejectReportRequest: examination.reject,  # 17
    api.TransferReportRequest: examination.transfer,  # 18
    api.ObjectToReportRequest: safeguards.object_to_report,  # 19
    api.HandleObjectionRequest: safeguards.handle_objection,  # 19
    api.SummonInvestigatorRequest: examination.summon,  # 20
    api.RecordTestimonyRequest: examination.testify,  # 20
    api.AllegeFalsificationRequest: safeguards.allege_falsification,  # 21
    api.DecideFalsificationRequest: safeguards.decide_falsification,  # 21
    api.WithdrawCommissionRequest: commission.withdraw,  # 22
    api.CloseInvestigationRequest: commission.close,  # 23
    api.TerminateInvestigationRequest: commission.terminate,
}

DECIDER = Decider("investigation", State(), decide, evolve)
