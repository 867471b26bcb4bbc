"""Servers and journals for benchmarks: always real fsync, always of their own."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg_pool import ConnectionPool

from services.kernel import migrate, postgres
from services.kernel.journal import Journal
from services.kernel.postgres import Embedded
from services.kernel.resources import MIGRATIONS


@contextmanager
def server() -> Iterator[Embedded]:
    """A PostgreSQL server with durable commits, thrown away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="guanhu-bench-"))
    # As root the server has a user of its own, who must be able to enter.
    folder.chmod(0o755)
    embedded = Embedded(folder)
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def journal(url: str) -> Iterator[Journal]:
    """An empty journal in a schema of its own."""
    schema = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url) as conn:
        migrate.migrate(conn, schema, [MIGRATIONS])
    with postgres.pool(url) as pool:
        opened = Journal(pool, schema)
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def pool(url: str) -> Iterator[ConnectionPool]:
    """Connections to a server."""
    with postgres.pool(url) as opened:
        yield opened
