"""One PostgreSQL for the whole run; a schema of its own for every test that needs one."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg_pool import ConnectionPool

from services.kernel import postgres


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


@pytest.fixture
def fresh_schema() -> str:
    """Name of a schema that nobody uses."""
    return f"t_{uuid.uuid4().hex[:12]}"
