"""A commission for tests that call the services: drafted, issued and accepted at an instant of the caller's choice."""

from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.demo.client import Client
from services.kernel.dates import from_date, from_datetime
from services.kernel.duedate import day_of
from tests.contract.agencies import PROC, SWO, OpenedCase, date, head, new_id

PROCURATOR = (PROC, "procurator-1", "CASE_PROCURATOR")
MANAGER = (SWO, "manager-1", "SWO_MANAGER")


def letter(case: OpenedCase, due: datetime) -> forms.CommissionLetter:
    """A whole letter of commission."""
    return forms.CommissionLetter(
        commission_no="试检未委〔2026〕7号",
        organ_uscc=PROC,
        provider_uscc=SWO,
        case_stage=referrals.CASE_STAGE_PROSECUTION_REVIEW,
        case_number_raw="试检刑诉受〔2026〕21号",
        case_cause="盗窃",
        subject_id=case.subject_id,
        subject_sex=persons.SEX_MALE,
        birth_date=date(2009, 5, 6),
        age_basis=persons.AGE_BASIS_HOUSEHOLD_REGISTER,
        residence_division_code="110108",
        brief_facts="涉嫌盗窃",
        scope=[forms.INVESTIGATION_SCOPE_FAMILY],
        urgency=forms.URGENCY_ORDINARY,
        due_on=from_date(day_of(due)),
        host_deadline_id="DL-PROS-1M",
        host_deadline_on=from_date(day_of(due + timedelta(days=14))),
        coercive_measure=forms.COERCIVE_MEASURE_BAIL,
        confidentiality_level=forms.CONFIDENTIALITY_LEVEL_MINOR,
        undertaking_required=True,
        liaison=forms.Liaison(name="联络人", telephone="000"),
    )


def commission(client: Client, case: OpenedCase, at: datetime) -> str:
    """Drafts and issues a commission; returns the id of the investigation."""
    investigation_id, when = new_id(), from_datetime(at)
    content = letter(case, at + timedelta(days=60))
    create = api.CreateCommissionRequest(
        head=head(occurred_at=when), investigation_id=investigation_id, case_id=case.case_id, letter=content
    )
    client.call("social_investigation", "CreateCommission", create, *PROCURATOR)
    issue = api.IssueCommissionRequest(
        head=head(occurred_at=when),
        investigation_id=investigation_id,
        letter=content,
        signed_by="procurator-1",
        stamped=True,
    )
    client.call("social_investigation", "IssueCommission", issue, *PROCURATOR)
    return investigation_id


def accept(client: Client, investigation_id: str, at: datetime) -> int:
    """Accepts a commission; returns the position."""
    when: Timestamp = from_datetime(at)
    request = api.AcceptCommissionRequest(head=head(occurred_at=when), investigation_id=investigation_id)
    answer = client.call("social_investigation", "AcceptCommission", request, *MANAGER)
    return int(answer.receipt.position)
