"""Who does what in an investigation: the refusal of each wrong identity (domain/03 §3.3, domain/01 §1.3)."""

from pathlib import Path
from typing import Any

import grpc
import pytest

from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from guanhu.types.v1 import types_pb2
from services.demo.client import Client
from services.kernel.access import Access, PrincipalFacts, ResourceFacts
from services.social_investigation import app
from tests.contract.agencies import CASE_HANDLING, PROC, SWO, register_agencies
from tests.contract.investigation import (
    AUDITOR,
    IDLE,
    JUDGE,
    LEAGUE,
    MANAGER,
    PROCURATOR,
    STRANGER,
    SUPERVISOR,
    WORKER,
    Investigation,
    Who,
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


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ((SWO, "manager-1", "SWO_MANAGER"), DENIED),
        (WORKER, DENIED),
        (SUPERVISOR, DENIED),
        # Even an officer of a provider whose token claims the role of a procurator (ACT-07).
        ((SWO, "manager-1", "CASE_PROCURATOR"), DENIED),
        ((PROC, "clerk-1", "CLERK"), DENIED),
        ((PROC, "", ""), DENIED),
        (LEAGUE, NOT_FOUND),
        (JUDGE, NOT_FOUND),
        (STRANGER, NOT_FOUND),
        (AUDITOR, NOT_FOUND),
    ],
    ids=lambda value: "-".join(map(str, value[1:])) if isinstance(value, tuple) else "",
)
def test_act_07_only_the_organ_adopts_a_report(examined: Investigation, who: Who, expected: Any) -> None:
    assert examined.refused("AdoptReport", who, **ADOPT) == expected
    assert examined.seen_by(PROCURATOR).status == api.INVESTIGATION_STATUS_UNDER_EXAMINATION


@pytest.mark.parametrize("who", [PROCURATOR, LEAGUE, WORKER, STRANGER], ids=lambda who: who[1])
def test_only_the_providers_manager_accepts_and_assigns(client: Client, who: Who) -> None:
    made = refer(client)
    made.issue()
    expected = NOT_FOUND if who in {LEAGUE, STRANGER} else DENIED
    assert made.refused("AcceptCommission", who) == expected
    made.call("AcceptCommission", MANAGER)
    team = [b.investigator("worker-1"), b.investigator("worker-2")]
    assert made.refused("AssignInvestigators", who, investigators=team, supervisor="supervisor") == expected


def test_before_the_letter_is_issued_the_provider_knows_nothing_of_the_draft(client: Client) -> None:
    made = refer(client)
    assert refusal(lambda: made.seen_by(MANAGER)) == NOT_FOUND
    assert made.refused("AcceptCommission", MANAGER) == NOT_FOUND
    request = api.ListInvestigationsRequest(case_id=made.case.case_id, purpose=CASE_HANDLING)
    assert not client.call("social_investigation", "ListInvestigations", request, *MANAGER).investigations


@pytest.mark.parametrize("who", [IDLE, MANAGER, SUPERVISOR, PROCURATOR], ids=lambda who: who[1])
def test_si_r16_only_assigned_workers_record_and_draft(client: Client, who: Who) -> None:
    made = refer(client)
    made.issue()
    made.assign()
    assert made.refused("RecordInterview", who, contact=made.contact()) == DENIED
    seen = made.see("worker-1", "worker-2")
    assert made.refused("SubmitDraft", who, report=made.report(seen)) == DENIED


def test_si_r19_the_author_never_approves_the_own_draft_whatever_the_token_says(client: Client) -> None:
    made = refer(client)
    made.issue()
    made.assign()
    made.call("SubmitDraft", WORKER, report=made.report(made.see("worker-1", "worker-2")))
    assert made.refused("ApproveDraft", WORKER) == DENIED
    assert made.refused("ApproveDraft", (SWO, "worker-1", "SUPERVISOR")) == DENIED
    assert made.refused("ApproveDraft", (SWO, "supervisor-9", "SUPERVISOR")) == DENIED
    made.call("ApproveDraft", SUPERVISOR)


def decides(agency_type: str, role: str, action: str, resource: ResourceFacts, officer: str = "o") -> bool:
    policies = Access([Path(app.__file__).parent / "access.cedar"], app.actions())
    principal = PrincipalFacts("p", "body", agency_type, role, officer)
    return policies.decide(principal, f"social_investigation.{action}", resource).allowed


@pytest.mark.parametrize(("agency_type", "role"), [("CYL", "CYL_OFFICER"), ("JUST", "CORRECTION_OFFICER")])
def test_act_08_league_and_correction_institution_carry_out_but_never_decide(agency_type: str, role: str) -> None:
    entrusted = ResourceFacts("Investigation", "1", organ="court", provider="body", participants=frozenset({"court", "body"}))
    for action in ("AcceptCommission", "AssignInvestigators", "SubmitReport", "IssueReport", "GetInvestigation"):
        assert decides(agency_type, role, action, entrusted)
    for action in sorted(app.STATUTORY):
        assert not decides(agency_type, role, action, entrusted)


def test_si_r08_the_body_that_executes_opens_the_report_it_was_sent() -> None:
    sent = ResourceFacts("Investigation", "1", organ="court", provider="swo", participants=frozenset({"court", "swo", "body"}))
    assert decides("JUST", "CORRECTION_OFFICER", "GetReportDocument", sent)
    assert not decides("JUST", "CLERK", "GetReportDocument", sent)
