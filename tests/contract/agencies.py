"""Synthetic agencies and a first case, for tests that call the services."""

import uuid
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from guanhu.command.v1 import command_pb2
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.types.v1 import types_pb2
from services.demo.client import Client
from services.kernel.identifier import uscc_check_character

CASE_HANDLING = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_CASE_HANDLING, legal_basis="SI-R05")


def uscc(number: int, prefix: str = "11110108") -> str:
    """A synthetic unified social credit code."""
    body = f"{prefix}{number:09d}"
    return body + uscc_check_character(body)


PROC, COURT, PSB, CYL, SWO, OTHER_SWO, AUD = (uscc(n) for n in range(1, 8))
_TYPES = {PROC: "PROC", COURT: "COURT", PSB: "PSB", CYL: "CYL", SWO: "SWO", OTHER_SWO: "SWO", AUD: "AUD"}


def head(**fields: object) -> command_pb2.CommandHead:
    """A head with a request id of its own."""
    return command_pb2.CommandHead(**{"request_id": str(uuid.uuid4()), **fields})  # type: ignore[arg-type]


def new_id() -> str:
    """A fresh UUID."""
    return str(uuid.uuid4())


def date(year: int, month: int, day: int) -> types_pb2.Date:
    """A calendar date of the protocol."""
    return types_pb2.Date(year=year, month=month, day=day)


def agency(code: str) -> directory.Agency:
    """The synthetic agency of a code."""
    kind = _TYPES[code]
    return directory.Agency(
        uscc=code,
        name=f"某市某区机构{kind}",
        type=directory.AgencyType.Value(f"AGENCY_TYPE_{kind}"),
        level=directory.AGENCY_LEVEL_COUNTY,
        division=directory.DivisionCode(code="110108"),
        investigates=kind == "SWO",
    )


def register_agencies(client: Client) -> None:
    """Puts every synthetic agency into the directory; again changes nothing."""
    for code in _TYPES:
        client.call("intake", "RegisterAgency", intake.RegisterAgencyRequest(head=head(), agency=agency(code)))


@dataclass(frozen=True)
class OpenedCase:
    """A case of the synthetic procuratorate with its minor."""

    case_id: str
    subject_id: str


def open_case(client: Client, name: str = "段某某", occurred_at: Timestamp | None = None) -> OpenedCase:
    """Registers a minor and opens a criminal case, as the procuratorate's officer."""
    opened = OpenedCase(new_id(), new_id())
    details = persons.PersonDetails(
        person_id=opened.subject_id, name=name, birth_date=date(2009, 5, 6), sex=persons.SEX_MALE, languages=["汉语"]
    )
    register = intake.RegisterPersonRequest(
        head=head(),
        details=details,
        part=persons.PERSON_PART_MINOR,
        identity_status=persons.IDENTITY_STATUS_SELF_STATED,
        age_basis=persons.AGE_BASIS_HOUSEHOLD_REGISTER,
    )
    client.call("intake", "RegisterPerson", register, PROC, "procurator-1", "CASE_PROCURATOR")
    opening = intake.OpenCaseRequest(
        head=head(occurred_at=occurred_at),
        case_id=opened.case_id,
        kind=cases.CASE_KIND_CRIMINAL,
        subject_id=opened.subject_id,
        act_on=date(2026, 3, 2),
    )
    client.call("intake", "OpenCase", opening, PROC, "procurator-1", "CASE_PROCURATOR")
    return opened


def referral(case: OpenedCase, **changes: object) -> referrals.ReferralContent:
    """A referral of the case to the Youth League."""
    fields = {
        "referral_id": new_id(),
        "case_id": case.case_id,
        "subject_id": case.subject_id,
        "kind": referrals.REFERRAL_KIND_SOCIAL_INVESTIGATION,
        "from_uscc": PROC,
        "to_uscc": CYL,
        "stage": referrals.CASE_STAGE_PROSECUTION_REVIEW,
        "brief_facts": "涉嫌盗窃电动自行车一辆",
        "needs": "需要会方言的社工",
        **changes,
    }
    return referrals.ReferralContent(**fields)  # type: ignore[arg-type]
