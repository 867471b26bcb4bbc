"""A synthetic investigation, command by command; nobody in it exists."""

import uuid
from datetime import date
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from guanhu.command.v1 import command_pb2
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from guanhu.types.v1 import types_pb2
from services.kernel.dates import from_date, from_datetime
from services.kernel.decision import AgencyFacts, CaseFacts, Facts
from services.social_investigation.investigation import DECIDER
from services.social_investigation.state import State
from tests.contract.agencies import uscc
from tests.unit.gwt import Story, act

PROC, COURT, PSB, SWO, CYL, JUST, STRANGER = (uscc(number) for number in range(31, 38))
INVESTIGATION, CASE, SUBJECT = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
MINOR_CONTACT, FATHER_CONTACT, PAPER = (str(uuid.UUID(int=number)) for number in (11, 12, 13))
ACT_ON = date(2026, 1, 20)

AGENCIES = {
    PROC: AgencyFacts(PROC, "PROC"),
    COURT: AgencyFacts(COURT, "COURT"),
    PSB: AgencyFacts(PSB, "PSB"),
    SWO: AgencyFacts(SWO, "SWO", investigates=True),
    CYL: AgencyFacts(CYL, "CYL"),
    JUST: AgencyFacts(JUST, "JUST", investigates=True),
}
FACTS = Facts(AGENCIES, CaseFacts(CASE, PROC, SUBJECT, ACT_ON, frozenset({PROC, COURT})))

ORGAN = act(PROC, "procurator")
MANAGER = act(SWO, "manager")
WORKER = act(SWO, "worker-1")
SUPERVISOR = act(SWO, "supervisor")
JUDGE = act(COURT, "judge")


def head() -> command_pb2.CommandHead:
    """A head with a request id of its own."""
    return command_pb2.CommandHead(request_id=str(uuid.uuid4()))


def day(text: str) -> types_pb2.Date:
    """A date of the protocol from its ISO text."""
    return from_date(date.fromisoformat(text))


def instant(text: str) -> Timestamp:
    """An instant of China Standard Time."""
    return from_datetime(act(PROC, at=text).occurred_at)


def command(kind: Any, **fields: Any) -> Any:
    """A command on the investigation."""
    return kind(**{"head": head(), "investigation_id": INVESTIGATION, **fields})


def letter(**changes: Any) -> forms.CommissionLetter:
    """A whole letter of commission."""
    fields: dict[str, Any] = {
        "commission_no": "试检未委〔2026〕7号",
        "organ_uscc": PROC,
        "provider_uscc": SWO,
        "case_stage": referrals.CASE_STAGE_PROSECUTION_REVIEW,
        "case_number_raw": "试检刑诉受〔2026〕21号",
        "case_cause": "盗窃",
        "subject_id": SUBJECT,
        "subject_sex": persons.SEX_MALE,
        "birth_date": day("2009-05-17"),
        "age_basis": persons.AGE_BASIS_HOUSEHOLD_REGISTER,
        "coercive_measure": forms.COERCIVE_MEASURE_BAIL,
        "residence_division_code": "110108",
        "brief_facts": "涉嫌盗窃",
        "scope": [forms.INVESTIGATION_SCOPE_FAMILY],
        "urgency": forms.URGENCY_ORDINARY,
        "due_on": day("2026-03-30"),
        "host_deadline_id": "DL-PROS-1M",
        "host_deadline_on": day("2026-04-09"),
        "undertaking_required": True,
        "confidentiality_level": forms.CONFIDENTIALITY_LEVEL_MINOR,
        "liaison": forms.Liaison(name="联络人", telephone="000"),
    }
    return forms.CommissionLetter(**{**fields, **changes})


def create(**changes: Any) -> Any:
    """CreateCommission."""
    return command(api.CreateCommissionRequest, **{"case_id": CASE, "letter": letter(), **changes})


def issue(**changes: Any) -> Any:
    """IssueCommission."""
    fields = {"letter": letter(), "signed_by": "procurator", "stamped": True, **changes}
    return command(api.IssueCommissionRequest, **fields)


def investigator(officer: str, **changes: Any) -> events.Investigator:
    """An investigator without any obstacle."""
    fields: dict[str, Any] = {
        "officer": officer,
        "licence_no": f"SW-{officer}",
        "part": events.INVESTIGATOR_PART_GENERAL,
        "adult_and_trained": True,
        "no_conflict_declared": True,
        "undertaking_signed_on": day("2026-03-06"),
    }
    return events.Investigator(**{**fields, **changes})


