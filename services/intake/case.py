"""Cases: who handles them, who takes part and from when to when, under which numbers they run elsewhere, which clocks run.

Law: ID-R11 and ID-R16 (case numbers); ACT-01 to ACT-07 (which body may do what); participation instead of district, JUR-R01;
domain/10 §10.1 (the clocks of the organs, such as DL-PROS-1M and DL-ARREST-7D).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_service_pb2 as clocks
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as events
from guanhu.intake.v1 import intake_service_pb2 as api
from services.kernel import casenumber, deadline, deadline_acts, deadline_commands
from services.kernel.dates import from_date, to_date
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

# Which bodies may carry a case of a kind (domain/01 §1.2).
_ORGANS: dict[int, frozenset[str]] = {
    events.CASE_KIND_CRIMINAL: frozenset({"PSB", "PROC", "COURT"}),
    events.CASE_KIND_CIVIL_FAMILY: frozenset({"COURT", "PROC", "CIVIL"}),
    events.CASE_KIND_PROTECTION: frozenset({"CIVIL", "PROC", "COURT", "PSB"}),
    events.CASE_KIND_ADMINISTRATIVE: frozenset({"PSB", "PROC"}),
}
_HANDLING = directory.PARTICIPANT_SCOPE_HANDLING


@dataclass(frozen=True, slots=True)
class Participant:
    """An agency's part in the case; both days count, None is open."""

    uscc: str
    scope: int
    begins: date | None
    ends: date | None = None

    def takes_part(self, on: date) -> bool:
        """Whether the part covers a day."""
        return (self.begins is None or self.begins <= on) and (self.ends is None or on <= self.ends)


