"""One PostgreSQL for the whole run; a schema of its own for every test that needs one."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg_pool import ConnectionPool

from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import free_address
from services.kernel import host, log, postgres
from services.kernel.config import Config
from services.kernel.host import Running
from tests.contract.agencies import register_agencies
from tests.databases import fresh_database


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> None:
    """Logs warnings only; what a test needs to see of the log it captures itself."""
    log.configure("WARNING")


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """URL of the server under test: GUANHU_DATABASE_URL, or one from the wheel."""
    with tempfile.TemporaryDirectory(prefix="guanhu-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with postgres.opened(os.environ.get("GUANHU_DATABASE_URL", ""), folder / "postgres") as url:
            yield url


@pytest.fixture(scope="session")
def pool(database_url: str) -> Iterator[ConnectionPool]:
    """Connections to the server under test."""
    with postgres.pool(database_url, min_size=4, max_size=40) as opened:
        yield opened


@pytest.fixture(scope="session")
def running(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Every service in this process, over real channels and a database of its own."""
    with (
        fresh_database(database_url) as url,
        host.serving(
            Config(listen=free_address(), database_url=url, state_folder=tmp_path_factory.mktemp("state")), BUILDERS
        ) as served,
    ):
        yield served


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    """A client that may be any agency and any officer."""
    assert running.resources.authority is not None
    with Client(f"127.0.0.1:{running.port}", running.resources.authority) as opened:
        yield opened


@pytest.fixture
def fresh_schema() -> str:
    """Name of a schema that nobody uses."""
    return f"t_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def registered(client: Client) -> None:
    """Every synthetic agency is in the directory."""
    register_agencies(client)
