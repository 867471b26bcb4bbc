"""Proves that a service's journal, followers and views are whole. The oracle of every fault test.

It reads what is stored, with the stored descriptors, and trusts nothing that the running program believes.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from psycopg import sql
from psycopg_pool import ConnectionPool

from guanhu.journal.v1 import record_pb2
from services.kernel import schemas
from services.kernel.journal import Journal, Recorded
from services.kernel.registry import UnknownType
from services.kernel.service import Service

PAGE_ROWS = 5_000
PROBLEMS_MAX = 100


@dataclass
class Report:
    """What a check looked at and what it found wrong."""

    name: str
    looked_at: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        """Notes a problem; PROBLEMS_MAX of them say enough."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


def check_service(service: Service, pool: ConnectionPool) -> Iterator[Report]:
    """Every check of one service."""
    if service.journal is not None:
        yield check_schemas(service.journal, pool)
        yield check_journal(service.journal, pool)
        yield check_requests(service.journal, pool)
    yield check_followers(service)
    yield check_views(service)


def check_schemas(journal: Journal, pool: ConnectionPool) -> Report:
    """The kept descriptors are those that their hash says."""
    report = Report(f"{journal.origin}: schemas")
    for sha256, descriptor_set in schemas.rows(pool, journal.origin):
        report.looked_at += 1
        if hashlib.sha256(descriptor_set).digest() != sha256:
            report.add(f"the descriptors {sha256.hex()[:12]} are not what their hash says")
    return report


def check_journal(journal: Journal, pool: ConnectionPool) -> Report:
    """Positions and versions without a gap, and every row decodable with the descriptors that it names."""
    report = Report(f"{journal.origin}: journal")
    kept = schemas.load(pool, journal.origin)
    versions: dict[str, int] = {}
    expected = 1
    for row in rows_of(journal):
        report.looked_at += 1
        if row.position != expected:
            report.add(f"position {row.position} stands where {expected} comes next")
        expected = row.position + 1
        before = versions.get(row.stream, 0)
        if row.version != before + 1:
            report.add(f"position {row.position}: version {row.version} follows {before} in its stream")
        versions[row.stream] = row.version
        if problem := _undecodable(row, kept):
            report.add(f"position {row.position}: {problem}")
    return report


def check_requests(journal: Journal, pool: ConnectionPool) -> Report:
    """Every stored answer points to an event that is there, no two name the same one, and every command has its answer."""
    report = Report(f"{journal.origin}: requests")
    origin = sql.Identifier(journal.origin)
    query = sql.SQL(
        "select q.caller, q.position, q.version, e.position is not null, count(*) over (partition by q.position)"
        " from {origin}.requests q left join {origin}.events e on e.position = q.position and e.version = q.version"
    ).format(origin=origin)
    answered = set()
    with pool.connection() as conn:
        for _, position, version, there, claims in conn.execute(query):
            report.looked_at += 1
            answered.add(position)
            if not there:
                report.add(f"an answer names position {position} version {version}, which is not there")
            if claims > 1:
                report.add(f"{claims} requests name position {position}")
    for position in sorted(set(_ends_of_commands(journal)) - answered):
        report.add(f"position {position} ends a command of which no answer is kept")
    return report


def check_followers(service: Service) -> Report:
    """No follower stands beyond its journal, and no stream is parked."""
    report = Report(f"{service.name}: followers")
    for follower in service.all_followers():
        report.looked_at += 1
        if (position := follower.position()) > (head := follower.feed.head()):
            report.add(f"{follower.name} stands at {position}, its journal ends at {head}")
        for parked in follower.parked():
            report.add(f"{follower.name} parked {parked.stream} at {parked.position}: {parked.reason}")
    return report


def check_views(service: Service) -> Report:
    """Every view equals its rebuild."""
    report = Report(f"{service.name}: views")
    for name, view in service.views.items():
        report.looked_at += 1
        try:
            _, differing = view.rebuild(switch=False)
        except Exception as error:
            # What is broken may break the rebuild: the oracle says so and goes on with what else there is.
            report.add(f"{name}: could not be rebuilt: {type(error).__name__}")
            continue
        if differing:
            report.add(f"{name}: {differing} rows differ from the rebuild")
    return report


def rows_of(journal: Journal) -> Iterator[Recorded]:
    """Every row of a journal."""
    after = 0
    while rows := journal.read(after, PAGE_ROWS):
        yield from rows
        after = rows[-1].position


def print_reports(reports: Iterator[Report], tell: Callable[[str], None]) -> int:
    """Tells of every check and returns the number of problems."""
    problems = 0
    for report in reports:
        state = "ok" if not report.problems else "BROKEN"
        tell(f"{report.name}: {report.looked_at} checked, {state}")
        for problem in report.problems:
            tell(f"  {problem}")
        problems += len(report.problems)
    return problems


def _undecodable(row: Recorded, kept: dict[bytes, schemas.StoredSchema]) -> str:
    try:
        header = record_pb2.Header.FromString(row.header)
        payload = record_pb2.Payload.FromString(row.payload)
    except DecodeError:
        return "header or payload do not decode"
    schema = kept.get(header.schema_sha256)
    if schema is None:
        return "the descriptors that it was written with are not kept"
    try:
        schema.decode(row.type, payload.event)
    except (DecodeError, UnknownType):
        return "the event does not decode with its own descriptors"
    return ""


def _ends_of_commands(journal: Journal) -> Iterator[int]:
    """Positions of the last events of commands: all events of one stand side by side and name its request."""
    before: tuple[str, str] | None = None
    last = 0
    for row in rows_of(journal):
        command = (row.stream, _request_id(row))
        if before not in {None, command}:
            yield last
        before, last = command, row.position
    if last:
        yield last


def _request_id(row: Recorded) -> str:
    try:
        return record_pb2.Header.FromString(row.header).request_id
    except DecodeError:
        return ""
