"""The whole way of an investigation over a real channel: from an accepted referral to the court that closes it."""

import base64
import io
import json
from hashlib import sha256
from typing import Any

import grpc
import pypdf
import pytest

from guanhu.audit.v1 import audit_service_pb2 as audit
from guanhu.command.v1 import command_pb2
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from guanhu.types.v1 import types_pb2
from services.demo.client import Client
from tests.contract.agencies import COURT, OpenedCase, new_id, open_case, register_agencies
from tests.contract.investigation import (
    AUDITOR,
    JUDGE,
    MANAGER,
    PROCURATOR,
    SUPERVISOR,
    WORKER,
    Investigation,
    adopted,
    commission_directly,
    milestones_until,
    refer,
    refusal,
)
from tests.unit.social_investigation import builders as b

COMMANDS = {
    method.name
    for method in api.DESCRIPTOR.services_by_name["SocialInvestigationService"].methods
    if "head" in method.input_type.fields_by_name
}
AUDIT = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")


@pytest.fixture(autouse=True)
def agencies(client: Client) -> None:
    register_agencies(client)


def fieldwork(made: Investigation) -> str:
    """Consents, a recusal that is granted, visits, papers, a suspension; returns the contact with the minor."""
    for by in (events.APPLICANT_MINOR, events.APPLICANT_LEGAL_REPRESENTATIVE):
        scope = events.CONSENT_SCOPE_PSYCHOLOGICAL_TEST
        made.call("RecordConsent", WORKER, consent_id=new_id(), by=by, scope=scope)
    recusal = new_id()
    asked = {"applicant": events.APPLICANT_DEFENDER, "ground": events.RECUSAL_GROUND_INTEREST, "statement": "相识"}
    made.call("RequestRecusal", PROCURATOR, recusal_id=recusal, officer="worker-2", **asked)
    made.call("DecideRecusal", PROCURATOR, recusal_id=recusal, granted=True, reason="属实")
    made.call("ReplaceInvestigator", MANAGER, officer="worker-2", replacement=b.investigator("worker-3", name="卫小三"))
    seen = made.see("worker-1", "worker-3")
    visited = made.contact(interviewers=["worker-1", "worker-3"], person=forms.INTERVIEW_PERSON_COMMUNITY)
    made.call("RecordVisit", WORKER, contact=visited)
    paper = b.document(document_id=new_id(), subject_id=made.case.subject_id).document
    made.call("RecordDocument", WORKER, document=paper)
    made.call("SuspendInvestigation", MANAGER, reason=events.SUSPENSION_REASON_ILLNESS)
    made.call("ResumeInvestigation", MANAGER)
    return seen


def examination(made: Investigation, report: forms.Report) -> None:
    """Returned by the supervisor, handed in, supplemented, alleged to be false, objected to, adopted."""
    made.call("SubmitDraft", WORKER, report=report)
    made.call("ReturnDraft", SUPERVISOR, remarks="请写明观护基地")
    made.hand_in(report, "worker-1", "worker-3")
    made.call("IssueReport", MANAGER)
    made.call("BeginExamination", PROCURATOR)
    made.call("RequestSupplement", PROCURATOR, questions=["何时可以接收"])
    made.hand_in(report, "worker-1", "worker-3")
    made.call("IssueReport", MANAGER)
    made.call("BeginExamination", PROCURATOR)
    allegation, objection = new_id(), new_id()
    said = {"applicant": events.APPLICANT_VICTIM_SIDE, "statement": "没有走访"}
    made.call("AllegeFalsification", PROCURATOR, allegation_id=allegation, **said)
    made.call("DecideFalsification", PROCURATOR, allegation_id=allegation, confirmed=False, finding="已走访")
    made.call("ObjectToReport", PROCURATOR, objection_id=objection, **said)
    rejected = events.OBJECTION_OUTCOME_REJECTED
    made.call("HandleObjection", PROCURATOR, objection_id=objection, outcome=rejected, note="见附件")
    made.adopt()


def in_court(made: Investigation) -> None:
    """Sent on, explained in court, closed there."""
    made.call("TransferReport", PROCURATOR, to_uscc=COURT, to_stage=referrals.CASE_STAGE_TRIAL)
    hearing = types_pb2.Date(year=2199, month=1, day=4)
    made.call("SummonInvestigator", JUDGE, officer="worker-1", hearing_on=hearing)
    made.call("RecordTestimony", JUDGE, officer="worker-1", summary="说明了走访经过")
    made.call("CloseInvestigation", JUDGE, feedback_returned=True)


