"""The report: provenance, four eyes, signatures, issue."""

from dataclasses import replace
from typing import Any

import pytest

from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.errors import IllegalState
from services.social_investigation import reporting
from tests.unit.gwt import act
from tests.unit.social_investigation import builders as b

MINOR, PARENT = events.APPLICANT_MINOR, events.APPLICANT_LEGAL_REPRESENTATIVE
UNKNOWN = "00000000-0000-0000-0000-0000000000ff"


def sources(*without: int) -> list[forms.SectionSource]:
    return [source for source in b.report().sources if source.section not in without]


@pytest.mark.parametrize("section", reporting.SECTIONS)
def test_f2_every_section_is_filled_or_its_omission_explained(section: int) -> None:
    field = reporting.SECTIONS[section]
    missing = b.report(sources=sources(section))
    missing.ClearField(field)  # type: ignore[arg-type]
    b.in_progress().finds_invalid({f"report.{field}"}, b.bare(api.SubmitDraftRequest, report=missing), b.WORKER)
    missing.omitted.add(section=section, reason="查不到")
    assert b.in_progress().when(b.bare(api.SubmitDraftRequest, report=missing), b.WORKER)


def test_a_section_is_not_both_filled_and_omitted() -> None:
    omitted = [forms.OmittedSection(section=forms.REPORT_SECTION_FAMILY, reason="不明")]
    b.in_progress().finds_invalid({"report.family"}, b.draft(omitted=omitted), b.WORKER)


def test_an_empty_section_is_no_section() -> None:
    b.in_progress().finds_invalid({"report.family"}, b.draft(family=forms.Family()), b.WORKER)


def test_a_section_without_a_source_is_refused_or_explained() -> None:
    bare = sources(forms.REPORT_SECTION_CAUSES)
    b.in_progress().finds_invalid({"report.causes"}, b.draft(sources=bare), b.WORKER)
    explained = [*bare, forms.SectionSource(section=forms.REPORT_SECTION_CAUSES, explanation="依据案卷")]
    assert b.in_progress().when(b.draft(sources=explained), b.WORKER)
    empty = [*bare, forms.SectionSource(section=forms.REPORT_SECTION_CAUSES)]
    b.in_progress().finds_invalid({"report.causes"}, b.draft(sources=empty), b.WORKER)


def test_a_section_may_rest_on_a_document_alone() -> None:
    by_paper = forms.SectionSource(section=forms.REPORT_SECTION_CAUSES, document_ids=[b.PAPER])
    story = b.in_progress().after(b.document(), b.WORKER)
    assert story.when(b.draft(sources=[*sources(forms.REPORT_SECTION_CAUSES), by_paper]), b.WORKER)


def test_a_source_is_a_contact_or_document_on_record() -> None:
    wrong = sources()
    wrong[0].contact_ids.append(UNKNOWN)
    wrong[1].document_ids.append(UNKNOWN)
    fields = {"report.sources[0].contact_ids", "report.sources[1].document_ids"}
    b.in_progress().finds_invalid(fields, b.draft(sources=wrong), b.WORKER)


def test_minor_and_carer_are_seen_or_it_is_said_why_not() -> None:
    teacher_only = b.assigned().after(b.interview(person=forms.INTERVIEW_PERSON_TEACHER), b.WORKER)
    fields = {"report.no_contact_reason_minor", "report.no_contact_reason_carer"}
    teacher_only.finds_invalid(fields, b.draft(), b.WORKER)
    explained = b.draft(no_contact_reason_minor="ABSCONDED", no_contact_reason_carer="UNREACHABLE")
    assert teacher_only.when(explained, b.WORKER)


def test_a_carer_may_stand_for_the_legal_representative() -> None:
    seen = b.assigned().after(b.interview(), b.WORKER)
    seen = seen.after(b.interview(b.FATHER_CONTACT, person=forms.INTERVIEW_PERSON_CARER), b.WORKER)
    assert seen.when(b.draft(), b.WORKER)


def test_the_report_is_about_the_minor_and_says_what_its_assessment_cannot_tell() -> None:
    wrong = b.draft(subject_id=b.CASE, risk=forms.RiskAssessment(instrument="量表"))
    b.in_progress().finds_invalid({"report.subject_id", "report.risk.limits"}, wrong, b.WORKER)


def test_si_r18_only_investigators_dissent() -> None:
    dissents = [forms.Dissent(officer="worker-2", opinion="不同意"), forms.Dissent(officer="manager", opinion="不同意")]
    b.in_progress().finds_invalid({"report.dissents[1].officer"}, b.draft(dissents=dissents), b.WORKER)


def test_si_r09_a_test_result_needs_both_consents() -> None:
    tested = b.draft(personality=forms.Personality(test=forms.PsychologicalTest(instrument="量表")))
    b.in_progress().refuses("CONSENT_MISSING", tested, b.WORKER)
    both = b.in_progress().after(b.consent(MINOR), b.WORKER).after(b.consent(PARENT), b.WORKER)
    assert both.when(tested, b.WORKER)


def test_only_an_investigator_drafts_and_not_while_one_must_be_replaced() -> None:
    b.in_progress().refuses("NOT_ASSIGNED", b.draft(), b.SUPERVISOR)
    pending = b.in_progress().after(b.recusal(), b.ORGAN)
    pending.refuses("RECUSAL_PENDING", b.draft(), b.WORKER)
    pending.after(b.decide_recusal(granted=True), b.ORGAN).refuses("RECUSAL_PENDING", b.draft(), b.WORKER)
    assert pending.after(b.decide_recusal(granted=False), b.ORGAN).when(b.draft(), b.WORKER)


