"""The adult on the register: which command is decided where (domain/04 F6)."""

from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from services.appropriate_adult import engagement, register, rota
from services.appropriate_adult.adult_state import AdultState, evolve
from services.kernel.decision import Act, Decider, Facts


def decide(command: Message, state: AdultState, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one adult."""
    return DECISIONS[type(command)](command, state, act, facts)


DECISIONS: dict[type[Message], Callable[[Any, AdultState, Act, Facts], Sequence[Message]]] = {
    api.RegisterAdultRequest: register.register,
    api.ChangeAdultRequest: register.change,
    api.RecordTrainingRequest: register.train,
    api.RecordCriminalRecordQueryRequest: register.query_record,
    api.SuspendAdultRequest: register.suspend,
    api.ReinstateAdultRequest: register.reinstate,
    api.RemoveAdultRequest: register.remove,
    api.SetAvailabilityRequest: rota.set_availability,
    api.RecordHolidayRequest: rota.record_holiday,
    api.CancelHolidayRequest: rota.cancel_holiday,
    api.AssignShiftRequest: rota.assign_shift,
    api.CancelShiftRequest: rota.cancel_shift,
    api.OfferShiftRequest: rota.offer_shift,
    api.TakeShiftRequest: rota.take_shift,
    api.HandOverShiftRequest: rota.hand_over_shift,
    api.ReserveEngagementRequest: engagement.reserve,
    api.ConfirmEngagementRequest: engagement.confirm,
    api.ReleaseEngagementRequest: engagement.release,
}

DECIDER = Decider("adult", AdultState(), decide, evolve)