def other_ends(client: Client, case: OpenedCase) -> set[str]:
    """What one investigation cannot do besides: decline, withdraw, terminate, reject. Returns the commands driven."""
    declined, withdrawn, terminated, rejected = (commission_directly(client, case, validates_first=True) for _ in range(4))
    declined.issue()
    declined.call("DeclineCommission", MANAGER, reason=events.DECLINE_REASON_CAPACITY)
    withdrawn.call("WithdrawCommission", PROCURATOR, reason=events.WITHDRAWAL_REASON_NO_LONGER_NEEDED)
    terminated.call("TerminateInvestigation", PROCURATOR, reason=events.TERMINATION_REASON_ORGAN_PROCEEDS)
    rejected.issue()
    rejected.assign()
    rejected.hand_in(rejected.report(rejected.see("worker-1", "worker-2")), "worker-1", "worker-2")
    rejected.call("BeginExamination", PROCURATOR)
    rejected.call("RejectReport", PROCURATOR, reason=events.NON_ADOPTION_REASON_INCOMPLETE, note="内容不全")
    return set().union(*(made.driven for made in (declined, withdrawn, terminated, rejected)))


def test_every_command_is_checked_without_recording_and_then_leads_from_the_referral_to_the_closing(client: Client) -> None:
    made = refer(client, validates_first=True)
    assert made.seen_by(PROCURATOR).letter.brief_facts == "涉嫌盗窃电动自行车一辆"
    made.issue()
    made.assign()
    examination(made, made.report(fieldwork(made)))
    in_court(made)
    assert made.driven | other_ends(client, open_case(client)) == COMMANDS
    found = made.seen_by(JUDGE)
    assert found.status == api.INVESTIGATION_STATUS_CLOSED
    assert [i.officer for i in found.investigators] == ["worker-1", "worker-3"]
    assert (len(found.contacts), len(found.documents), found.draft_no) == (3, 1, 3)
    assert milestones_until(client, made.referral_id, "InvestigationClosed") == [
        "InvestigationCommissioned",
        "CommissionAccepted",
        "InvestigatorsAssigned",
        "InvestigationSuspended",
        "InvestigationResumed",
        "ReportSubmitted",
        "ReportExaminationStarted",
        "SupplementRequested",
        "ReportSubmitted",
        "ReportExaminationStarted",
        "ReportAdopted",
        "ReportTransferred",
        "InvestigationClosed",
    ]


def issued_hashes(client: Client, made: Investigation) -> dict[str, str]:
    """The content of the newest ReportIssued, as audit has it."""
    request = audit.GetHistoryRequest(case_id=made.case.case_id, purpose=AUDIT, with_content=True)
    while True:
        entries = client.call("audit", "GetHistory", request, *AUDITOR).entries
        issued = [json.loads(entry.content_json) for entry in entries if entry.type.endswith(".ReportIssued")]
        if issued:
            found: dict[str, str] = issued[-1]
            return found


def test_the_report_is_the_same_bytes_each_time_and_those_whose_hash_is_in_the_event(client: Client) -> None:
    made = adopted(client)
    hashes = issued_hashes(client, made)
    for kind, name in ((api.DOCUMENT_FORMAT_PDF, "pdf_sha256"), (api.DOCUMENT_FORMAT_DOCX, "docx_sha256")):
        first, second = made.paper(PROCURATOR, kind), made.paper(WORKER, kind)
        assert first.content == second.content
        assert sha256(first.content).digest() == first.sha256 == base64.b64decode(hashes[name])
        assert first.file_name.startswith(f"report-{made.investigation_id}-1.")


def test_the_issued_pdf_is_pdf_a_and_names_the_authors(client: Client) -> None:
    reader = pypdf.PdfReader(io.BytesIO(adopted(client).paper(PROCURATOR).content))
    assert reader.xmp_metadata is not None
    metadata = reader.xmp_metadata.stream.get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    text = "".join("".join(page.extract_text().split()) for page in reader.pages)
    assert "郑小二（执业证号SW-worker-1）" in text
    assert "督导：何小七" in text


def test_issued_again_the_report_is_not_recorded_again(client: Client) -> None:
    made = adopted(client)
    again: command_pb2.Receipt = client.call(*made.command("IssueReport"), *MANAGER).receipt
    assert again.version == made.version


def test_a_missing_glyph_refuses_the_issue_and_nothing_is_recorded(client: Client) -> None:
    made = refer(client)
    made.issue()
    made.assign()
    name: Any = forms.BasicFacts(name="段\U0001f600")
    made.hand_in(made.report(made.see("worker-1", "worker-2"), basic_facts=name), "worker-1", "worker-2")
    assert made.refused("IssueReport", MANAGER) == (grpc.StatusCode.FAILED_PRECONDITION, "GLYPH_MISSING")
    assert made.seen_by(MANAGER).version == made.version
    assert refusal(lambda: made.paper(PROCURATOR)) == (grpc.StatusCode.FAILED_PRECONDITION, "REPORT_NOT_ISSUED")
