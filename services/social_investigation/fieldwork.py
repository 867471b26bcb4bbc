"""Fieldwork: interviews, visits, documents, consents, suspension.

Law: SI-R09 (double consent), SI-R10 (privacy), SI-R16 (two investigators, no uniform, separately, signed record).
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.dates import from_date, to_date, to_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.social_investigation import rules
from services.social_investigation.state import State

_AT_WORK = (
    api.INVESTIGATION_STATUS_ASSIGNED,
    api.INVESTIGATION_STATUS_IN_PROGRESS,
    api.INVESTIGATION_STATUS_RETURNED,
)
_PSYCHOLOGICAL = events.CONSENT_SCOPE_PSYCHOLOGICAL_TEST


def interview(command: api.RecordInterviewRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#7. Law: SI-R09, SI-R10, SI-R16."""
    contact = command.contact
    _check_contact(contact, state, act)
    violations = [
        Violation(f"contact.{name}", text)
        for name, text in (
            ("purpose_told", "the person is told the purpose (SI-R16)"),
            ("confidentiality_told", "the person is told of confidentiality (SI-R10)"),
            ("interviewed_separately", "each person is interviewed separately (SI-R16)"),
            ("read_over", "the record is read over to the person (SI-R16)"),
            ("record", "holds the questions and answers"),
        )
        if not getattr(contact, name)
    ]
    if violations:
        raise Invalid(*violations)
    return [events.InterviewConducted(contact=contact, rules=[rules.result("SI-R16", act.on, "satisfied")])]


def visit(command: api.RecordVisitRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#7. Law: SI-R16."""
    _check_contact(command.contact, state, act)
    return [events.VisitConducted(contact=command.contact, rules=[rules.result("SI-R16", act.on, "satisfied")])]


def document(command: api.RecordDocumentRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#7."""
    rules.in_status(state, *_AT_WORK)
    rules.by_investigator(state, act)
    obtained = command.document
    violations = []
    if obtained.subject_id != state.subject_id:
        violations.append(Violation("document.subject_id", "is not the subject of the investigation"))
    if (obtained_on := to_date(obtained.obtained_on)) and obtained_on > act.on:
        violations.append(Violation("document.obtained_on", "lies in the future"))
    if violations:
        raise Invalid(*violations)
    if obtained.document_id in state.documents:
        raise IllegalState("DOCUMENT_EXISTS", "a document with this id is recorded")
    return [events.DocumentObtained(document=obtained)]


def consent(command: api.RecordConsentRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#8. Law: SI-R09; only the minor and the legal representative consent, and either may withdraw."""
    rules.not_ended(state)
    if act.organ not in {state.provider, state.organ}:
        raise IllegalState("NOT_THE_PROVIDER", "consent is recorded by the organ or the provider", rule="SI-R09")
    if command.by not in {events.APPLICANT_MINOR, events.APPLICANT_LEGAL_REPRESENTATIVE}:
        raise Invalid(Violation("by", "is the minor or the legal representative (SI-R09)"))
    on = to_date(command.on) or act.on
    if on > act.on:
        raise Invalid(Violation("on", "lies in the future"))
    if command.consent_id in state.consents_known:
        raise IllegalState("CONSENT_EXISTS", "a consent with this id is recorded")
    if command.withdrawn and (command.by, command.scope) not in state.consents:
        raise IllegalState("CONSENT_MISSING", "there is no consent to withdraw", rule="SI-R09")
    recorded = events.ConsentRecorded(
        consent_id=command.consent_id,
        by=command.by,
        scope=command.scope,
        withdrawn=command.withdrawn,
        on=from_date(on),
    )
    return [recorded]


def suspend(command: api.SuspendInvestigationRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#9. The host period goes on (SI-R20)."""
    rules.in_status(state, api.INVESTIGATION_STATUS_IN_PROGRESS)
    rules.by_provider(state, act)
    return [events.InvestigationSuspended(reason=command.reason, subject_id=state.subject_id)]


def resume(command: api.ResumeInvestigationRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """#10."""
    rules.in_status(state, api.INVESTIGATION_STATUS_SUSPENDED)
    rules.by_provider(state, act)
    return [events.InvestigationResumed(note=command.note)]


def both_consented_to_test(state: State) -> bool:
    """Whether minor and legal representative both consent to a psychological test now.

    Law: SI-R09.
    """
    return {(events.APPLICANT_MINOR, _PSYCHOLOGICAL), (events.APPLICANT_LEGAL_REPRESENTATIVE, _PSYCHOLOGICAL)} <= state.consents


def _check_contact(contact: forms.Contact, state: State, act: Act) -> None:
    rules.in_status(state, *_AT_WORK)
    rules.by_investigator(state, act)
    _check_shape(contact, state, act)
    if contact.contact_id in state.contacts:
        raise IllegalState("CONTACT_EXISTS", "a contact with this id is recorded")
    present = state.officers & set(contact.interviewers)
    if len(present) < rules.INVESTIGATORS_MIN:
        raise IllegalState("TWO_INVESTIGATORS_REQUIRED", "two assigned investigators are present", rule="SI-R16")
    if present & (set(state.recusals.values()) | state.barred):
        raise IllegalState("RECUSAL_PENDING", "an investigator whose recusal is asked for does not work on", rule="SI-R17")
    women = {assigned.officer for assigned in state.investigators if assigned.woman}
    if state.woman_required and contact.person == forms.INTERVIEW_PERSON_MINOR and not present & women:
        raise IllegalState("FEMALE_STAFF_REQUIRED", "a woman is present with a girl", rule="SI-R16")
    if contact.psychological_test and not both_consented_to_test(state):
        raise IllegalState("CONSENT_MISSING", "minor and legal representative both consent to a test", rule="SI-R09")


def _check_shape(contact: forms.Contact, state: State, act: Act) -> None:
    violations = []
    if contact.subject_id != state.subject_id:
        violations.append(Violation("contact.subject_id", "is not the subject of the investigation"))
    if to_datetime(contact.ended_at) <= to_datetime(contact.started_at):
        violations.append(Violation("contact.ended_at", "is not after started_at"))
    if to_datetime(contact.ended_at) > act.recorded_at:
        violations.append(Violation("contact.ended_at", "lies in the future"))
    if contact.uniform_worn:
        violations.append(Violation("contact.uniform_worn", "no uniform is worn and no police car is used (SI-R16)"))
    signed = contact.signature in {forms.SIGNATURE_STATE_SIGNED, forms.SIGNATURE_STATE_FINGERPRINT}
    if not signed and not contact.signature_reason:
        violations.append(Violation("contact.signature_reason", "says why the person did not sign (SI-R16)"))
    if violations:
        raise Invalid(*violations)
