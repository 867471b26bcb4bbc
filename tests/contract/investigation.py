"""Drives social investigations over a real channel, as every body that takes part; nobody in them exists."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date as day
from datetime import timedelta
from typing import Any

import grpc
import pytest

from guanhu.command.v1 import command_pb2
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.demo.client import Client
from services.kernel.clock import SystemClock
from services.kernel.dates import from_date
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.rpc import reason_of
from tests.contract.agencies import (
    AUD,
    CASE_HANDLING,
    COURT,
    CYL,
    OTHER_SWO,
    PROC,
    SWO,
    OpenedCase,
    head,
    new_id,
    open_case,
    referral,
)
from tests.unit.social_investigation import builders as b

Who = tuple[str, str, str]
PROCURATOR: Who = (PROC, "procurator-1", "CASE_PROCURATOR")
LEAGUE: Who = (CYL, "league-1", "CYL_OFFICER")
MANAGER: Who = (SWO, "manager-1", "SWO_MANAGER")
WORKER: Who = (SWO, "worker-1", "SOCIAL_WORKER")
SECOND: Who = (SWO, "worker-2", "SOCIAL_WORKER")
IDLE: Who = (SWO, "worker-9", "SOCIAL_WORKER")
SUPERVISOR: Who = (SWO, "supervisor", "SUPERVISOR")
JUDGE: Who = (COURT, "judge-1", "JUDGE")
STRANGER: Who = (OTHER_SWO, "manager-9", "SWO_MANAGER")
AUDITOR: Who = (AUD, "auditor-1", "AUDITOR")
NAME = "段某某"


def today() -> day:
    """The present day in China."""
    return SystemClock().now().astimezone(CHINA_STANDARD_TIME).date()


def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    """Code and reason with which a call is refused."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    error: Any = refused.value
    return error.code(), reason_of(error)


@dataclass
class Investigation:
    """One investigation and the commands on it; `version` is where its stream stands by the last answer."""

    client: Client
    case: OpenedCase
    investigation_id: str
    referral_id: str = ""
    version: int = 0
    driven: set[str] = field(default_factory=set)
    validates_first: bool = False

    def call(self, method: str, who: Who, **fields: Any) -> command_pb2.Receipt:
        """Sends a command; where asked for, once with validate_only before, which must change nothing."""
        self.driven.add(method)
        if self.validates_first:
            only = self.client.call(*self.command(method, **fields, head=head(validate_only=True)), *who).receipt
            assert (only.validated, only.position, only.version) == (True, 0, self.version), method
        # Had the check recorded anything, the stream would have moved on and this would be refused.
        unmoved = {"head": head(expected_version=self.version), **fields}
        receipt: command_pb2.Receipt = self.client.call(*self.command(method, **unmoved), *who).receipt
        assert receipt.version > self.version, method
        self.version = receipt.version
        return receipt

    def refused(self, method: str, who: Who, **fields: Any) -> tuple[grpc.StatusCode, str]:
        """Code and reason with which a command is refused."""
        return refusal(lambda: self.client.call(*self.command(method, **fields), *who))

    def command(self, method: str, **fields: Any) -> tuple[str, str, Any]:
        """Service, method and request."""
        kind = getattr(api, f"{method}Request")
        return "social_investigation", method, kind(**{"head": head(), "investigation_id": self.investigation_id, **fields})

    def seen_by(self, who: Who) -> api.Investigation:
        """The investigation as somebody sees it."""
        request = api.GetInvestigationRequest(investigation_id=self.investigation_id, purpose=CASE_HANDLING)
        found: api.Investigation = self.client.call("social_investigation", "GetInvestigation", request, *who).investigation
        return found

    def paper(self, who: Who, kind: Any = api.DOCUMENT_FORMAT_PDF) -> api.GetReportDocumentResponse:
        """The issued report."""
        request = api.GetReportDocumentRequest(investigation_id=self.investigation_id, purpose=CASE_HANDLING, format=kind)
        found: api.GetReportDocumentResponse = self.client.call("social_investigation", "GetReportDocument", request, *who)
        return found

    def letter(self, **changes: Any) -> forms.CommissionLetter:
        """A whole letter that is due in two weeks."""
        dates = {"due_on": from_date(today() + timedelta(days=14)), "host_deadline_on": from_date(today() + timedelta(days=31))}
        bodies = {"organ_uscc": PROC, "provider_uscc": SWO, "subject_id": self.case.subject_id}
        return b.letter(**{**dates, **bodies, **changes})

    def contact(self, **changes: Any) -> forms.Contact:
        """An interview of the minor by the first two workers."""
        return b.contact(**{"contact_id": new_id(), "subject_id": self.case.subject_id, **changes})

    def report(self, contact_id: str, **changes: Any) -> forms.Report:
        """A report that rests on one contact."""
        sources = [forms.SectionSource(section=n, contact_ids=[contact_id]) for n in forms.ReportSection.values() if n]
        basics = forms.BasicFacts(name=NAME)
        return b.report(**{"subject_id": self.case.subject_id, "basic_facts": basics, "sources": sources, **changes})

    def signatures(self, *officers: str) -> list[forms.Signature]:
        """Signatures of today."""
        return [forms.Signature(officer=officer, signed_on=from_date(today())) for officer in officers]

    def issue(self) -> None:
        """COMMISSIONED."""
        self.call("IssueCommission", PROCURATOR, letter=self.letter(), signed_by="procurator-1", stamped=True)

    def assign(self) -> None:
        """ASSIGNED: the first two workers and the supervisor."""
        self.call("AcceptCommission", MANAGER)
        team = [b.investigator("worker-1", woman=True, name="郑小二"), b.investigator("worker-2", name="周小三")]
        self.call("AssignInvestigators", MANAGER, investigators=team, supervisor="supervisor", supervisor_name="何小七")

    def see(self, *officers: str) -> str:
        """IN_PROGRESS: minor and father were interviewed; returns the id of the contact with the minor."""
        minor = self.contact(interviewers=officers, person_name=NAME)
        self.call("RecordInterview", WORKER, contact=minor)
        father = self.contact(interviewers=officers, person=forms.INTERVIEW_PERSON_LEGAL_REPRESENTATIVE)
        self.call("RecordInterview", WORKER, contact=father)
        return minor.contact_id

    def hand_in(self, report: forms.Report, *officers: str) -> None:
        """SUBMITTED."""
        self.call("SubmitDraft", WORKER, report=report)
        self.call("ApproveDraft", SUPERVISOR)
        self.call("SubmitReport", MANAGER, signatures=self.signatures(*officers), stamped=True)

    def adopt(self) -> None:
        """ADOPTED."""
        self.call("AdoptReport", PROCURATOR, use=events.USE_OF_REPORT_PROSECUTION_DECISION, note="作为参考")