@dataclass(frozen=True, slots=True)
class State:
    """What is recorded of one case; `case_id` is empty before it is opened."""

    case_id: str = ""
    kind: int = 0
    organ: str = ""
    subject_id: str = ""
    act_on: date | None = None
    numbers: tuple[events.ExternalNumber, ...] = ()
    participants: tuple[Participant, ...] = ()
    duplicate_of: str = ""
    closed: bool = False
    deadlines: dict[str, deadline.Deadline] = field(default_factory=dict)

    def taking_part(self, on: date, *scopes: int) -> frozenset[str]:
        """Agencies that take part on a day, in any of the scopes; in every scope where none is named."""
        return frozenset(p.uscc for p in self.participants if p.takes_part(on) and (not scopes or p.scope in scopes))


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one case."""
    if isinstance(command, api.OpenCaseRequest):
        return _open(command, state, act, facts)
    if not state.case_id:
        raise IllegalState("CASE_UNKNOWN", "the case is not opened")
    if isinstance(command, clocks.PassDuePointRequest):
        return deadline_commands.decide(command, state.deadlines, act, facts)
    if state.closed:
        raise IllegalState("CASE_CLOSED", "the case is closed")
    if act.organ not in state.taking_part(act.on, _HANDLING):
        raise IllegalState("NOT_HANDLING", "only a body that handles the case changes it")
    if type(command) in deadline_commands.COMMANDS:
        handling = sorted(state.taking_part(act.on, _HANDLING))
        return deadline_commands.decide(command, state.deadlines, act, facts, informed=handling)
    return _DECISIONS[type(command)](command, state, act, facts)


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    match event:
        case events.CaseOpened():
            return State(event.case_id, event.kind, event.organ, event.subject_id, to_date(event.act_on))
        case directory.ParticipantAdded():
            added = Participant(event.uscc, event.scope, _day(getattr(event, "from")), to_date(event.to))
            return replace(state, participants=(*state.participants, added))
        case directory.ParticipantRemoved():
            ended = tuple(
                replace(p, ends=to_date(event.to)) if (p.uscc, p.scope) == (event.uscc, event.scope) else p
                for p in state.participants
            )
            return replace(state, participants=ended)
        case events.CaseNumberRecorded():
            return replace(state, numbers=(*state.numbers, event.number))
        case events.CaseLinked():
            return replace(state, duplicate_of=event.duplicate_of)
        case events.CaseClosed():
            return replace(state, closed=True)
    if type(event) in deadline.EVENTS:
        return replace(state, deadlines=deadline.evolve(state.deadlines, event))
    raise TypeError(event.DESCRIPTOR.full_name)


DECIDER = Decider("case", State(), decide, evolve)


def _open(command: api.OpenCaseRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    organ = facts.agencies.get(act.organ)
    if organ is None or organ.type not in _ORGANS[command.kind]:
        raise IllegalState("ORGAN_NOT_COMPETENT", "a body of this type carries no case of this kind", rule="ACT-07")
    act_on = to_date(command.act_on)
    violations = []
    if command.kind == events.CASE_KIND_CRIMINAL and act_on is None:
        violations.append(Violation("act_on", "is required in a criminal case: age is judged at the act (AGE-05)"))
    if act_on and act_on > act.on:
        violations.append(Violation("act_on", "lies after the opening of the case"))
    if command.subject_id not in facts.existing:
        violations.append(Violation("subject_id", "is no registered person"))
    if violations:
        raise Invalid(*violations)
    opened = events.CaseOpened(
        case_id=command.case_id,
        kind=command.kind,
        organ=act.organ,
        subject_id=command.subject_id,
        act_on=from_date(act_on),
        cause_code=command.cause_code,
    )
    if state.case_id:
        # Opening again what was opened alike is the same case (a repeated submission), anything else is not.
        if _same_opening(state, opened):
            return []
        raise IllegalState("CASE_EXISTS", "a case with this id is opened otherwise")
    return [opened, _added(command.case_id, act.organ, _HANDLING, act.on, None)]


def _same_opening(state: State, opened: events.CaseOpened) -> bool:
    same = (state.kind, state.organ, state.subject_id, state.act_on)
    return same == (opened.kind, opened.organ, opened.subject_id, to_date(opened.act_on))


def _add(command: api.AddParticipantRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    agency = facts.agencies.get(command.uscc)
    if agency is None or agency.suspended:
        raise Invalid(Violation("uscc", "is no agency of the directory, or is suspended"))
    if command.scope == _HANDLING and agency.type not in _ORGANS[state.kind]:
        raise IllegalState("ORGAN_NOT_COMPETENT", "a body of this type does not handle such a case", rule="ACT-07")
    begins, ends = _day(getattr(command, "from")) or act.on, to_date(command.to)
    if ends and ends < begins:
        raise Invalid(Violation("to", "is before from"))
    open_part = [p for p in state.participants if (p.uscc, p.scope) == (command.uscc, command.scope) and p.takes_part(begins)]
    if open_part:
        return []
    return [_added(state.case_id, command.uscc, command.scope, begins, ends)]


def _remove(command: api.RemoveParticipantRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    if command.uscc not in state.taking_part(act.on, command.scope):
        raise IllegalState("PARTICIPANT_UNKNOWN", "the agency does not take part in this scope")
    if command.scope == _HANDLING and state.taking_part(act.on, _HANDLING) == {command.uscc}:
        raise IllegalState("LAST_HANDLING_ORGAN", "a case is never without a body that handles it")
    removed = directory.ParticipantRemoved(
        case_id=state.case_id, uscc=command.uscc, scope=command.scope, to=from_date(act.on), reason=command.reason
    )
    return [removed]


def _number(command: api.RecordCaseNumberRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    if any(number.raw == command.raw and number.uscc == act.organ for number in state.numbers):
        return []
    parsed = casenumber.parse(command.raw)
    number = events.ExternalNumber(
        raw=command.raw,
        parse=events.NumberParse.Value(f"NUMBER_PARSE_{parsed.format}"),
        year=parsed.year,
        organ=parsed.organ,
        type_code=parsed.type_code,
        serial=parsed.serial,
        uscc=act.organ,
    )
    return [events.CaseNumberRecorded(case_id=state.case_id, number=number)]


def _link(command: api.LinkCaseRequest, state: State, _: Act, facts: Facts) -> Sequence[Message]:
    if command.duplicate_of == state.case_id:
        raise Invalid(Violation("duplicate_of", "is the case itself"))
    if command.duplicate_of not in facts.existing:
        raise Invalid(Violation("duplicate_of", "is no case open to the caller"))
    if state.duplicate_of == command.duplicate_of:
        return []
    if state.duplicate_of:
        raise IllegalState("CASE_ALREADY_LINKED", "the case is linked to another one")
    return [events.CaseLinked(case_id=state.case_id, duplicate_of=command.duplicate_of, reason=command.reason)]


def _close(command: api.CloseCaseRequest, state: State, _: Act, __: Facts) -> Sequence[Message]:
    # What the clocks of a closed case stood for ended with it.
    ended = deadline_acts.waive_open(state.deadlines, events.CaseClosed.DESCRIPTOR.full_name)
    return [events.CaseClosed(case_id=state.case_id, reason=command.reason), *ended]


def _added(case_id: str, uscc: str, scope: int, begins: date, ends: date | None) -> directory.ParticipantAdded:
    added = directory.ParticipantAdded(case_id=case_id, uscc=uscc, scope=scope, to=from_date(ends))  # type: ignore[arg-type]
    getattr(added, "from").CopyFrom(from_date(begins))
    return added


def _day(value: Any) -> date | None:
    # `from` is a word of Python, so the field is only reached by name.
    return to_date(value)


_DECISIONS: dict[type[Message], Callable[[Any, State, Act, Facts], Sequence[Message]]] = {
    api.AddParticipantRequest: _add,
    api.RemoveParticipantRequest: _remove,
    api.RecordCaseNumberRequest: _number,
    api.LinkCaseRequest: _link,
    api.CloseCaseRequest: _close,
}
