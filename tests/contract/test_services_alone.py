"""In production each service runs alone: its own process, login role and certificate, on a database migrated before."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import psycopg
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from psycopg import sql

from guanhu.audit.v1 import audit_service_pb2 as audit
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from guanhu.notify.v1 import notify_service_pb2 as notify
from guanhu.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from guanhu.types.v1 import types_pb2
from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import ROOT, ServiceProcess, free_address
from tests.contract.agencies import AUD, CASE_HANDLING, CYL, PROC, SWO, OpenedCase, head, open_case, referral, register_agencies
from tests.contract.journal_server import running_server
from tests.contract.production import Site, site

AUDIT = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")
ASKED_S = 10.0
# What a drain may take that has nothing to finish but open watches.
IDLE_DRAIN_S = 2.0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="module")
def migrated(place: Site) -> Site:
    place.migrate()
    return place


def accept_referral(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    submit = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
    client.call("intake", "SubmitReferral", submit, PROC, "procurator-1", "CASE_PROCURATOR")
    accept = intake.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO)
    client.call("intake", "AcceptReferral", accept, CYL, "league-1", "CYL_OFFICER")


def history_with(client: Client, case_id: str, kind: str) -> list[audit.Entry]:
    """The history once it holds an event of a kind; policies and audit work behind the commands."""
    while True:
        request = audit.GetHistoryRequest(case_id=case_id, purpose=AUDIT)
        entries = list(client.call("audit", "GetHistory", request, AUD, "auditor-1", "AUDITOR").entries)
        if any(entry.type.endswith(f".{kind}") for entry in entries):
            return entries


def seconds_until_watches_end(client: Client, process: ServiceProcess) -> float:
    """Tells a process to stop while an agency watches its messages and a probe its health, each told of something before."""
    channel, serving = client.channel(CYL), health_pb2.HealthCheckResponse.SERVING
    messages = iter(NotifyServiceStub(channel).Watch(notify.WatchRequest(purpose=CASE_HANDLING), timeout=ASKED_S * 6))
    states = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=ASKED_S * 6)
    assert next(messages).message.to_uscc == CYL
    assert next(states).status == serving
    os.kill(process.pid, signal.SIGTERM)
    began = time.monotonic()
    assert {answer.message.to_uscc for answer in messages} <= {CYL, ""}
    assert [state.status for state in states] == [health_pb2.HealthCheckResponse.NOT_SERVING]
    return time.monotonic() - began


def test_service_refuses_to_start_on_a_database_that_nobody_migrated(tmp_path: Path) -> None:
    with site(tmp_path) as unmigrated, pytest.raises(AssertionError) as refused:
        unmigrated.process("intake").start()
    assert "the database lacks vault: 0001_vault.sql" in str(refused.value)
    assert "python -m services migrate" in str(refused.value)


def test_services_alone_carry_a_referral_to_the_audit_history_and_end_at_sigterm(migrated: Site) -> None:
    processes = migrated.processes()
    with ExitStack() as stack:
        for process in processes.values():
            process.start()
            stack.callback(process.kill)
        to_intake, to_audit = (stack.enter_context(migrated.client(processes[name])) for name in ("intake", "audit"))
        register_agencies(to_intake)
        case = open_case(to_intake)
        accept_referral(to_intake, case)
        entries = history_with(to_audit, case.case_id, "InvestigationCommissionDrafted")
        [accepted] = [entry for entry in entries if entry.type.endswith(".ReferralAccepted")]
        [drafted] = [entry for entry in entries if entry.type.endswith(".InvestigationCommissionDrafted")]
        caused = drafted.header.causation
        assert (accepted.origin, drafted.origin) == ("intake", "social_investigation")
        assert (caused.origin, caused.position) == (accepted.origin, accepted.position)
        to_notify = stack.enter_context(migrated.client(processes["notify"]))
        assert seconds_until_watches_end(to_notify, processes["notify"]) < IDLE_DRAIN_S
        assert {name: process.terminate() for name, process in processes.items()} == dict.fromkeys(BUILDERS, 0)
    assert [line for process in processes.values() for line in process.lines if '"level": "error"' in line] == []


def test_health_port_answers_a_probe_without_certificate_and_serves_nothing_else(migrated: Site) -> None:
    health = free_address()
    process = migrated.process("intake", GUANHU_HEALTH_LISTEN=health)
    process.start()
    try:
        with grpc.insecure_channel(health) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for name in ("", "guanhu.intake.v1.IntakeService"):
                answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=ASKED_S)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
            with pytest.raises(grpc.RpcError) as refused:
                IntakeServiceStub(channel).GetAgency(intake.GetAgencyRequest(uscc=PROC), timeout=ASKED_S)
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    finally:
        process.kill()


@pytest.mark.parametrize(
    "statement",
    [
        "insert into intake.events values (1000000, 's', 1, 't', '', '')",
        "update intake.events set type = 'other'",
        "delete from intake.requests",
        "truncate intake.events",
        "alter table intake.events disable trigger events_only_grow",
        "drop table intake.access_records",
        "delete from intake.access_records",
        "create table intake.mine ()",
        "delete from vault.subject_keys",
        "update vault.subject_keys set wrapped = null",
        "select from social_investigation.events",
        "set role guanhu_owner",
    ],
)
def test_login_role_of_a_service_may_not(migrated: Site, statement: str) -> None:
    with psycopg.connect(migrated.url("intake")) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement.encode())


def test_migration_that_requires_roles_does_nothing_while_one_is_missing(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "GUANHU_STATE_FOLDER": str(tmp_path),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "gen"))),
    }
    command = [sys.executable, "-m", "services", "migrate", "--require-roles"]
    with running_server() as server:
        environment["GUANHU_DATABASE_URL"] = server.url
        refused = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert refused.stdout == f"the database server lacks the roles {', '.join(f'guanhu_{name}' for name in BUILDERS)}\n"
        with psycopg.connect(server.url) as conn:
            assert conn.execute("select from pg_namespace where nspname = 'intake'").fetchall() == []
            for name in BUILDERS:
                conn.execute(sql.SQL("create role {}").format(sql.Identifier(f"guanhu_{name}")))
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (refused.returncode, done.returncode) == (1, 0)
    assert "intake: 0001_journal.sql" in done.stdout


def test_migrating_again_changes_nothing(migrated: Site) -> None:
    def privileges() -> list[tuple[object, ...]]:
        with psycopg.connect(migrated.owner_url) as conn:
            return conn.execute(
                "select table_schema, table_name, grantee, privilege_type from information_schema.role_table_grants"
                " where grantee <> 'PUBLIC' order by 1, 2, 3, 4"
            ).fetchall()

    before = privileges()
    migrated.migrate()
    assert before and privileges() == before
