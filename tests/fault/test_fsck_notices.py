"""The oracle can fail: whatever a superuser changes behind the journal's back, fsck names it.

Each test changes one thing as the owner of the database who switches the triggers off, looks what fsck says, and puts it back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from guanhu.intake.v1 import intake_service_pb2 as intake
from services.__main__ import reports
from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import free_address
from services.kernel import host
from services.kernel.config import Config
from services.kernel.host import Running
from tests.contract.agencies import CYL, PROC, SWO, head, open_case, referral, register_agencies
from tests.contract.played import settle
from tests.databases import fresh_database
from tests.fault.tamperings import TAMPERINGS, Tampering

# A rebuild parks what it cannot take in.
PARKED = ("intake.parked", "social_investigation.parked", "notify.parked", "audit.parked")


@pytest.fixture(scope="module")
def quiet(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Services with a short story behind them, whose followers have taken in everything and stand still."""
    config = Config(listen=free_address(), state_folder=tmp_path_factory.mktemp("tampered"))
    with fresh_database(database_url) as url, host.serving(replace(config, database_url=url), BUILDERS) as running:
        assert running.resources.authority is not None
        with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
            tell_a_story(client)
            settle(running)
            for service in running.services.values():
                for led in service.led().values():
                    led.stop()
            yield running


def tell_a_story(client: Client) -> None:
    """A referral is submitted and accepted, so that an investigation is drafted."""
    register_agencies(client)
    content = referral(open_case(client))
    submit = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
    client.call("intake", "SubmitReferral", submit, PROC, "procurator-1", "CASE_PROCURATOR")
    accept = intake.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO)
    client.call("intake", "AcceptReferral", accept, CYL, "league-1", "CYL_OFFICER")


def problems(running: Running) -> list[str]:
    """Everything that fsck names."""
    return [f"{report.name}: {problem}" for report in reports(running) for problem in report.problems]


@contextmanager
def tampered(url: str, tables: tuple[str, ...], change: LiteralString) -> Iterator[None]:
    """Makes a change without triggers, and puts the tables back as they were."""
    kept = [
        (sql.Identifier(*table.split(".")), sql.Identifier(f"kept_{number}"))
        for number, table in enumerate(sorted({*tables, *PARKED}))
    ]
    with psycopg.connect(url, autocommit=True) as conn:
        for table, copy in kept:
            conn.execute(sql.SQL("alter table {} disable trigger user").format(table))
            conn.execute(sql.SQL("create temporary table {} as table {}").format(copy, table))
        try:
            conn.execute(change)
            yield
        finally:
            for table, copy in kept:
                conn.execute(sql.SQL("delete from {}").format(table))
                conn.execute(sql.SQL("insert into {} table {}").format(table, copy))


def test_what_was_only_used_is_whole(quiet: Running) -> None:
    assert problems(quiet) == []


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
def test_fsck_names(quiet: Running, tampering: Tampering) -> None:
    with tampered(quiet.resources.database_url, tampering.tables, tampering.change):
        found = problems(quiet)
    assert any(tampering.said in problem for problem in found), found


@pytest.mark.parametrize(
    ("service", "view", "change"),
    [
        ("intake", "agencies", "update {} set suspended = true"),
        ("intake", "referrals", "delete from {}"),
        ("audit", "directory", "insert into {} (uscc, name, type, investigates) values ('x', 'x', 'SWO', true)"),
    ],
)
def test_fsck_names_a_changed_row_of_a_view(quiet: Running, service: str, view: str, change: LiteralString) -> None:
    schema = quiet.services[service].views[view].schema
    table = f"{schema}.{'agencies' if view == 'directory' else view}"
    with tampered(quiet.resources.database_url, (table,), change.format(table)):
        found = problems(quiet)
    assert any(problem.startswith(f"{service}: views: {view}:") for problem in found), found


def test_everything_was_put_back(quiet: Running) -> None:
    assert problems(quiet) == []
