"""The followers' effect: the events of any journal become the obligations that they demand, each exactly once.

The parties move with the follower's position in one transaction. The obligations are recorded before it commits: a crash in
between repeats the events, and an obligation that exists already is not recorded again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

import psycopg

from services.kernel.codec import EventCodec
from services.kernel.follow import Effect
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.notify.demands import concerned, demanded
from services.notify.ledger import Ledger
from services.notify.obligation import Owe
from services.notify.parties import Parties
from services.notify.subscriptions import KnownSubscriptions

# Obligations that are recorded together: a page of events may demand more than the journal takes at once.
OWED_MAX = 500


def telling(origin: str, codec: EventCodec, schema: str, ledger: Ledger, known: KnownSubscriptions) -> Effect:
    """The effect of one journal's rows."""
    table = (schema, "stream_parties")

    def effect(conn: psycopg.Connection, rows: Sequence[Recorded]) -> None:
        events = [(row, codec.clear_if_known(row)) for row in rows if concerned(origin, row)]
        before = _parties(conn, table, origin, [row.stream for row, _ in events])
        parties, owed = dict(before), dict[str, Owe]()
        for row, event in events:
            if event is None:
                continue
            demand = demanded(origin, row, event, parties.get(row.stream, Parties()), known.of)
            parties[row.stream] = demand.parties
            owed |= demand.owed
        _store(
            conn, table, origin, {stream: after for stream, after in parties.items() if after != before.get(stream, Parties())}
        )
        by_inbox = {uscc: not known.newest(uscc).had_endpoint for uscc in {one.owed.to_uscc for one in owed.values()}}
        commands = iter({key: replace(one, by_inbox=by_inbox[one.owed.to_uscc]) for key, one in owed.items()}.items())
        while part := dict(islice(commands, OWED_MAX)):
            ledger.execute(part)

    return effect


def _parties(conn: psycopg.Connection, table: tuple[str, str], origin: str, streams: Sequence[str]) -> dict[str, Parties]:
    if not streams:
        return {}
    query = statement("select stream, parties from {} where origin = %s and stream = any(%s)", table)
    return {stream: Parties.from_json(text) for stream, text in conn.execute(query, [origin, list(set(streams))])}


def _store(conn: psycopg.Connection, table: tuple[str, str], origin: str, changed: Mapping[str, Parties]) -> None:
    if not changed:
        return
    query = statement(
        "insert into {} (origin, stream, parties) select %s, * from unnest(%s::text[], %s::text[])"
        " on conflict (origin, stream) do update set parties = excluded.parties",
        table,
    )
    conn.execute(query, [origin, list(changed), [after.to_json() for after in changed.values()]])