def assign(*investigators: events.Investigator) -> Any:
    """AssignInvestigators."""
    return command(
        api.AssignInvestigatorsRequest,
        investigators=investigators or (investigator("worker-1", woman=True), investigator("worker-2")),
        supervisor="supervisor",
    )


def contact(contact_id: str = MINOR_CONTACT, **changes: Any) -> forms.Contact:
    """An interview as it should be."""
    fields: dict[str, Any] = {
        "contact_id": contact_id,
        "subject_id": SUBJECT,
        "started_at": instant("2026-03-09 08:00"),
        "ended_at": instant("2026-03-09 09:00"),
        "place": "谈话室",
        "interviewers": ["worker-1", "worker-2"],
        "person": forms.INTERVIEW_PERSON_MINOR,
        "person_name": "某某",
        "purpose_told": True,
        "confidentiality_told": True,
        "interviewed_separately": True,
        "record": [forms.QuestionAndAnswer(question="问", answer="答")],
        "read_over": True,
        "signature": forms.SIGNATURE_STATE_SIGNED,
    }
    return forms.Contact(**{**fields, **changes})


def interview(contact_id: str = MINOR_CONTACT, **changes: Any) -> Any:
    """RecordInterview."""
    return command(api.RecordInterviewRequest, contact=contact(contact_id, **changes))


def document(**changes: Any) -> Any:
    """RecordDocument."""
    fields: dict[str, Any] = {
        "document_id": PAPER,
        "subject_id": SUBJECT,
        "title": "学籍证明",
        "source": "学校",
        "sha256": bytes(32),
        "obtained_on": day("2026-03-08"),
    }
    return command(api.RecordDocumentRequest, document=forms.ObtainedDocument(**{**fields, **changes}))


def consent(by: int, scope: int = events.CONSENT_SCOPE_PSYCHOLOGICAL_TEST, **changes: Any) -> Any:
    """RecordConsent."""
    return command(api.RecordConsentRequest, **{"consent_id": str(uuid.uuid4()), "by": by, "scope": scope, **changes})


def report(**changes: Any) -> forms.Report:
    """A report with every section filled, each with a source."""
    fields: dict[str, Any] = {
        "report_no": "试社调〔2026〕1号",
        "subject_id": SUBJECT,
        "methods": ["访谈"],
        "basic_facts": forms.BasicFacts(name="某某"),
        "growth": forms.Growth(narrative="随祖父母生活"),
        "family": forms.Family(structure="与父亲同住"),
        "school_or_work": forms.SchoolOrWork(attendance="正常"),
        "social_contacts": forms.SocialContacts(peers="同学"),
        "personality": forms.Personality(temperament="内向"),
        "causes": forms.Causes(motive="一时冲动"),
        "conduct": forms.Conduct(before="良好"),
        "guardianship": forms.GuardianshipConditions(supervisors="父亲"),
        "support": forms.SupportConditions(community="社区"),
        "risk": forms.RiskAssessment(instrument="量表", limits="仅供参考"),
        "recommendation": forms.Recommendation(education="法治教育"),
        "sources": [
            forms.SectionSource(section=number, contact_ids=[MINOR_CONTACT])
            for number in forms.ReportSection.values()
            if number
        ],
    }
    return forms.Report(**{**fields, **changes})


def draft(**changes: Any) -> Any:
    """SubmitDraft."""
    return command(api.SubmitDraftRequest, report=report(**changes))


def submit(**changes: Any) -> Any:
    """SubmitReport."""
    signatures = [forms.Signature(officer=name, signed_on=day("2026-03-09")) for name in ("worker-1", "worker-2")]
    return command(api.SubmitReportRequest, **{"signatures": signatures, "stamped": True, **changes})


def adopt() -> Any:
    """AdoptReport."""
    return command(api.AdoptReportRequest, use=events.USE_OF_REPORT_PROSECUTION_DECISION, note="作为参考")


def reject(reason: int = events.NON_ADOPTION_REASON_INCOMPLETE, **changes: Any) -> Any:
    """RejectReport."""
    return command(api.RejectReportRequest, **{"reason": reason, "note": "内容不全", **changes})


def transfer(to: str = COURT, stage: int = referrals.CASE_STAGE_TRIAL) -> Any:
    """TransferReport."""
    return command(api.TransferReportRequest, to_uscc=to, to_stage=stage)