def commission_directly(client: Client, case: OpenedCase, **fields: Any) -> Investigation:
    """DRAFT, by the organ itself."""
    made = Investigation(client, case, new_id(), **fields)
    made.call("CreateCommission", PROCURATOR, case_id=case.case_id, letter=made.letter())
    return made


def refer(client: Client, **fields: Any) -> Investigation:
    """DRAFT, by the policy that follows the League's acceptance of a referral."""
    case = open_case(client, NAME)
    content = referral(case, stage=referrals.CASE_STAGE_PROSECUTION_REVIEW)
    send = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
    client.call("intake", "SubmitReferral", send, *PROCURATOR)
    accept = intake.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO)
    client.call("intake", "AcceptReferral", accept, *LEAGUE)
    [row] = next(rows for rows in _listed(client, case.case_id) if rows)
    return Investigation(client, case, row.investigation_id, content.referral_id, version=1, **fields)


def _listed(client: Client, case_id: str) -> Iterator[list[api.InvestigationRow]]:
    # The policy works behind the command; it is asked for until it is there, or the test times out.
    request = api.ListInvestigationsRequest(case_id=case_id, purpose=CASE_HANDLING)
    while True:
        yield list(client.call("social_investigation", "ListInvestigations", request, *PROCURATOR).investigations)


def milestones_until(client: Client, referral_id: str, last: str) -> list[str]:
    """The referral's milestones once the last one is there."""
    request = intake.GetReferralRequest(referral_id=referral_id, purpose=CASE_HANDLING)
    while True:
        found = client.call("intake", "GetReferral", request, *PROCURATOR).referral.milestones
        if found and found[-1].milestone == last:
            return [milestone.milestone for milestone in found]


def adopted(client: Client) -> Investigation:
    """ADOPTED and issued, the short way."""
    made = refer(client)
    made.issue()
    made.assign()
    made.hand_in(made.report(made.see("worker-1", "worker-2")), "worker-1", "worker-2")
    made.call("IssueReport", MANAGER)
    made.call("BeginExamination", PROCURATOR)
    made.adopt()
    return made
