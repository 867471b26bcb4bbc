"""The index of the roster: who covers which area, and who is being asked now. Matching over the whole country reads it.

A view tells which adults cover an area and at which version each stands; the folded adults stay in memory and are read on
only where a version has moved. What is decided on them is therefore the decider's own state, and no copy of its rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from google.protobuf.message import Message
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from guanhu.journal.v1 import record_pb2
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.matching import CODE_DIGITS
from services.kernel.dates import to_datetime
from services.kernel.handler import Handler, Loaded
from services.kernel.journal import Recorded
from services.kernel.statements import statement
from services.kernel.view import View, ViewDefinition

# About 2 KiB each: the adults of several provinces.
REMEMBERED_MAX = 20_000
_DDL = """
create table {schema}.roster (
    adult_id text primary key,
    version bigint not null,
    areas text[] not null
);
create index on {schema}.roster using gin (areas);
create table {schema}.offers (
    offer_id text primary key,
    assignment_id text not null,
    adult_id text not null,
    home_uscc text not null,
    answer_by timestamptz not null,
    made_at timestamptz not null
);
create index on {schema}.offers (adult_id);
create index on {schema}.offers (home_uscc, made_at desc, offer_id desc);
"""


def project(conn: psycopg.Connection, schema: str, row: Recorded, event: Message) -> None:
    """Writes what an event says of the roster or of an open offer."""
    roster, offers = (schema, "roster"), (schema, "offers")
    category, _, key = row.stream.partition("-")
    match event:
        case adults.AdultRegistered() | adults.AdultEntryChanged():
            if event.entry.standing == forms.STANDING_ROSTERED:
                query = statement(
                    "insert into {} (adult_id, version, areas) values (%s, %s, %s) on conflict (adult_id) do update"
                    " set version = excluded.version, areas = excluded.areas",
                    roster,
                )
                conn.execute(query, [key, row.version, areas(event.entry.districts)])
        case adults.AdultRemoved():
            conn.execute(statement("delete from {} where adult_id = %s", roster), [key])
        case events.OfferMade():
            made_at = to_datetime(record_pb2.Header.FromString(row.header).recorded_at)
            query = statement(
                "insert into {} (offer_id, assignment_id, adult_id, home_uscc, answer_by, made_at)"
                " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
                offers,
            )
            values = [event.offer_id, key, event.adult_id, event.home_uscc, to_datetime(event.answer_by), made_at]
            conn.execute(query, values)
        case events.OfferAccepted() | events.OfferDeclined() | events.OfferLapsed() | events.OfferWithdrawn():
            conn.execute(statement("delete from {} where offer_id = %s", offers), [event.offer_id])
        case _ if category == "adult":
            conn.execute(statement("update {} set version = %s where adult_id = %s", roster), [row.version, key])


def areas(districts: Sequence[str]) -> list[str]:
    """The counties, and the prefectures and provinces that they lie in, by the beginnings of their codes."""
    return sorted({code[:digits] for code in districts for digits in CODE_DIGITS.values()})


ROSTER = ViewDefinition("roster", _DDL, {"roster": "adult_id", "offers": "offer_id"}, project, ("guanhu.appropriate_adult.",))


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One open offer."""

    offer_id: str
    assignment_id: str
    adult_id: str
    home_uscc: str
    answer_by: datetime
    made_at: datetime


class Roster:
    """Queries over the index. Threads may share it: an entry is replaced as a whole, and an old one is read on from."""

    def __init__(self, view: View, pool: ConnectionPool, adults_: Handler[AdultState]) -> None:
        self.view = view
        self._pool = pool
        self._adults = adults_
        self._known: dict[str, Loaded[AdultState]] = {}

    def around(self, division_code: str, level: int) -> tuple[list[AdultState], dict[str, int]]:
        """The adults of a level around a county as they stand, and how many open offers each has.

        Raises:
            Unavailable: the index is being built.
        """
        self.view.wait(0)
        query = statement(
            "select adult_id, version, (select count(*) from {} o where o.adult_id = r.adult_id) from {} r"
            " where areas @> array[%s::text]",
            (self.view.schema, "offers"),
            (self.view.schema, "roster"),
        )
        with self._pool.connection() as conn:
            rows = conn.execute(query, [division_code[: CODE_DIGITS[level]]]).fetchall()
        folded = self._folded({adult_id: version for adult_id, version, _ in rows})
        return folded, {adult_id: offers for adult_id, _, offers in rows if offers}

    def links(self, home_uscc: str, before: tuple[datetime, str] | None, size: int) -> Sequence[OfferLine]:
        """Open offers to the adults of a home agency, made last first."""
        query = statement(
            "select offer_id, assignment_id, adult_id, home_uscc, answer_by, made_at from {} where home_uscc = %(home)s"
            " and (%(at)s::timestamptz is null or (made_at, offer_id) < (%(at)s, %(id)s))"
            " order by made_at desc, offer_id desc limit %(size)s",
            (self.view.schema, "offers"),
        )
        at, last = before or (None, "")
        with self._pool.connection() as conn, conn.cursor(row_factory=class_row(OfferLine)) as cursor:
            return cursor.execute(query, {"home": home_uscc, "at": at, "id": last, "size": size}).fetchall()

    def _folded(self, versions: dict[str, int]) -> list[AdultState]:
        if len(self._known) + len(versions) > REMEMBERED_MAX:
            self._known = {}
        known = self._known
        unread = Loaded(self._adults.decider.initial, 0, 0)
        found = {adult_id: known.get(adult_id, unread) for adult_id in versions}
        behind = {adult_id: loaded for adult_id, loaded in found.items() if loaded.version < versions[adult_id]}
        if behind:
            read = self._adults.load_on(behind)
            known.update(read)
            found.update(read)
        return [loaded.state for loaded in found.values()]
