"""Interviews, visits, documents, consents, suspension."""

from typing import Any

import pytest

from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from tests.unit.gwt import act
from tests.unit.social_investigation import builders as b

MINOR, PARENT = events.APPLICANT_MINOR, events.APPLICANT_LEGAL_REPRESENTATIVE


def test_only_an_assigned_investigator_records_fieldwork() -> None:
    for command in (b.interview(), b.document()):
        b.assigned().refuses("NOT_ASSIGNED", command, b.MANAGER)
        b.assigned().refuses("NOT_THE_PROVIDER", command, b.ORGAN)


def test_si_r16_two_assigned_investigators_are_present() -> None:
    b.assigned().refuses("TWO_INVESTIGATORS_REQUIRED", b.interview(interviewers=["worker-1"]), b.WORKER)
    b.assigned().refuses("TWO_INVESTIGATORS_REQUIRED", b.interview(interviewers=["worker-1", "manager"]), b.WORKER)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose_told": False}, "purpose_told"),
        ({"confidentiality_told": False}, "confidentiality_told"),
        ({"interviewed_separately": False}, "interviewed_separately"),
        ({"read_over": False}, "read_over"),
        ({"record": []}, "record"),
        ({"uniform_worn": True}, "uniform_worn"),
        ({"signature": forms.SIGNATURE_STATE_REFUSED}, "signature_reason"),
        ({"subject_id": b.CASE}, "subject_id"),
        ({"ended_at": b.instant("2026-03-09 08:00")}, "ended_at"),
        ({"ended_at": b.instant("2026-03-09 10:01")}, "ended_at"),
    ],
)
def test_si_r16_an_interview_is_held_and_written_down_as_the_law_says(changes: dict[str, Any], field: str) -> None:
    b.assigned().finds_invalid({f"contact.{field}"}, b.interview(**changes), b.WORKER)


def test_a_person_who_does_not_sign_is_recorded_with_the_reason() -> None:
    refused = b.interview(signature=forms.SIGNATURE_STATE_REFUSED, signature_reason="不愿签名")
    assert b.assigned().when(refused, b.WORKER)
    assert b.assigned().when(b.interview(signature=forms.SIGNATURE_STATE_FINGERPRINT), b.WORKER)


def test_a_visit_needs_no_questions() -> None:
    visit = b.bare(api.RecordVisitRequest, contact=b.contact(record=[], read_over=False, purpose_told=False))
    [visited] = b.assigned().when(visit, b.WORKER)
    assert isinstance(visited, events.VisitConducted)


def test_a_contact_and_a_document_are_recorded_once() -> None:
    b.in_progress().refuses("CONTACT_EXISTS", b.interview(), b.WORKER)
    b.assigned().after(b.document(), b.WORKER).refuses("DOCUMENT_EXISTS", b.document(), b.WORKER)


def test_si_r16_a_woman_is_present_with_a_girl_and_need_not_be_with_others() -> None:
    girl = b.accepted(subject_sex=persons.SEX_FEMALE).after(
        b.assign(b.investigator("worker-1"), b.investigator("worker-2"), b.investigator("worker-3", woman=True)), b.MANAGER
    )
    girl.refuses("FEMALE_STAFF_REQUIRED", b.interview(), b.WORKER)
    assert girl.when(b.interview(interviewers=["worker-1", "worker-3"]), b.WORKER)
    assert girl.when(b.interview(person=forms.INTERVIEW_PERSON_TEACHER), b.WORKER)


def test_si_r16_a_boy_may_be_interviewed_by_two_men() -> None:
    men = b.accepted().after(b.assign(b.investigator("worker-1"), b.investigator("worker-2")), b.MANAGER)
    assert men.when(b.interview(), b.WORKER)


def test_si_r09_a_test_needs_the_consent_of_both() -> None:
    test = b.interview(psychological_test=True)
    story = b.assigned()
    story.refuses("CONSENT_MISSING", test, b.WORKER)
    story = story.after(b.consent(MINOR), b.WORKER)
    story.refuses("CONSENT_MISSING", test, b.WORKER)
    story.after(b.consent(PARENT, events.CONSENT_SCOPE_CONTACT_SCHOOL), b.WORKER).refuses("CONSENT_MISSING", test, b.WORKER)
    story = story.after(b.consent(PARENT), b.WORKER)
    assert story.when(test, b.WORKER)


def test_si_r09_a_withdrawn_consent_counts_no_more() -> None:
    both = b.assigned().after(b.consent(MINOR), b.WORKER).after(b.consent(PARENT), b.WORKER)
    withdrawn = both.after(b.consent(MINOR, withdrawn=True), b.ORGAN)
    withdrawn.refuses("CONSENT_MISSING", b.interview(psychological_test=True), b.WORKER)
    withdrawn.refuses("CONSENT_MISSING", b.consent(MINOR, withdrawn=True), b.WORKER)


def test_only_minor_and_legal_representative_consent() -> None:
    b.assigned().finds_invalid({"by"}, b.consent(events.APPLICANT_DEFENDER), b.WORKER)


def test_a_consent_is_recorded_once_by_who_takes_part_and_not_ahead() -> None:
    again = b.consent(MINOR)
    b.assigned().after(again, b.WORKER).refuses("CONSENT_EXISTS", again, b.WORKER)
    b.assigned().refuses("NOT_THE_PROVIDER", b.consent(MINOR), act(b.STRANGER))
    b.assigned().finds_invalid({"on"}, b.consent(MINOR, on=b.day("2026-03-10")), b.WORKER)


def test_a_document_is_about_the_minor_and_already_there() -> None:
    wrong = b.document(subject_id=b.CASE, obtained_on=b.day("2026-03-10"))
    b.assigned().finds_invalid({"document.subject_id", "document.obtained_on"}, wrong, b.WORKER)


def test_only_the_provider_suspends_and_resumes() -> None:
    suspend = b.bare(api.SuspendInvestigationRequest, reason=events.SUSPENSION_REASON_ABSCONDED)
    b.in_progress().refuses("NOT_THE_PROVIDER", suspend, b.ORGAN)
    [suspended_event] = b.in_progress().when(suspend, b.MANAGER)
    assert suspended_event.subject_id == b.SUBJECT
    suspended = b.in_progress().after(suspend, b.MANAGER)
    suspended.refuses("NOT_THE_PROVIDER", b.bare(api.ResumeInvestigationRequest), b.ORGAN)
    assert suspended.when(b.bare(api.ResumeInvestigationRequest), b.MANAGER)
