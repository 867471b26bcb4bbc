"""Whatever bytes an RPC is sent, and whoever sends them, it answers with a documented refusal and never with a personal value.

The RPCs are those of the descriptors. The callers are every officer of two published cases, a system without an officer, the
services of the house, and callers whose token is wrong or has expired. Both cases are played first, with marked persons, so
that the attack finds referrals and investigations far along, and everything that was sent is sent again and mutated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from services.__main__ import reports
from services.builders import BUILDERS
from services.demo.casefile import read
from services.demo.player import Player
from services.demo.process import free_address
from services.kernel import host, metrics, watch
from services.kernel.config import Config
from services.kernel.host import Running
from tests.databases import fresh_database
from tests.fault.attack import MARKS, NAME_MARK, Attack, MarkingClient, Verdict, documented, methods
from tests.fault.population import identities, requests_of
from tests.fault.watch import Heard, columns_that_hold, listening, server_log

CASES = [Path(__file__).parents[1] / "cases" / name for name in ("c08-haidian-2021.yaml", "c11-nanjing-2019.yaml")]
# gRPC's own services answer anybody: they hold no record and take no command.
OPEN_SERVICES = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
# One fixture makes some ten thousand calls: half a minute of work on an idle machine.
pytestmark = pytest.mark.timeout(300)
WATCH_S = 0.1
# Suspending comes last: whoever is suspended gets no further than that.
METHODS = sorted(methods(), key=lambda method: method.name == "SuspendAgency")


@dataclass
class Outcome:
    """What the attack came to."""

    served: set[str]
    heard: Heard
    verdicts: dict[str, Verdict]
    broken: list[str]
    stored: list[str]
    database_log: str


@pytest.fixture(scope="module")
def outcome(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """One attack on every RPC of one server with a database of its own."""
    config = Config(listen=free_address(), state_folder=tmp_path_factory.mktemp("attacked"))
    with (
        fresh_database(database_url) as url,
        listening() as heard,
        host.serving(replace(config, database_url=url), BUILDERS) as running,
        pytest.MonkeyPatch.context() as changed,
    ):
        # A watch lasts until there is news; here it ends before a call does.
        changed.setattr(watch, "WATCH_S", WATCH_S)
        changed.setattr(watch, "WAIT_S", WATCH_S)
        yield attacked(running, heard)


def attacked(running: Running, heard: Heard) -> Outcome:
    """Plays the cases and attacks."""
    address, authority = f"127.0.0.1:{running.port}", running.resources.authority
    assert authority is not None
    cases = [read(path) for path in CASES]
    client = MarkingClient(address, authority)
    with client:
        players = [Player(case, client, lambda *_: None) for case in cases]
        ids = [player.played.id_of(name) for player in players for name in ("case", "minor", "referral")]
        attack = Attack(identities(address, authority, client, cases), requests_of(ids, cases), client.sent)
        served = set(ProtoReflectionDescriptorDatabase(client.channel("")).get_services())
        client.before = attack.ahead
        ids += [player.play().kept["investigation"] for player in players]
        for method in METHODS:
            attack.on(method)
    broken = [problem for report in reports(running) for problem in report.problems]
    with psycopg.connect(running.resources.database_url) as conn:
        return Outcome(served, heard, attack.verdicts, broken, columns_that_hold(conn, MARKS), server_log(conn))


def test_every_registered_service_is_attacked(outcome: Outcome) -> None:
    assert outcome.served - OPEN_SERVICES == {method.containing_service.full_name for method in METHODS}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.containing_service.name}.{method.name}")
def test_only_documented_refusals_without_personal_values_come_back(outcome: Outcome, method: MethodDescriptor) -> None:
    assert outcome.verdicts[method.full_name].problems == []


def test_the_attack_reaches_beyond_the_checks_of_shape(outcome: Outcome) -> None:
    codes = {code for verdict in outcome.verdicts.values() for code in verdict.codes}
    reasons = {reason for verdict in outcome.verdicts.values() for reason in verdict.reasons}
    assert {"OK", "INVALID_ARGUMENT", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "FAILED_PRECONDITION"} <= codes
    assert {"TOKEN_INVALID", "TOKEN_EXPIRED", "REQUEST_ID_REUSED", "ON_BEHALF_OF_NOT_ALLOWED"} <= reasons
    assert reasons <= set(documented())
    assert len(reasons) > 20


def test_the_methods_that_need_no_officer_open_nothing_without_a_link_that_was_signed_here(outcome: Outcome) -> None:
    for name in ("ShowOffer", "AnswerOffer"):
        verdict = outcome.verdicts[f"guanhu.appropriate_adult.v1.CalloutService.{name}"]
        assert verdict.reasons["OFFER_LINK_INVALID"] > 0
        assert "OK" not in verdict.codes


def test_nothing_personal_is_logged(outcome: Outcome) -> None:
    lines = outcome.heard.log_text()
    assert '"call"' in lines, "every call is one line, so there are lines to look at"
    assert [line for line in lines.splitlines() if any(mark in line for mark in MARKS)] == []
    assert not any(mark in outcome.database_log for mark in MARKS)


def test_nothing_personal_is_in_spans_or_metrics(outcome: Outcome) -> None:
    spans, measured = outcome.heard.span_text(), outcome.heard.metrics_text()
    assert "IntakeService/RegisterPerson" in spans
    assert metrics.RPC_DURATION.name in measured
    assert not any(mark in spans + measured for mark in MARKS)


def test_nothing_personal_is_stored_in_the_clear(outcome: Outcome) -> None:
    assert outcome.verdicts["guanhu.intake.v1.IntakeService.RegisterPerson"].codes["OK"] > 0
    assert outcome.stored == []


def test_everything_stored_is_whole_after_the_attack(outcome: Outcome) -> None:
    assert outcome.broken == []


def test_the_scan_of_the_database_finds_a_value_that_stands_in_the_clear(database_url: str) -> None:
    with fresh_database(database_url) as url, psycopg.connect(url) as conn:
        conn.execute("create table leaks (said text, bytes bytea, listed text[], document jsonb)")
        conn.execute(
            "insert into leaks values (%s, %s, %s, %s)", [NAME_MARK, NAME_MARK.encode(), [NAME_MARK], f'"{NAME_MARK}"']
        )
        assert set(columns_that_hold(conn, MARKS)) == {
            f"public.leaks.{name}" for name in ("said", "bytes", "listed", "document")
        }
