"""The directory's agencies: registered, changed, suspended and reinstated.

Law: domain/01 §1.2; ID-R05 (unified social credit code), ID-R08 and ID-R09 (division codes).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from services.kernel.dates import to_date
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.identifier import is_division_code


@dataclass(frozen=True, slots=True)
class State:
    """What is recorded of one agency; None before it is registered."""

    agency: directory.Agency | None = None
    suspended: bool = False


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one agency."""
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
