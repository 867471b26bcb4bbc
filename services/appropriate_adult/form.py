"""The form on paper (F3, F4, F5): issued once by the body whose form it is, and the same for ever after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import form_events_pb2 as events
from guanhu.appropriate_adult.v1 import form_service_pb2 as api
from services.appropriate_adult.form_sources import Source
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation


@dataclass(frozen=True, slots=True)
class FormState:
    """One form; `form_id` is empty before it was issued."""

    form_id: str = ""
    kind: int = 0
    assignment_id: str = ""
    case_id: str = ""
    version: int = 0
    pdf_sha256: bytes = b""
    docx_sha256: bytes = b""


@dataclass(frozen=True, slots=True)
class FormFacts(Facts):
    """What a decision is told besides: the event that the form is printed from, and the form as it was just printed."""

    source: Source | None = None
    printed: events.FormIssued | None = None


def check(command: api.IssueFormRequest, act: Act, facts: FormFacts) -> Source:
    """The event that the form is printed from.

    Raises:
        Invalid: no session is named, or an officer who took no part.
        IllegalState: there is no such event yet, or it is another body's form.
    """
    if command.kind != events.FORM_KIND_NOTICE and not command.session_id:
        raise Invalid(Violation("session_id", "is required with this form"))
    source = facts.source
    if source is None:
        raise IllegalState("FORM_NOT_READY", "nothing is recorded yet that this form could be printed from")
    if act.organ != source.organ:
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the body whose form it is issues it", rule="ACT-07")
    violations = [
        Violation(f"officers[{number}].officer", "took no part in the session")
        for number, named in enumerate(command.officers)
        if named.officer not in source.staff
    ]
    if violations:
        raise Invalid(*violations)
    return source


def decide(command: Message, state: FormState, act: Act, facts: Facts) -> Sequence[Message]:
    """The form as it was printed; printed again alike it is not recorded again. Law: AA-R06."""
    assert isinstance(facts, FormFacts)
    assert isinstance(command, api.IssueFormRequest)
    check(command, act, facts)
    printed = facts.printed
    assert printed is not None
    if not state.form_id:
        return [printed]
    if (printed.pdf_sha256, printed.docx_sha256) != (state.pdf_sha256, state.docx_sha256):
        raise IllegalState("FORM_DIFFERS", "what is printed now differs from what was issued")
    return []


def evolve(state: FormState, event: Any) -> FormState:
    """The state after an event."""
    if not isinstance(event, events.FormIssued):
        raise TypeError(event.DESCRIPTOR.full_name)
    return FormState(
        event.form_id,
        event.kind,
        event.assignment_id,
        event.case_id,
        event.assignment_version,
        event.pdf_sha256,
        event.docx_sha256,
    )


DECIDER = Decider("form", FormState(), decide, evolve)
