"""Two policies: an accepted referral opens an investigation, and milestones of the investigation go back to the referral."""

from typing import Any

import psycopg

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import intake_service_pb2_grpc as intake_stubs
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from guanhu.social_investigation.v1 import social_investigation_service_pb2_grpc as stubs
from guanhu.types.v1 import types_pb2
from services.kernel.codec import EventCodec
from services.kernel.follow import RowEffect
from services.kernel.journal import Recorded
from services.kernel.policy import command_head, derived_id, send
from services.social_investigation.state import STATUS_AFTER

OPENING = "opening"
_PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_SERVICE, legal_basis="SI-R02")
# Milestones, which the sender of the referral is told: every step that changes whose turn it is.
MILESTONES = frozenset(STATUS_AFTER) - {
    events.InvestigationCommissionDrafted,
    events.InterviewConducted,
    events.VisitConducted,
    events.DocumentObtained,
    events.ReportDrafted,
    events.ReportApprovedBySupervisor,
    events.ReportReturnedBySupervisor,
}


def opening(
    intake_stub: intake_stubs.IntakeServiceStub, stub: stubs.SocialInvestigationServiceStub, codec: EventCodec
) -> RowEffect:
    """The effect of intake's events: a draft of the commission, on behalf of the organ that referred (HO-05)."""

    def effect(_: psycopg.Connection, row: Recorded) -> None:
        if row.type != referrals.ReferralAccepted.DESCRIPTOR.full_name:
            return
        accepted: Any = codec.clear(row)
        found = send(
            intake_stub.GetReferral, intake.GetReferralRequest(referral_id=accepted.referral_id, purpose=_PURPOSE)
        ).referral
        content = found.content
        if content.kind != referrals.REFERRAL_KIND_SOCIAL_INVESTIGATION:
            return
        person = send(
            intake_stub.GetPerson,
            intake.GetPersonRequest(person_id=content.subject_id, case_id=content.case_id, purpose=_PURPOSE),
        )
        send(
            stub.CreateCommission,
            api.CreateCommissionRequest(
                head=command_head(OPENING, codec.origin, row, on_behalf_of=content.from_uscc),
                investigation_id=derived_id(OPENING, codec.origin, content.referral_id),
                case_id=content.case_id,
                referral_id=content.referral_id,
                letter=_letter(content, accepted.provider, person),
            ),
        )

    return effect


def _letter(content: referrals.ReferralContent, provider: str, person: intake.GetPersonResponse) -> forms.CommissionLetter:
    details = person.details
    letter = forms.CommissionLetter(
        organ_uscc=content.from_uscc,
        provider_uscc=provider,
        case_stage=content.stage,
        subject_id=content.subject_id,
        subject_sex=details.sex,
        age_basis=person.age_basis,
        brief_facts=content.brief_facts,
        special_needs=content.needs,
    )
    for name, value in (
        ("birth_date", details.birth_date),
        ("due_on", content.due_on),
        ("host_deadline_on", content.host_deadline_on),
    ):
        if value.year:
            getattr(letter, name).CopyFrom(value)
    return letter