def test_why_nobody_was_seen_is_a_code() -> None:
    words = b.draft(no_contact_reason_minor="躲在叔叔家", no_contact_reason_carer="ABSCONDED")
    b.in_progress().finds_invalid({"report.no_contact_reason_minor", "report.no_contact_reason_carer"}, words, b.WORKER)


def test_drafts_are_numbered() -> None:
    returned = b.report_drafted().after(b.bare(api.ReturnDraftRequest, remarks="请补充"), b.SUPERVISOR)
    [second] = returned.when(b.draft(), b.WORKER)
    assert second.draft_no == 2


@pytest.mark.parametrize("command", [b.bare(api.ApproveDraftRequest), b.bare(api.ReturnDraftRequest, remarks="请补充")])
def test_four_eyes_only_the_assigned_supervisor_reviews(command: Any) -> None:
    b.report_drafted().refuses("FOUR_EYES", command, b.WORKER)
    b.report_drafted().refuses("FOUR_EYES", command, b.MANAGER)
    b.report_drafted().refuses("NOT_THE_PROVIDER", command, b.ORGAN)


def test_four_eyes_hold_even_for_a_supervisor_who_wrote_the_draft() -> None:
    story = b.report_drafted()
    written = replace(story, state=replace(story.state, author="supervisor"))
    written.refuses("FOUR_EYES", b.bare(api.ApproveDraftRequest), b.SUPERVISOR)


def test_every_investigator_signs_and_nobody_else() -> None:
    signed = [forms.Signature(officer=name, signed_on=b.day("2026-03-09")) for name in ("worker-1", "worker-2", "manager")]
    b.approved().refuses("SIGNATURE_MISSING", b.submit(signatures=signed[:1]), b.MANAGER)
    b.approved().finds_invalid({"signatures"}, b.submit(signatures=signed), b.MANAGER)
    b.approved().finds_invalid({"signatures"}, b.submit(signatures=[*signed[:2], signed[0]]), b.MANAGER)


def test_a_report_is_sealed_and_signed_today_at_the_latest() -> None:
    ahead = [forms.Signature(officer=name, signed_on=b.day("2026-03-10")) for name in ("worker-1", "worker-2")]
    fields = {"signatures[0].signed_on", "signatures[1].signed_on", "stamped"}
    b.approved().finds_invalid(fields, b.submit(signatures=ahead, stamped=False), b.MANAGER)
    b.approved().refuses("NOT_THE_PROVIDER", b.submit(), b.ORGAN)


def test_a_late_report_is_recorded_as_late_and_counts() -> None:
    [in_time] = b.approved().when(b.submit(), act(b.SWO, "manager", "2026-03-23 20:00"))
    [late] = b.approved().when(b.submit(), act(b.SWO, "manager", "2026-03-24 08:00"))
    assert (in_time.late, late.late) == (False, True)


def test_si_r11_a_frozen_report_is_not_handed_in() -> None:
    b.approved().after(b.allege(), b.ORGAN).refuses("REPORT_FROZEN", b.submit(), b.MANAGER)


def test_a_report_is_issued_once_and_again_only_alike() -> None:
    state = b.submitted().state
    [issued] = reporting.issue_report(state, b.MANAGER, b"pdf", b"docx")
    assert (issued.draft_no, issued.pdf_sha256) == (1, b"pdf")  # type: ignore[attr-defined]
    again = b.submitted().given(issued).state
    assert reporting.issue_report(again, b.MANAGER, b"pdf", b"docx") == []
    with pytest.raises(IllegalState, match="REPORT_DIFFERS"):
        reporting.issue_report(again, b.MANAGER, b"other", b"docx")


def test_a_supplemented_report_is_issued_anew() -> None:
    [issued] = reporting.issue_report(b.submitted().state, b.MANAGER, b"pdf", b"docx")
    supplement = b.bare(api.RequestSupplementRequest, questions=["请补充"])
    second = b.examined().given(issued).after(supplement, b.ORGAN).after(b.draft(), b.WORKER)
    with pytest.raises(IllegalState, match="REPORT_NOT_SUBMITTED"):
        reporting.issue_report(second.state, b.MANAGER, b"new", b"docx")
    handed_in = second.after(b.bare(api.ApproveDraftRequest), b.SUPERVISOR).after(b.submit(), b.MANAGER)
    [again] = reporting.issue_report(handed_in.state, b.MANAGER, b"new", b"docx")
    assert again.draft_no == 2  # type: ignore[attr-defined]


def test_only_the_provider_issues_what_was_handed_in_and_is_not_frozen() -> None:
    for story, by, reason in (
        (b.assigned(), b.MANAGER, "REPORT_NOT_SUBMITTED"),
        (b.approved(), b.MANAGER, "REPORT_NOT_SUBMITTED"),
        (b.transferred().after(b.bare(api.CloseInvestigationRequest), b.JUDGE), b.MANAGER, "INVESTIGATION_STATE"),
        (b.submitted(), b.ORGAN, "NOT_THE_PROVIDER"),
        (b.submitted().after(b.allege(), b.ORGAN), b.MANAGER, "REPORT_FROZEN"),
    ):
        with pytest.raises(IllegalState, match=reason):
            reporting.issue_report(story.state, by, b"pdf", b"docx")
