"""Who sees what of an investigation: the rows of domain/11 §11.2 that apply to it."""

import base64
import io
import json
import re
import zipfile

import grpc
import pytest

from guanhu.audit.v1 import audit_service_pb2 as audit
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from guanhu.types.v1 import types_pb2
from services.demo.client import Client
from services.kernel.host import Running
from tests.contract.agencies import AUD, CASE_HANDLING, COURT, SWO, head, new_id, register_agencies
from tests.contract.investigation import (
    AUDITOR,
    IDLE,
    JUDGE,
    LEAGUE,
    MANAGER,
    NAME,
    PROCURATOR,
    SECOND,
    STRANGER,
    SUPERVISOR,
    WORKER,
    Investigation,
    Who,
    adopted,
    refer,
    refusal,
)
from tests.unit.social_investigation import builders as b

DENIED = (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")
NOT_FOUND = (grpc.StatusCode.NOT_FOUND, "SEALED_OR_NOT_FOUND")
AUDIT = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")
ADOPT = {"use": events.USE_OF_REPORT_PROSECUTION_DECISION, "note": "采纳"}


@pytest.fixture(autouse=True)
def agencies(client: Client) -> None:
    register_agencies(client)


@pytest.fixture
def examined(client: Client) -> Investigation:
    """UNDER_EXAMINATION."""
    made = refer(client)
    made.issue()
    made.assign()
    made.hand_in(made.report(made.see("worker-1", "worker-2")), "worker-1", "worker-2")
    made.call("BeginExamination", PROCURATOR)
    return made


def person(made: Investigation, who: Who) -> intake.GetPersonResponse:
    request = intake.GetPersonRequest(person_id=made.case.subject_id, case_id=made.case.case_id, purpose=CASE_HANDLING)
    found: intake.GetPersonResponse = made.client.call("intake", "GetPerson", request, *who)
    return found


def referral(made: Investigation, who: Who) -> intake.Referral:
    request = intake.GetReferralRequest(referral_id=made.referral_id, purpose=CASE_HANDLING)
    found: intake.Referral = made.client.call("intake", "GetReferral", request, *who).referral
    return found


def listed(made: Investigation, who: Who) -> list[str]:
    request = api.ListInvestigationsRequest(
        case_id=made.case.case_id, purpose=CASE_HANDLING, min_position=made.seen_by(PROCURATOR).version
    )
    rows = made.client.call("social_investigation", "ListInvestigations", request, *who).investigations
    return [row.investigation_id for row in rows]


def test_a_worker_who_is_not_assigned_sees_nothing(examined: Investigation) -> None:
    assert refusal(lambda: examined.seen_by(IDLE)) == DENIED
    assert refusal(lambda: examined.paper(IDLE)) == DENIED
    assert refusal(lambda: person(examined, IDLE)) == DENIED
    assert refusal(lambda: referral(examined, IDLE)) == DENIED
    assert listed(examined, IDLE) == []
    assert listed(examined, WORKER) == [examined.investigation_id]


def test_a_recused_worker_sees_nothing_any_more(client: Client) -> None:
    made = refer(client)
    made.issue()
    made.assign()
    assert person(made, SECOND).details.name == NAME
    made.call("ReplaceInvestigator", MANAGER, officer="worker-2", replacement=b.investigator("worker-3"))
    assert refusal(lambda: made.seen_by(SECOND)) == DENIED
    assert person(made, (SWO, "worker-3", "SOCIAL_WORKER")).details.name == NAME
    assert refusal(lambda: person(made, SECOND)) == DENIED


def test_a_stranger_cannot_tell_an_investigation_from_none(examined: Investigation) -> None:
    assert refusal(lambda: examined.seen_by(STRANGER)) == NOT_FOUND
    assert refusal(lambda: examined.paper(STRANGER)) == NOT_FOUND
    assert refusal(lambda: person(examined, STRANGER)) == NOT_FOUND
    assert examined.refused("BeginExamination", STRANGER) == NOT_FOUND
    nobodys = Investigation(examined.client, examined.case, new_id())
    assert refusal(lambda: nobodys.seen_by(STRANGER)) == NOT_FOUND
    assert nobodys.refused("BeginExamination", STRANGER) == NOT_FOUND


@pytest.mark.parametrize("who", [PROCURATOR, WORKER, SECOND, SUPERVISOR], ids=lambda who: who[1])
def test_identity_facts_and_report_are_open_to_the_organ_and_to_who_works_on_them(examined: Investigation, who: Who) -> None:
    assert person(examined, who).details.name == NAME
    assert referral(examined, who).content.brief_facts == "涉嫌盗窃电动自行车一辆"
    found = examined.seen_by(who)
    assert found.report.basic_facts.name == NAME
    assert (found.letter.brief_facts, list(found.withheld)) == ("涉嫌盗窃", [])


def test_the_manager_has_letter_and_report_and_of_the_person_what_an_assignment_needs(examined: Investigation) -> None:
    assert examined.seen_by(MANAGER).letter.brief_facts == "涉嫌盗窃"
    seen = person(examined, MANAGER)
    assert (seen.details.name, list(seen.details.languages)) == ("", ["汉语"])
    assert seen.details.birth_date.year == 2009
    assert list(seen.withheld) == ["name"]
    assert referral(examined, MANAGER).content.brief_facts == ""


def test_the_league_matches_and_sees_neither_name_nor_facts_nor_report(examined: Investigation) -> None:
    seen = person(examined, LEAGUE)
    assert (seen.details.name, seen.details.sex, seen.criminal_age_years) == ("", 2, seen.civil_age_years)
    assert list(seen.withheld) == ["name"]
    assert (referral(examined, LEAGUE).content.brief_facts, list(referral(examined, LEAGUE).withheld)) == ("", ["brief_facts"])
    assert refusal(lambda: examined.seen_by(LEAGUE)) == NOT_FOUND
    assert refusal(lambda: examined.paper(LEAGUE)) == NOT_FOUND


def test_si_r05_the_court_sees_the_report_once_it_came_with_the_file(client: Client) -> None:
    made = adopted(client)
    assert refusal(lambda: made.seen_by(JUDGE)) == NOT_FOUND
    made.call("TransferReport", PROCURATOR, to_uscc=COURT, to_stage=referrals.CASE_STAGE_TRIAL)
    assert made.seen_by(JUDGE).report.basic_facts.name == NAME
    assert made.paper(JUDGE).content == made.paper(PROCURATOR).content


def test_the_auditor_reads_the_whole_history_and_nothing_personal(client: Client) -> None:
    made = adopted(client)
    for read in (made.seen_by, made.paper):
        assert refusal(lambda r=read: r(AUDITOR)) == NOT_FOUND
    request = audit.GetHistoryRequest(case_id=made.case.case_id, purpose=AUDIT, with_content=True)
    while True:
        history = client.call("audit", "GetHistory", request, *AUDITOR)
        if any(entry.type.endswith(".ReportAdopted") for entry in history.entries):
            break
    drafted = next(entry for entry in history.entries if entry.type.endswith(".ReportDrafted"))
    assert "report.basic_facts" in drafted.withheld
    export = audit.ExportCaseRequest(case_id=made.case.case_id, purpose=AUDIT)
    packed = b"".join(chunk.chunk for chunk in client.call("audit", "ExportCase", export, *AUDITOR))
    bundle = zipfile.ZipFile(io.BytesIO(packed))
    plain = history.SerializeToString() + b"".join(bundle.read(name) for name in bundle.namelist())
    # Stored bytes stand in the bundle as base64: they are looked through too.
    encoded = re.findall(rb"[A-Za-z0-9+/]{24,}={0,2}", plain)
    everything = plain + b"".join(base64.b64decode(text + b"=" * (-len(text) % 4)) for text in encoded if len(text) % 4 != 1)
    assert made.case.subject_id.encode() in everything
    for personal in (NAME, "涉嫌盗窃", "郑小二", "一时冲动"):
        assert personal.encode() not in everything
        assert json.dumps(personal).strip('"').encode() not in everything


def test_an_auditor_who_is_made_a_participant_still_sees_pseudonyms_only(examined: Investigation) -> None:
    add = intake.AddParticipantRequest(
        head=head(), case_id=examined.case.case_id, uscc=AUD, scope=directory.PARTICIPANT_SCOPE_SUPERVISION
    )
    examined.client.call("intake", "AddParticipant", add, *PROCURATOR)
    seen = person(examined, AUDITOR)
    assert seen.details.person_id == examined.case.subject_id
    assert sorted(seen.withheld) == ["birth_date", "languages", "name", "sex"]
    assert (seen.criminal_age_years, seen.civil_age_years) == (-1, -1)


def test_reads_and_refusals_are_recorded_with_purpose_and_basis(examined: Investigation, running: Running) -> None:
    examined.seen_by(WORKER)
    refusal(lambda: examined.seen_by(IDLE))
    examined.refused("AdoptReport", MANAGER, **ADOPT)
    with running.resources.pool.connection() as conn:
        rows = conn.execute(
            "select officer, action, allowed, reason, purpose, legal_basis from social_investigation.access_records"
            " where resource_id = %s order by id",
            [examined.investigation_id],
        ).fetchall()
    read, adopt = "social_investigation.GetInvestigation", "social_investigation.AdoptReport"
    assert rows == [
        ("worker-1", read, True, "", "CASE_HANDLING", "SI-R05"),
        ("worker-9", read, False, "NOT_ALLOWED", "CASE_HANDLING", "SI-R05"),
        ("manager-1", adopt, False, "NOT_ALLOWED", "UNSPECIFIED", ""),
    ]
