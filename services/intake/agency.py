"""The directory's agencies: registered, changed, suspended and reinstated.

Also the lengths of deadlines that an agency makes its own, where no law fixes them (domain/00 §0.1, domain/10).
Law: domain/01 §1.2; ID-R05 (unified social credit code), ID-R08 and ID-R09 (division codes).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from google.protobuf.message import Message

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from services.kernel.dates import to_date
from services.kernel.deadline import Setting
from services.kernel.deadline_start import known
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.identifier import is_division_code


@dataclass(frozen=True, slots=True)
class State:
    """What is recorded of one agency; None before it is registered."""

    agency: directory.Agency | None = None
    suspended: bool = False
    settings: tuple[Setting, ...] = ()


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one agency."""
    if isinstance(command, api.ChangeDeadlineSettingRequest):
        return _set_length(command, state, act)
    return _DECISIONS[type(command)](command, state, facts)


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    match event:
        case directory.AgencyRegistered() | directory.AgencyChanged():
            return replace(state, agency=event.agency)
        case directory.AgencySuspended():
            return replace(state, suspended=True)
        case directory.AgencyReinstated():
            return replace(state, suspended=False)
        case directory.DeadlineSettingChanged():
            return replace(state, settings=(*state.settings, _setting(event)))
    raise TypeError(event.DESCRIPTOR.full_name)


DECIDER = Decider("agency", State(), decide, evolve)


def _register(command: api.RegisterAgencyRequest, state: State, facts: Facts) -> Sequence[Message]:
    _check(command.agency, facts)
    if state.agency is None:
        return [directory.AgencyRegistered(agency=command.agency)]
    if state.agency == command.agency:
        return []
    raise IllegalState("AGENCY_EXISTS", "the agency is registered otherwise; change it instead")


def _change(command: api.ChangeAgencyRequest, state: State, facts: Facts) -> Sequence[Message]:
    before = _registered(state)
    _check(command.agency, facts)
    if command.agency.type != before.type:
        raise IllegalState("AGENCY_TYPE_FIXED", "an agency keeps its type; a body of another type is another agency")
    if command.agency == before:
        return []
    return [directory.AgencyChanged(agency=command.agency, reason=command.reason)]


def _suspend(command: api.SuspendAgencyRequest, state: State, _: Facts) -> Sequence[Message]:
    _registered(state)
    if command.reinstate != state.suspended:
        return []
    if command.reinstate:
        return [directory.AgencyReinstated(uscc=command.uscc, reason=command.reason)]
    return [directory.AgencySuspended(uscc=command.uscc, reason=command.reason)]


def _set_length(command: api.ChangeDeadlineSettingRequest, state: State, act: Act) -> Sequence[Message]:
    _registered(state)
    rule = known(command.rule_id)
    if rule.fixed_by_law:
        raise IllegalState("DEADLINE_FIXED_BY_LAW", "the law fixes this number", rule=command.rule_id)
    begins = to_date(command.effective_on)
    assert begins is not None
    default = rule.versions[-1].lengths.get(command.variant)
    violations = []
    if default is None:
        violations.append(Violation("variant", "is none of the rule's lengths"))
    elif command.HasField("length") and _units(command.length) != _units(default):
        violations.append(Violation("length", "is one number in the unit of the rule"))
    if begins < act.on:
        violations.append(Violation("effective_on", "is past: clocks that were set keep their length (LAW-01)"))
    if violations:
        raise Invalid(*violations)
    changed = directory.DeadlineSettingChanged(
        uscc=command.uscc,
        rule_id=command.rule_id,
        variant=command.variant,
        length=command.length if command.HasField("length") else None,
        effective_on=command.effective_on,
        reason=command.reason,
    )
    return [] if _setting(changed) in state.settings else [changed]


def _setting(event: directory.DeadlineSettingChanged) -> Setting:
    length = event.length if event.HasField("length") else None
    return Setting(event.uscc, event.rule_id, event.variant, length, to_date(event.effective_on) or date.min)


def _units(length: Message) -> set[str]:
    return {field.name for field, _ in length.ListFields()}


def _registered(state: State) -> directory.Agency:
    if state.agency is None:
        raise IllegalState("AGENCY_UNKNOWN", "the agency is not registered")
    return state.agency


def _check(agency: directory.Agency, facts: Facts) -> None:
    violations = []
    for name in ("code", "successor"):
        code = getattr(agency.division, name)
        if code and not is_division_code(code):
            violations.append(Violation(f"agency.division.{name}", "is no division code of 6 or 12 digits"))
    begins, ends = to_date(agency.division.valid_from), to_date(agency.division.valid_to)
    if begins and ends and ends < begins:
        violations.append(Violation("agency.division.valid_to", "is before valid_from"))
    if agency.parent_uscc == agency.uscc:
        violations.append(Violation("agency.parent_uscc", "is the agency itself"))
    elif agency.parent_uscc and agency.parent_uscc not in facts.agencies:
        violations.append(Violation("agency.parent_uscc", "is not registered"))
    if violations:
        raise Invalid(*violations)


_DECISIONS: dict[type[Message], Callable[[Any, State, Facts], Sequence[Message]]] = {
    api.RegisterAgencyRequest: _register,
    api.ChangeAgencyRequest: _change,
    api.SuspendAgencyRequest: _suspend,
}
