"""Killed in the middle of many call-outs: each ends confirmed or escalated, nobody is double-booked, every draw recomputes."""

from pathlib import Path

import pytest

from services.demo.process import ServiceProcess
from tests.contract.journal_server import running_server
from tests.fault.callout_load import Night, assert_accounted_for, new_counties

CALLOUTS, KILLS = 40, 2
COUNTIES, ADULTS_EACH, AT_ONCE = 4, 8, 2


@pytest.mark.timeout(300)
def test_forty_call_outs_killed_in_between_all_end_and_nobody_is_double_booked(tmp_path: Path) -> None:
    with running_server() as server:
        service = ServiceProcess(server.url, tmp_path / "state")
        service.start()
        try:
            night = Night(service, server.url, new_counties(COUNTIES))
            night.prepare(ADULTS_EACH, AT_ONCE)
            night.run(CALLOUTS, KILLS)
            (tmp_path / "bundles").mkdir()
            counts = assert_accounted_for(night, tmp_path / "bundles")
            assert night.kills == KILLS
            assert counts["escalated to the end"] >= CALLOUTS // (COUNTIES + 1)
            assert counts["confirmed"] > CALLOUTS // 2
            assert counts["confirmed"] + counts["escalated to the end"] == CALLOUTS
            assert night.answers["declined"] and night.answers["silent"]
            checked = service.fsck()
            assert checked.returncode == 0, checked.stdout
        finally:
            service.kill()
