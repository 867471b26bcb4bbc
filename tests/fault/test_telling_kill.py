"""Killed while it tells: every message arrives, its effect is there once, and the ledger is whole."""

import random
from pathlib import Path

import pytest

from services.demo.process import ServiceProcess
from tests.contract.agencies import CYL, SWO
from tests.contract.journal_server import running_server
from tests.contract.receiver import make_certificates, receiving
from tests.fault.telling_load import Telling, assert_accounted_for

KILLS = 2
REFERRALS = 60
# Slow enough that every kill falls into work.
RATE_PER_S = 15.0


@pytest.mark.timeout(240)
def test_a_process_killed_while_it_tells_loses_no_message_and_doubles_no_effect(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with running_server() as server, receiving(certificates) as league, receiving(certificates) as provider:
        service = ServiceProcess(
            server.url,
            tmp_path / "state",
            settings={"GUANHU_NOTIFY_NETWORKS": "127.0.0.0/8,::1/128", "GUANHU_NOTIFY_CA": str(certificates.ca_file)},
        )
        service.start()
        try:
            telling = Telling(service, {CYL: league, SWO: provider})
            telling.listen()
            telling.refer_under_kills(REFERRALS, KILLS, random.Random(7), rate_per_s=RATE_PER_S)
            telling.wait_for_effects()
            assert_accounted_for(telling)
            checked = service.fsck()
            assert checked.returncode == 0, checked.stdout
        finally:
            service.kill()
