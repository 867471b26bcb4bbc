"""Synthetic agencies, persons, cases and referrals for intake's deciders; nobody in them exists."""

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from guanhu.command.v1 import command_pb2
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.types.v1 import types_pb2
from services.intake import case, referral
from services.kernel.dates import from_date
from services.kernel.decision import AgencyFacts, CaseFacts, Facts
from tests.contract.agencies import uscc
from tests.unit.gwt import Story, act

Command = TypeVar("Command")

PROC, COURT, PSB, CYL, SWO, NOT_ON_ROSTER, SUSPENDED, UNREGISTERED = (uscc(number) for number in range(41, 49))
CASE, SUBJECT, REFERRAL, OTHER = (str(uuid.UUID(int=number)) for number in range(1, 5))

AGENCIES = {
    PROC: AgencyFacts(PROC, "PROC"),
    COURT: AgencyFacts(COURT, "COURT"),
    PSB: AgencyFacts(PSB, "PSB"),
    CYL: AgencyFacts(CYL, "CYL"),
    SWO: AgencyFacts(SWO, "SWO", investigates=True),
    NOT_ON_ROSTER: AgencyFacts(NOT_ON_ROSTER, "SWO"),
    SUSPENDED: AgencyFacts(SUSPENDED, "SWO", investigates=True, suspended=True),
}
OPENED = CaseFacts(CASE, PROC, SUBJECT, date(2026, 1, 20), frozenset({PROC}))
FACTS = Facts(AGENCIES, OPENED, existing=frozenset({SUBJECT, OTHER}))

ORGAN = act(PROC, "procurator")
LEAGUE = act(CYL, "desk")
REGISTRAR = act(PROC, "registrar")


def command(kind: Callable[..., Command], /, **fields: Any) -> Command:
    """A command with a request id of its own."""
    return kind(head=command_pb2.CommandHead(request_id=str(uuid.uuid4())), **fields)


def day(text: str) -> types_pb2.Date:
    """A date of the protocol from its ISO text."""
    return from_date(date.fromisoformat(text))


def agency(**changes: Any) -> directory.Agency:
    """A procuratorate of a district."""
    fields: dict[str, Any] = {
        "uscc": PROC,
        "name": "某区人民检察院",
        "type": directory.AGENCY_TYPE_PROC,
        "level": directory.AGENCY_LEVEL_COUNTY,
        "division": directory.DivisionCode(code="110108"),
    }
    return directory.Agency(**{**fields, **changes})


def register_agency(**changes: Any) -> Any:
    """RegisterAgency."""
    return command(api.RegisterAgencyRequest, agency=agency(**changes))


def details(**changes: Any) -> persons.PersonDetails:
    """Who a minor is."""
    fields: dict[str, Any] = {"person_id": SUBJECT, "name": "某某", "birth_date": day("2009-05-17")}
    return persons.PersonDetails(**{**fields, **changes})


def register_person(person: persons.PersonDetails | None = None, **changes: Any) -> Any:
    """RegisterPerson."""
    fields: dict[str, Any] = {
        "details": person or details(),
        "part": persons.PERSON_PART_MINOR,
        "identity_status": persons.IDENTITY_STATUS_SELF_STATED,
        "age_basis": persons.AGE_BASIS_HOUSEHOLD_REGISTER,
    }
    return command(api.RegisterPersonRequest, **{**fields, **changes})


def open_case(**changes: Any) -> Any:
    """OpenCase."""
    fields: dict[str, Any] = {
        "case_id": CASE,
        "kind": cases.CASE_KIND_CRIMINAL,
        "subject_id": SUBJECT,
        "act_on": day("2026-01-20"),
    }
    return command(api.OpenCaseRequest, **{**fields, **changes})


def participate(uscc: str, scope: int = directory.PARTICIPANT_SCOPE_SERVICE, **changes: Any) -> Any:
    """AddParticipant; `begins` and `ends` are its first and last day."""
    days = {name: changes[key] for name, key in (("from", "begins"), ("to", "ends")) if key in changes}
    return command(api.AddParticipantRequest, case_id=CASE, uscc=uscc, scope=scope, **days)


def content(**changes: Any) -> referrals.ReferralContent:
    """A referral for a social investigation, to the League's platform."""
    fields: dict[str, Any] = {
        "referral_id": REFERRAL,
        "case_id": CASE,
        "subject_id": SUBJECT,
        "kind": referrals.REFERRAL_KIND_SOCIAL_INVESTIGATION,
        "from_uscc": PROC,
        "to_uscc": CYL,
        "stage": referrals.CASE_STAGE_PROSECUTION_REVIEW,
        "due_on": day("2026-03-30"),
        "host_deadline_on": day("2026-04-05"),
        "brief_facts": "涉嫌盗窃",
    }
    return referrals.ReferralContent(**{**fields, **changes})


def create(**changes: Any) -> Any:
    """CreateReferral."""
    return command(api.CreateReferralRequest, content=content(**changes))


def submit(**changes: Any) -> Any:
    """SubmitReferral with its content."""
    return command(api.SubmitReferralRequest, referral_id=REFERRAL, content=content(**changes))


def on_referral(kind: Callable[..., Command], /, **fields: Any) -> Command:
    """A command on the referral."""
    return command(kind, referral_id=REFERRAL, **fields)


def opened(**changes: Any) -> Story[case.State]:
    """An opened case."""
    return Story.of(case.DECIDER, FACTS).after(open_case(**changes), ORGAN)


def submitted(**changes: Any) -> Story[referral.State]:
    """A submitted referral."""
    return Story.of(referral.DECIDER, FACTS).after(submit(**changes), ORGAN)


def accepted() -> Story[referral.State]:
    """A referral that the League accepted for a provider."""
    return submitted().after(on_referral(api.AcceptReferralRequest, provider=SWO), LEAGUE)
