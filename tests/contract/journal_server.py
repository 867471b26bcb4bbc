"""A throw-away PostgreSQL server and journals in fresh schemas, for tests of the kernel."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from services.kernel.journal import Append, Draft, Journal
from services.kernel.migrate import migrate as apply_migrations
from services.kernel.postgres import Embedded
from services.kernel.resources import MIGRATIONS


def new_directory() -> Path:
    """Return a directory for a server. Run as root, the server belongs to another user, who must be able to enter."""
    directory = Path(tempfile.mkdtemp(prefix="guanhu-journal-"))
    directory.chmod(0o755)
    return directory


@contextmanager
def running_server() -> Iterator[Embedded]:
    """Start a server with durable commits; yields the server with its `url`."""
    directory = new_directory()
    server = Embedded(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def migrate(uri: str, schema: str) -> None:
    """Create the journal's tables in a schema, as a deployment does."""
    with psycopg.connect(uri) as connection:
        apply_migrations(connection, schema, [MIGRATIONS])


def new_schema(uri: str) -> str:
    """Create a journal in a schema of its own and return the schema's name."""
    schema = f"journal_{uuid4().hex[:12]}"
    migrate(uri, schema)
    return schema


@contextmanager
def opened(uri: str, schema: str, size: int = 4) -> Iterator[Journal]:
    """Open a journal with a pool of its own, as one process of a service would."""
    pool: ConnectionPool[Connection[Any]]
    with ConnectionPool(uri, min_size=size, max_size=size, kwargs={"autocommit": True}, timeout=10) as pool:
        journal = Journal(pool, schema)
        try:
            yield journal
        finally:
            journal.close()


def drafts(count: int = 1, payload: bytes = b"payload") -> tuple[Draft, ...]:
    """Return events with distinct headers."""
    return tuple(Draft("guanhu.test.v1.Happened", b"header %d" % n, payload) for n in range(count))


def append_to(stream: str, expected: int = 0, count: int = 1, request_id: str = "", **fields: Any) -> Append:
    """Return an append with a request id of its own unless told."""
    given: dict[str, Any] = {"caller": "agency", "request_hash": b"hash", "answer": b"answer"} | fields
    return Append(stream, expected, drafts(count), request_id=request_id or uuid4().hex, **given)
