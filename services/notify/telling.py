"""The followers' effect: an event of any journal becomes the obligations that it demands, each exactly once.

The parties move with the follower's position in one transaction. The obligations are recorded before it commits: a crash in
between repeats the event, and an obligation that exists already is not recorded again.
"""

import psycopg

from guanhu.journal.v1 import record_pb2
from services.kernel.codec import EventCodec
from services.kernel.follow import RowEffect
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.notify.demands import concerned, demanded
from services.notify.ledger import Ledger
from services.notify.parties import Parties
from services.notify.subscriptions import KnownSubscriptions


def telling(origin: str, codec: EventCodec, schema: str, ledger: Ledger, known: KnownSubscriptions) -> RowEffect:
    """The effect of one journal's rows."""
    table = (schema, "stream_parties")

    def effect(conn: psycopg.Connection, row: Recorded) -> None:
        event = codec.clear_if_known(row) if concerned(origin, row) else None
        if event is None:
            return
        before = _parties(conn, table, origin, row.stream)
        demand = demanded(origin, row, event, before, known.of)
        if demand.parties != before:
            _store(conn, table, origin, row.stream, demand.parties)
        if demand.owed:
            ledger.execute(demand.owed, causation=record_pb2.Causation(origin=origin, position=row.position))

    return effect


def _parties(conn: psycopg.Connection, table: tuple[str, str], origin: str, stream: str) -> Parties:
    query = statement("select parties from {} where origin = %s and stream = %s", table)
    found = conn.execute(query, [origin, stream]).fetchone()
    return Parties.from_json(found[0]) if found else Parties()


def _store(conn: psycopg.Connection, table: tuple[str, str], origin: str, stream: str, parties: Parties) -> None:
    query = statement(
        "insert into {} (origin, stream, parties) values (%s, %s, %s)"
        " on conflict (origin, stream) do update set parties = excluded.parties",
        table,
    )
    conn.execute(query, [origin, stream, parties.to_json()])
