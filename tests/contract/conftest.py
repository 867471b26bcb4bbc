"""What several contract tests share: a published case that was played once, and the packages of the Node clients."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from services.demo.client import Client
from services.kernel import log
from services.kernel.host import Running
from tests.contract.played import Told, play
from tests.contract.tools import output_of

NODE = Path(__file__).with_name("node")


@pytest.fixture(scope="session")
def told(running: Running) -> Iterator[Told]:
    """C11, played to its end once; tests only read of it."""
    assert running.resources.authority is not None
    with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
        yield play(running, client, "c11-nanjing-2019.yaml")


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """The lines of the log while a test runs, as a service writes them."""
    lines = io.StringIO()
    log.configure("INFO")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    yield lines
    log.configure("WARNING")


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Node client with its packages, installed by the hashes of its lock file."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("no Node here: the Node client is not run")
        pytest.skip("node or npm is not installed")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "client.js", "watch.js"):
        shutil.copy(NODE / name, folder)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        installed = output_of(install, folder)
    except subprocess.TimeoutExpired:
        pytest.skip("npm could not install the client's packages in time")
    if installed.returncode:
        print(installed.stderr)
        pytest.skip("npm could not install the client's packages")
    return folder
