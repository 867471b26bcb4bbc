"""What several contract tests share: a published case that was played once."""

import io
from collections.abc import Iterator

import pytest
import structlog

from services.demo.client import Client
from services.kernel import log
from services.kernel.host import Running
from tests.contract.played import Told, play


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