def recusal(officer: str = "worker-2", recusal_id: str = str(uuid.UUID(int=21)), **changes: Any) -> Any:
    """RequestRecusal."""
    return command(
        api.RequestRecusalRequest,
        **{
            "recusal_id": recusal_id,
            "officer": officer,
            "applicant": events.APPLICANT_LEGAL_REPRESENTATIVE,
            "ground": events.RECUSAL_GROUND_INTEREST,
            "statement": "与被害人是同事",
            **changes,
        },
    )


def decide_recusal(granted: bool, recusal_id: str = str(uuid.UUID(int=21))) -> Any:
    """DecideRecusal."""
    return command(api.DecideRecusalRequest, recusal_id=recusal_id, granted=granted, reason="属实")


def replacement(officer: str = "worker-2", new: events.Investigator | None = None) -> Any:
    """ReplaceInvestigator."""
    return command(api.ReplaceInvestigatorRequest, officer=officer, replacement=new or investigator("worker-3"))


def objection(objection_id: str = str(uuid.UUID(int=22)), applicant: int = events.APPLICANT_DEFENDER) -> Any:
    """ObjectToReport."""
    return command(
        api.ObjectToReportRequest,
        objection_id=objection_id,
        applicant=applicant,
        statement="遗漏了祖母的照料",
    )


def handle_objection(objection_id: str = str(uuid.UUID(int=22))) -> Any:
    """HandleObjection."""
    return command(
        api.HandleObjectionRequest,
        objection_id=objection_id,
        outcome=events.OBJECTION_OUTCOME_REJECTED,
        note="已在第三节写明",
    )


def allege(allegation_id: str = str(uuid.UUID(int=23))) -> Any:
    """AllegeFalsification."""
    return command(
        api.AllegeFalsificationRequest,
        allegation_id=allegation_id,
        applicant=events.APPLICANT_VICTIM_SIDE,
        statement="没有走访",
    )


def decide_falsification(confirmed: bool, allegation_id: str = str(uuid.UUID(int=23))) -> Any:
    """DecideFalsification."""
    return command(api.DecideFalsificationRequest, allegation_id=allegation_id, confirmed=confirmed, finding="核实")


def bare(kind: Any, **fields: Any) -> Any:
    """A command with nothing else to say."""
    return command(kind, **fields)


def drafted() -> Story[State]:
    """DRAFT."""
    return Story.of(DECIDER, FACTS).after(create(), ORGAN)


def commissioned(**changes: Any) -> Story[State]:
    """COMMISSIONED; `changes` are those of the letter."""
    start = Story.of(DECIDER, FACTS).after(create(letter=letter(**changes)), ORGAN)
    return start.after(issue(letter=letter(**changes)), ORGAN)


def accepted(**changes: Any) -> Story[State]:
    """ACCEPTED."""
    return commissioned(**changes).after(bare(api.AcceptCommissionRequest), MANAGER)


def assigned(**changes: Any) -> Story[State]:
    """ASSIGNED."""
    return accepted(**changes).after(assign(), MANAGER)


def in_progress(**changes: Any) -> Story[State]:
    """IN_PROGRESS, with minor and father seen."""
    seen = assigned(**changes).after(interview(), WORKER)
    return seen.after(interview(FATHER_CONTACT, person=forms.INTERVIEW_PERSON_LEGAL_REPRESENTATIVE), WORKER)


def report_drafted(**changes: Any) -> Story[State]:
    """DRAFTED."""
    return in_progress(**changes).after(draft(), WORKER)


def approved(**changes: Any) -> Story[State]:
    """UNDER_SUPERVISION, approved."""
    return report_drafted(**changes).after(bare(api.ApproveDraftRequest), SUPERVISOR)


def submitted(**changes: Any) -> Story[State]:
    """SUBMITTED."""
    return approved(**changes).after(submit(), MANAGER)


def examined(**changes: Any) -> Story[State]:
    """UNDER_EXAMINATION."""
    return submitted(**changes).after(bare(api.BeginExaminationRequest), ORGAN)


def adopted(**changes: Any) -> Story[State]:
    """ADOPTED."""
    return examined(**changes).after(adopt(), ORGAN)


def transferred() -> Story[State]:
    """TRANSFERRED to the court."""
    return adopted().after(transfer(), ORGAN)
