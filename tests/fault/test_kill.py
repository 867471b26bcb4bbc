"""Killed under load, the service or PostgreSQL: every acknowledged command is there, once, and everything is whole."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.demo.process import ServiceProcess
from services.kernel.postgres import Embedded
from tests.contract.agencies import PROC
from tests.contract.journal_server import running_server
from tests.fault.under_load import Load, recorded

KILLS = 5
# Acknowledged between two kills, so that every kill falls into work.
BETWEEN_KILLS = 60
# A lossy server may be lucky now and then; in so many kills it never is.
LOSSY_KILLS_MAX = 10


@pytest.fixture
def server() -> Iterator[Embedded]:
    with running_server() as server:
        yield server


@pytest.fixture
def service(server: Embedded, tmp_path: Path) -> Iterator[ServiceProcess]:
    service = ServiceProcess(server.url, tmp_path / "state")
    service.start()
    yield service
    service.kill()


def assert_nothing_lost_or_doubled(load: Load, server: Embedded, service: ServiceProcess) -> None:
    assert load.unexpected == []
    found = recorded(server.url)
    assert {person: [position] for person, position in load.acknowledged.items()} == found
    with service.client() as client:
        for person in list(load.acknowledged)[:: max(1, len(load.acknowledged) // 50)]:
            repeated = client.call(
                "intake", "RegisterPerson", load.requests[person], PROC, "procurator-1", "CASE_PROCURATOR"
            ).receipt
            assert (repeated.replayed, repeated.position) == (True, load.acknowledged[person])
    checked = service.fsck()
    assert checked.returncode == 0, checked.stdout


@pytest.mark.timeout(240)
def test_service_killed_under_load_loses_nothing_and_doubles_nothing(server: Embedded, service: ServiceProcess) -> None:
    with Load(service).running() as load:
        for _ in range(KILLS):
            load.wait_for(BETWEEN_KILLS)
            service.kill()
            service.start()
        load.wait_for(BETWEEN_KILLS)
    assert_nothing_lost_or_doubled(load, server, service)


@pytest.mark.timeout(240)
def test_postgres_killed_under_load_loses_nothing_and_doubles_nothing(server: Embedded, service: ServiceProcess) -> None:
    with Load(service).running() as load:
        for _ in range(KILLS):
            load.wait_for(BETWEEN_KILLS)
            server.kill()
            server.start()
        load.wait_for(BETWEEN_KILLS)
    assert_nothing_lost_or_doubled(load, server, service)


@pytest.mark.timeout(240)
def test_oracle_notices_what_a_server_without_synchronous_commit_loses(server: Embedded, service: ServiceProcess) -> None:
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute("alter system set synchronous_commit = off")
        conn.execute("alter system set wal_writer_delay = '10s'")
        conn.execute("select pg_reload_conf()")
    with Load(service, repeat=False).running() as load:
        for _ in range(LOSSY_KILLS_MAX):
            load.wait_for(BETWEEN_KILLS)
            server.kill()
            server.start()
            lost = set(load.acknowledged) - set(recorded(server.url))
            if lost:
                break
    assert lost


def test_service_told_to_stop_finishes_what_it_has_begun(server: Embedded, service: ServiceProcess) -> None:
    with Load(service).running() as load:
        load.wait_for(BETWEEN_KILLS)
        assert service.terminate() == 0
        service.start()
        load.wait_for(BETWEEN_KILLS)
    assert_nothing_lost_or_doubled(load, server, service)


def test_a_database_that_loses_acknowledged_events_is_refused(server: Embedded, tmp_path: Path) -> None:
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute("alter database postgres set synchronous_commit = off")
    with pytest.raises(AssertionError, match="synchronous_commit = off"):
        ServiceProcess(server.url, tmp_path / "state").start()
