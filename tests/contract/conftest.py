"""What several contract tests share: a published case that was played once, a system that tells, packages of Node clients."""

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
from tests.contract.mailbox import Mailbox, taking_mail
from tests.contract.notices import LOOPBACK, System, system, telling
from tests.contract.played import Told, play
from tests.contract.receiver import Certificates, make_certificates
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


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of receivers and relays, and a certificate for localhost."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def mailbox(certificates: Certificates) -> Iterator[Mailbox]:
    """A relay for mail that takes it over TLS only."""
    with taking_mail(certificates) as taken:
        yield taken


@pytest.fixture(scope="session")
def telling_system(
    database_url: str, certificates: Certificates, mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """One system for all tests of notify: to start one for each would take longer than the tests."""
    settings = {
        "notify_networks": LOOPBACK,
        "notify_ca": str(certificates.ca_file),
        "smtp_host": "localhost",
        "smtp_port": str(mailbox.port),
        "smtp_sender": "notice@guanhu.example",
    }
    with system(database_url, tmp_path_factory.mktemp("telling"), **settings) as made:
        yield made


@pytest.fixture
def telling_case(telling_system: System) -> Iterator[System]:
    """The system, with a case of this test's own; nothing is left to the next."""
    with telling(telling_system) as made:
        yield made
