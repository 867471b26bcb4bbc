"""The commands of DeadlineService on the clocks of one stream, decided alike in every service. Pure.

Who is the competent organ, the aggregate has checked before.
Law: domain/10; ACT-07 (clocks of organs are kept by organs); domain/00 §0.4.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel import calendar, deadline_acts
from services.kernel.dates import to_datetime
from services.kernel.deadline import Deadline, Deadlines
from services.kernel.deadline_start import known, set_clock
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState

COMMANDS: frozenset[type[Message]] = frozenset(
    {
        api.SetDeadlineRequest,
        api.PauseDeadlineRequest,
        api.ResumeDeadlineRequest,
        api.ExtendDeadlineRequest,
        api.ResetDeadlineRequest,
        api.MeetDeadlineRequest,
        api.WaiveDeadlineRequest,
        api.RecomputeDeadlineRequest,
        api.PassDuePointRequest,
    }
)


def decide(
    command: Any,
    deadlines: Deadlines,
    act: Act,
    facts: Facts,
    *,
    informed: Sequence[str] = (),
    host_on: date | None = None,
) -> Sequence[Message]:
    """Events of a command on a clock; `informed` are told of a clock that is set, `host_on` ends the host period.

    Raises:
        IllegalState: there is no such clock, or its rule refuses.
    """
    if isinstance(command, api.SetDeadlineRequest):
        return [_set(command, deadlines, act, facts, informed)]
    clock = deadlines.get(command.deadline_id)
    if clock is None:
        raise IllegalState("DEADLINE_UNKNOWN", "there is no such clock in this stream")
    if isinstance(command, api.ExtendDeadlineRequest):
        return deadline_acts.extend(clock, command, act.occurred_at, host_on=host_on)
    return _DECISIONS[type(command)](command, clock, act)


def _set(
    command: api.SetDeadlineRequest, deadlines: Deadlines, act: Act, facts: Facts, informed: Sequence[str]
) -> pb.DeadlineSet:
    rule = known(command.rule_id)
    owner = facts.agencies.get(act.organ)
    if owner is None or owner.type not in rule.owners:
        raise IllegalState("ORGAN_NOT_COMPETENT", "the deadline is none of a body of this type", rule=command.rule_id)
    return set_clock(
        deadlines,
        command.rule_id,
        act.occurred_at,
        owner=act.organ,
        informed=informed,
        variant=command.variant,
        liberty_restricted=command.liberty_restricted,
        settings=facts.settings,
    )


def _waive(command: api.WaiveDeadlineRequest, clock: Deadline, _: Act) -> Sequence[Message]:
    return deadline_acts.waive(clock, command.reason, command.basis)


def _recompute(command: api.RecomputeDeadlineRequest, clock: Deadline, _: Act) -> Sequence[Message]:
    return deadline_acts.recompute(clock, command.cause, liberty_restricted=command.liberty_restricted, calendar=calendar.CHINA)


def _pass_point(command: api.PassDuePointRequest, clock: Deadline, act: Act) -> Sequence[Message]:
    return deadline_acts.pass_point(clock, command.days_before, to_datetime(command.due_at), act.recorded_at)


_DECISIONS: dict[type[Message], Callable[[Any, Deadline, Act], Sequence[Message]]] = {
    api.PauseDeadlineRequest: lambda command, clock, act: deadline_acts.pause(clock, command.reason, act.occurred_at),
    api.ResumeDeadlineRequest: lambda _, clock, act: deadline_acts.resume(clock, act.occurred_at),
    api.ResetDeadlineRequest: lambda command, clock, act: deadline_acts.reset(clock, command.cause, act.occurred_at),
    api.MeetDeadlineRequest: lambda _, clock, act: deadline_acts.meet(clock, act.occurred_at),
    api.WaiveDeadlineRequest: _waive,
    api.RecomputeDeadlineRequest: _recompute,
    api.PassDuePointRequest: _pass_point,
}
