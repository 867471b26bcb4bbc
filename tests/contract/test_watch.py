"""Watch clients of two languages, killed and started again: every message has its effect, and none has it twice."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.kernel.devauthority import write_identity
from tests.contract.agencies import CYL
from tests.contract.notices import System

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0


@pytest.fixture
def told(telling_case: System, tmp_path: Path) -> System:
    assert telling_case.running.resources.authority is not None
    write_identity(telling_case.running.resources.authority, CYL, (), tmp_path / "identity")
    journal = telling_case.running.services["notify"].journal
    assert journal is not None
    # The client goes on behind the messages of other tests, as if it had kept them.
    (tmp_path / "kept").write_text(f"{journal.head()} earlier\n", encoding="utf-8")
    return telling_case


def kept(file: Path) -> list[str]:
    """The effects of this test so far."""
    return file.read_text(encoding="utf-8").splitlines()[1:]


def run_until(command: Sequence[str], folder: Path, file: Path, lines: int) -> None:
    """Runs a client until it has kept so many effects, then kills it."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as client:
        ends = time.monotonic() + WAIT_S
        try:
            while len(kept(file)) < lines:
                assert client.poll() is None, "the client ended by itself"
                assert time.monotonic() < ends, f"{len(kept(file))} of {lines} effects"
                time.sleep(0.02)
        finally:
            client.kill()


def assert_killed_client_misses_and_doubles_nothing(told: System, command: Sequence[str], folder: Path, file: Path) -> None:
    for _ in range(3):
        told.refer()
    run_until(command, folder, file, 1)
    for _ in range(3):
        told.refer()
    run_until(command, folder, file, 5)
    told.refer()
    run_until(command, folder, file, 7)
    assert kept(file) == [f"{message.position} {message.obligation_id}" for message in told.inbox(CYL)]


@pytest.mark.timeout(240)
def test_a_killed_python_client_goes_on_where_it_was(told: System, tmp_path: Path) -> None:
    arguments = [f"127.0.0.1:{told.running.port}", str(tmp_path / "identity"), str(tmp_path / "kept")]
    command = [sys.executable, "-m", "tests.contract.watch_client", *arguments]
    assert_killed_client_misses_and_doubles_nothing(told, command, ROOT, tmp_path / "kept")


@pytest.mark.timeout(240)
def test_a_killed_node_client_goes_on_where_it_was(told: System, node_modules: Path, tmp_path: Path) -> None:
    arguments = [f"127.0.0.1:{told.running.port}", str(ROOT / "protos"), str(tmp_path / "identity"), str(tmp_path / "kept")]
    command = ["node", "watch.js", *arguments]
    assert_killed_client_misses_and_doubles_nothing(told, command, node_modules, tmp_path / "kept")
