"""Minors and other persons under pseudonymous ids; who they are is personal and sealed.

Law: ID-R01 to ID-R04 (identity numbers; proven facts win), AGE-04 (age in doubt).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import person_events_pb2 as events
from services.kernel.dates import to_date
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.identifier import parse_identity_number


@dataclass(frozen=True, slots=True)
class State:
    """What is recorded of one person in clear; `person_id` is empty before registration."""

    person_id: str = ""
    part: int = 0
    identity_status: int = 0
    age_basis: int = 0
    corrections: int = 0


def decide(command: Any, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Events of a command on one person."""
    warnings = _check(command, act)
    if isinstance(command, api.RegisterPersonRequest):
        if state.person_id:
            raise IllegalState("PERSON_EXISTS", "a person with this id is registered; correct it instead")
        registered = events.PersonRegistered(
            details=command.details,
            part=command.part,
            identity_status=command.identity_status,
            age_basis=command.age_basis,
            warnings=warnings,
        )
        return [registered]
    if not state.person_id:
        raise IllegalState("PERSON_UNKNOWN", "the person is not registered")
    corrected = events.PersonCorrected(
        details=command.details,
        identity_status=command.identity_status,
        age_basis=command.age_basis,
        reason=command.reason,
        warnings=warnings,
    )
    return [corrected]


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    match event:
        case events.PersonRegistered():
            return State(event.details.person_id, event.part, event.identity_status, event.age_basis)
        case events.PersonCorrected():
            return replace(
                state,
                identity_status=event.identity_status,
                age_basis=event.age_basis,
                corrections=state.corrections + 1,
            )
    raise TypeError(event.DESCRIPTOR.full_name)


DECIDER = Decider("person", State(), decide, evolve)


def _check(command: Any, act: Act) -> list[str]:
    """Warnings for a person to judge; raises Invalid for what cannot be recorded at all."""
    details, warnings, violations = command.details, [], []
    born = to_date(details.birth_date)
    if born and born > act.on:
        violations.append(Violation("details.birth_date", "lies after the registration"))
    if born is None and command.age_basis != events.AGE_BASIS_UNPROVEN:
        violations.append(Violation("details.birth_date", "is required unless age_basis is AGE_BASIS_UNPROVEN"))
    if command.identity_status == events.IDENTITY_STATUS_VERIFIED and not (
        details.name and (details.id_number or details.other_document)
    ):
        violations.append(Violation("identity_status", "a verified identity has a name and a document"))
    if details.id_number:
        number = parse_identity_number(details.id_number)
        if number is None:
            violations.append(Violation("details.id_number", "is no resident identity number (GB 11643)"))
        else:
            # A number may contradict proven facts, which then stand (ID-R04): both are kept, and it is said.
            if born and number.birth_date != born:
                warnings.append("ID_NUMBER_BIRTH_DATE_DIFFERS")
            if details.sex in _FEMALE and number.female != _FEMALE[details.sex]:
                warnings.append("ID_NUMBER_SEX_DIFFERS")
    if command.age_basis in {events.AGE_BASIS_UNPROVEN, events.AGE_BASIS_SELF_STATED}:
        warnings.append("AGE_UNPROVEN")
    if violations:
        raise Invalid(*violations)
    return warnings


_FEMALE = {events.SEX_FEMALE: True, events.SEX_MALE: False}
