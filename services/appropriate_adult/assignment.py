"""The assignment: which command is decided where. States and guards are those of domain/04 §4.3."""

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from services.appropriate_adult import candidate, clocks, conflict, need, outcome, record, room, session
from services.appropriate_adult.state import State, evolve
from services.kernel import deadline_commands
from services.kernel.decision import Act, Decider, Facts


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one assignment, and what they mean to its clocks."""
    if type(command) in deadline_commands.COMMANDS:
        return clocks.decide(command, state, act, facts)
    return clocks.with_clocks(command, DECISIONS[type(command)](command, state, act, facts), state, act, facts)


# In the order and with the numbers of the table in domain/04 §4.3.
DECISIONS: dict[type[Message], Callable[[Any, State, Act, Facts], Sequence[Message]]] = {
    api.IdentifyNeedRequest: need.identify,  # 1
    api.CorrectNeedRequest: need.correct,  # 1
    api.NotifyLegalRepRequest: need.notify_legal_rep,  # 2
    api.RecordLegalRepOutcomeRequest: need.record_outcome,  # 3
    api.RequestAdultRequest: need.request_adult,  # 4
    api.ProposeCandidateRequest: candidate.propose,  # 5
    api.RecordReservationRequest: candidate.record_reservation,  # 5
    api.WithdrawCandidateRequest: candidate.withdraw,  # 5
    api.RunConflictCheckRequest: conflict.check,  # 6
    api.AddPartyRequest: conflict.add_party,  # 6
    api.ConsultMinorRequest: candidate.consult,  # 7
    api.ConfirmAdultRequest: candidate.confirm,  # 8
    api.ServeNoticeRequest: candidate.serve_notice,  # 9
    api.ScheduleSessionRequest: session.schedule,
    api.CancelSessionRequest: session.cancel,
    api.RecordArrivalRequest: session.arrive,  # 10
    api.RecordNoShowRequest: session.no_show,  # 10
    api.InformRightsRequest: session.inform,  # 11
    api.StartSessionRequest: session.start,  # 12
    api.LeaveRoomRequest: room.leave,  # 13
    api.ReturnToRoomRequest: room.come_back,  # 13
    api.RaiseObjectionRequest: room.object_to,  # 14
    api.ResolveObjectionRequest: room.resolve,  # 14
    api.PauseSessionRequest: room.pause,  # 15
    api.ResumeSessionRequest: room.resume,  # 15
    api.EndSessionRequest: room.end,  # 15
    api.ReadRecordRequest: record.read,  # 16
    api.SignRecordRequest: record.sign,  # 16
    api.RefuseSignatureRequest: record.refuse,  # 16
    api.RecordObservationsRequest: record.observe,
    api.CloseSessionRequest: record.close,
    api.ReplaceAdultRequest: candidate.replace_adult,  # 17
    api.ContinueAtNextStageRequest: outcome.continue_at_next_stage,  # 18
    api.CompleteAssignmentRequest: outcome.complete,  # 18
    api.ReleaseAssignmentRequest: outcome.release,  # 18
    api.RecordNoAdultFoundRequest: outcome.none_found,  # 18
    api.ExcludeSessionEvidenceRequest: outcome.exclude,  # 19
    api.CureSessionDefectRequest: outcome.cure,  # 19
}

DECIDER = Decider("assignment", State(), decide, evolve)
