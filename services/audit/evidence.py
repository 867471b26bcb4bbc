"""Evidence: raw copies of the rows of all journals, with leaf and chain, written once and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.journal.v1 import record_pb2
from services.kernel.codec import EventCodec
from services.kernel.dates import to_datetime
from services.kernel.follow import Effect
from services.kernel.journal import Recorded
from services.kernel.record import leaf, leaf_hash

# RFC 9162 §2.1.1 keeps leaves and inner nodes apart by a prefix; a link of the chain is an inner node.
LINK_PREFIX = b"\x01"
CHAIN_START = bytes(32)
ROWS_MAX = 20_000
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


def taking_in(origin: str, codec: EventCodec, schema: str) -> Effect:
    """The effect of a row of a journal: its evidence is written."""
    table, persons = sql.Identifier(schema, "evidence"), sql.Identifier(schema, "case_persons")

    def effect(conn: psycopg.Connection, row: Recorded) -> None:
        header = record_pb2.Header.FromString(row.header)
        leaf_sha256 = hash_of(origin, row)
        evidence = Evidence(
            origin,
            row.position,
            row.stream,
            row.version,
            row.type,
            row.header,
            row.payload,
            leaf_sha256,
            link(_chain_before(conn, table, origin, row.position), leaf_sha256),
            header.correlation_id,
            to_datetime(header.recorded_at),
            to_datetime(header.occurred_at),
        )
        values = [getattr(evidence, name) for name in Evidence.__slots__]
        placeholders = sql.SQL(", ").join(sql.Placeholder() for _ in values)
        conn.execute(sql.SQL("insert into {} ({}) values ({})").format(table, sql.SQL(_COLUMNS), placeholders), values)
        event: Any = codec.clear_if_known(row)
        if isinstance(event, cases.CaseOpened):
            conn.execute(
                sql.SQL("insert into {} (case_id, person_id) values (%s, %s)").format(persons),
                [event.case_id, event.subject_id],
            )

    return effect


class EvidenceStore:
    """Queries over the evidence."""

    def __init__(self, pool: ConnectionPool, schema: str) -> None:
        self._pool = pool
        self._table = sql.Identifier(schema, "evidence")
        self._persons = sql.Identifier(schema, "case_persons")

    def of_case(
        self, case_id: str, recorded_until: datetime | None = None, occurred_until: datetime | None = None
    ) -> Sequence[Evidence]:
        """Rows of a case and of its persons, up to a recorded and an effective instant; in the order of positions."""
        query = sql.SQL(
            "select {columns} from {table} where (case_id = %(case)s or stream in"
            " (select 'person-' || person_id from {persons} where case_id = %(case)s))"
            " and (%(recorded)s::timestamptz is null or recorded_at <= %(recorded)s)"
            " and (%(occurred)s::timestamptz is null or occurred_at <= %(occurred)s)"
            " order by origin, position limit %(limit)s"
        ).format(columns=sql.SQL(_COLUMNS), table=self._table, persons=self._persons)
        values = {"case": case_id, "recorded": recorded_until, "occurred": occurred_until, "limit": ROWS_MAX}
        return self._rows(query, values)

    def of_stream(
        self, origin: str, stream: str, until_version: int = 0, recorded_until: datetime | None = None
    ) -> Sequence[Evidence]:
        """Rows of a stream, up to a version (0: all) and a recorded instant."""
        query = sql.SQL(
            "select {columns} from {table} where origin = %(origin)s and stream = %(stream)s"
            " and (%(version)s = 0 or version <= %(version)s)"
            " and (%(recorded)s::timestamptz is null or recorded_at <= %(recorded)s) order by version limit %(limit)s"
        ).format(columns=sql.SQL(_COLUMNS), table=self._table)
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
        query = sql.SQL(
            "select {columns} from {table} where origin = %(origin)s and position > %(after)s order by position limit %(limit)s"
        ).format(columns=sql.SQL(_COLUMNS), table=self._table)
        return self._rows(query, {"origin": origin, "after": after, "limit": limit})

    def _rows(self, query: sql.Composed, values: dict[str, Any]) -> Sequence[Evidence]:
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(Evidence)) as cursor:
            return cursor.execute(query, values).fetchall()


def _chain_before(conn: psycopg.Connection, table: sql.Identifier, origin: str, position: int) -> bytes:
    if position == 1:
        return CHAIN_START
    query = sql.SQL("select chain_sha256 from {} where origin = %s and position = %s").format(table)
    found = conn.execute(query, [origin, position - 1]).fetchone()
    if found is None:
        raise LookupError(f"{origin} {position - 1} was not taken in")
    return bytes(found[0])
