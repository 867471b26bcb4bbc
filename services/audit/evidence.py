"""Evidence: raw copies of the rows of all journals, with leaf and chain, written once and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.journal.v1 import record_pb2
from services.kernel import personal
from services.kernel.dates import to_datetime
from services.kernel.follow import Effect
from services.kernel.journal import Recorded
from services.kernel.record import leaf, leaf_hash
from services.kernel.statements import statement

# RFC 9162 §2.1.1 keeps leaves and inner nodes apart by a prefix; a link of the chain is an inner node.
LINK_PREFIX = b"\x01"
CHAIN_START = bytes(32)
ROWS_MAX = 20_000
_CASE_OPENED = cases.CaseOpened.DESCRIPTOR.full_name
_COLUMNS = (
    "origin, position, stream, version, type, header, payload, leaf_sha256, chain_sha256, case_id, recorded_at, occurred_at"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One row of one journal as it was taken in."""

    origin: str
    position: int
    stream: str
    version: int
    type: str
    header: bytes
    payload: bytes
    leaf_sha256: bytes
    chain_sha256: bytes
    case_id: str
    recorded_at: datetime
    occurred_at: datetime


def link(before: bytes, leaf_sha256: bytes) -> bytes:
    """The chain after a leaf."""
    return sha256(LINK_PREFIX + before + leaf_sha256).digest()


def hash_of(origin: str, row: Recorded) -> bytes:
    """The hash of a row's evidence leaf."""
    return leaf_hash(leaf(origin, row.position, row.stream, row.version, row.type, row.header, row.payload))


def taking_in(origin: str, schema: str) -> Effect:
    """The effect of rows of a journal: their evidence is written, each linked to the one before."""
    table = (schema, "evidence")
    copy = statement("copy {} (" + _COLUMNS + ") from stdin", table)
    person = statement("insert into {} (case_id, person_id) values (%s, %s)", (schema, "case_persons"))

    def effect(conn: psycopg.Connection, rows: Sequence[Recorded]) -> None:
        chain = _chain_before(conn, table, origin, rows[0].position)
        with conn.cursor() as cursor, cursor.copy(copy) as copying:
            for expected, row in enumerate(rows, start=rows[0].position):
                if row.position != expected:
                    raise LookupError(f"{origin} {expected} was not taken in")
                evidence = evidence_of(origin, row, chain)
                chain = evidence.chain_sha256
                copying.write_row([getattr(evidence, name) for name in Evidence.__slots__])
        for row in rows:
            if row.type == _CASE_OPENED:
                event = personal.clear_event(row.payload, cases.CaseOpened)
                conn.execute(person, [event.case_id, event.subject_id])

    return effect


def follower_of(origin: str) -> str:
    """Name of the follower that takes a journal in."""
    return f"evidence:{origin}"


def evidence_of(origin: str, row: Recorded, chain: bytes) -> Evidence:
    """What is kept of a row that comes after `chain`.

    Raises:
        google.protobuf.message.DecodeError: its header is damaged.
    """
    header = record_pb2.Header.FromString(row.header)
    leaf_sha256 = hash_of(origin, row)
    return Evidence(
        origin,
        row.position,
        row.stream,
        row.version,
        row.type,
        row.header,
        row.payload,
        leaf_sha256,
        link(chain, leaf_sha256),
        header.correlation_id,
        to_datetime(header.recorded_at),
        to_datetime(header.occurred_at),
    )


class EvidenceStore:
    """Queries over the evidence."""

    def __init__(self, pool: ConnectionPool, schema: str) -> None:
        self._pool = pool
        self._table = (schema, "evidence")
        self._persons = (schema, "case_persons")
        self._positions = (schema, "positions")

    def of_case(
        self, case_id: str, recorded_until: datetime | None = None, occurred_until: datetime | None = None
    ) -> Sequence[Evidence]:
        """Rows of a case and of its persons, up to a recorded and an effective instant; in the order of positions."""
        query = statement(
            "select " + _COLUMNS + " from {} where (case_id = %(case)s or stream in"
            " (select 'person-' || person_id from {} where case_id = %(case)s))"
            " and (%(recorded)s::timestamptz is null or recorded_at <= %(recorded)s)"
            " and (%(occurred)s::timestamptz is null or occurred_at <= %(occurred)s)"
            " order by origin, position limit %(limit)s",
            self._table,
            self._persons,
        )
        return self._rows(query, {"case": case_id, "recorded": recorded_until, "occurred": occurred_until, "limit": ROWS_MAX})

    def of_stream(
        self, origin: str, stream: str, until_version: int = 0, recorded_until: datetime | None = None
    ) -> Sequence[Evidence]:
        """Rows of a stream, up to a version (0: all) and a recorded instant."""
        query = statement(
            "select " + _COLUMNS + " from {} where origin = %(origin)s and stream = %(stream)s"
            " and (%(version)s = 0 or version <= %(version)s)"
            " and (%(recorded)s::timestamptz is null or recorded_at <= %(recorded)s) order by version limit %(limit)s",
            self._table,
        )
        values = {
            "origin": origin,
            "stream": stream,
            "version": until_version,
            "recorded": recorded_until,
            "limit": ROWS_MAX,
        }
        return self._rows(query, values)

    def of_origin(self, origin: str, after: int, limit: int) -> Sequence[Evidence]:
        """Rows of a journal after a position."""
        query = statement(
            "select " + _COLUMNS + " from {} where origin = %(origin)s and position > %(after)s order by position"
            " limit %(limit)s",
            self._table,
        )
        return self._rows(query, {"origin": origin, "after": after, "limit": limit})

    def taken_in(self, origin: str) -> int:
        """Position of the last row of a journal that was taken in."""
        query = statement("select position from {} where follower = %s and source = %s", self._positions)
        with self._pool.connection() as conn:
            found = conn.execute(query, [follower_of(origin), origin]).fetchone()
        return int(found[0]) if found else 0

    def persons(self) -> frozenset[tuple[str, str]]:
        """Cases with their persons."""
        with self._pool.connection() as conn:
            rows = conn.execute(statement("select case_id, person_id from {}", self._persons)).fetchall()
        return frozenset((row[0], row[1]) for row in rows)

    def _rows(self, query: bytes, values: dict[str, Any]) -> Sequence[Evidence]:
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(Evidence)) as cursor:
            return cursor.execute(query, values).fetchall()


def _chain_before(conn: psycopg.Connection, table: tuple[str, str], origin: str, position: int) -> bytes:
    if position == 1:
        return CHAIN_START
    query = statement("select chain_sha256 from {} where origin = %s and position = %s", table)
    found = conn.execute(query, [origin, position - 1]).fetchone()
    if found is None:
        raise LookupError(f"{origin} {position - 1} was not taken in")
    return bytes(found[0])
