"""Who may read histories, and the record that is kept of it."""

import grpc
import pytest

from guanhu.audit.v1 import audit_service_pb2 as api
from guanhu.journal.v1 import journal_service_pb2 as journalpb
from guanhu.journal.v1 import journal_service_pb2_grpc as journalrpc
from services.demo.client import Client
from services.kernel.rpc import reason_of
from tests.contract.agencies import AUD, OTHER_SWO, new_id, register_agencies
from tests.contract.asking import AUDIT, AUDITOR, history, refused
from tests.contract.played import Told

OUTSIDER = (OTHER_SWO, "manager-9", "SWO_MANAGER")


def outside(told: Told, case_id: str) -> grpc.RpcError:
    """What an agency that takes no part in the case is told."""
    register_agencies(told.client)
    with pytest.raises(grpc.RpcError) as refusal:
        told.client.call("audit", "GetHistory", api.GetHistoryRequest(case_id=case_id, purpose=AUDIT), *OUTSIDER)
    return refusal.value


def test_to_an_agency_outside_the_case_it_looks_like_a_case_that_never_was(told: Told) -> None:
    inside, never = outside(told, told.case_id), outside(told, new_id())
    assert reason_of(inside) == reason_of(never) == "SEALED_OR_NOT_FOUND"
    assert inside.code() == never.code() == grpc.StatusCode.NOT_FOUND
    assert inside.details() == never.details()


def test_a_body_that_handles_the_case_reads_its_history_and_an_auditor_reads_it_too(told: Told) -> None:
    request = api.GetHistoryRequest(case_id=told.case_id, purpose=AUDIT)
    assert told.ask("audit", "GetHistory", request, "nj_procurator").total == history(told).total


@pytest.mark.parametrize("officer", ["nj_worker_a", "nj_manager", "nj_league"])
def test_those_who_serve_in_the_case_do_not_read_its_history(told: Told, officer: str) -> None:
    request = api.GetHistoryRequest(case_id=told.case_id, purpose=AUDIT)
    assert refused(told, "GetHistory", request, officer) == "SEALED_OR_NOT_FOUND"


@pytest.mark.parametrize("method", ["Replay", "Compare"])
def test_only_auditors_replay_and_compare(told: Told, method: str) -> None:
    kind = {"Replay": api.ReplayRequest, "Compare": api.CompareRequest}[method]
    request = kind(origin="social_investigation", stream=told.investigation, purpose=AUDIT)
    assert refused(told, method, request, "nj_procurator") == "SEALED_OR_NOT_FOUND"


def test_every_read_and_every_refusal_stands_in_the_access_record_with_its_purpose(told: Told) -> None:
    history(told)
    outside(told, told.case_id)
    with told.running.resources.pool.connection() as conn:
        rows = conn.execute(
            "select agency, officer, role, allowed, reason, purpose, legal_basis, policy_sha256 <> ''"
            " from audit.access_records where case_id = %s and action = 'audit.GetHistory' order by id desc limit 2",
            [told.case_id],
        ).fetchall()
    auditors = told.case.agencies["auditors"].uscc
    assert rows == [
        (*OUTSIDER, False, "SEALED_OR_NOT_FOUND", "AUDIT", "ACT-09", True),
        (auditors, AUDITOR, "AUDITOR", True, "", "AUDIT", "ACT-09", True),
    ]


def test_a_read_of_a_stream_is_recorded_by_its_name(told: Told) -> None:
    request = api.ReplayRequest(origin="social_investigation", stream=told.investigation, purpose=AUDIT)
    told.ask("audit", "Replay", request, AUDITOR)
    with told.running.resources.pool.connection() as conn:
        row = conn.execute(
            "select resource_id, allowed, purpose from audit.access_records"
            " where action = 'audit.Replay' order by id desc limit 1"
        ).fetchone()
    assert row == (f"social_investigation/{told.investigation}", True, "AUDIT")


def test_a_history_is_not_read_without_a_purpose(told: Told) -> None:
    assert refused(told, "GetHistory", api.GetHistoryRequest(case_id=told.case_id)) == "INVALID_REQUEST"


def test_an_auditor_reads_a_feed_for_a_stated_purpose_only(told: Told, client: Client) -> None:
    register_agencies(client)
    stub = journalrpc.JournalServiceStub(client.channel(AUD))
    metadata = client.metadata(AUD, "auditor-1", "AUDITOR")
    with pytest.raises(grpc.RpcError) as refusal:
        stub.Read(journalpb.ReadRequest(origin="intake", limit=1), metadata=metadata)
    assert reason_of(refusal.value) == "INVALID_REQUEST"
    assert len(stub.Read(journalpb.ReadRequest(origin="intake", limit=1, purpose=AUDIT), metadata=metadata).rows) == 1
