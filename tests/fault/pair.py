"""Two processes of the same services on one database, and what the database itself saw each of them do.

Each process logs in as a role of its own. Triggers note who appended which event and who moved which follower, in the order in
which it was committed: no word of the processes is believed.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from services.demo.process import ServiceProcess
from services.kernel.postgres import Embedded

FIRST, SECOND = "first", "second"

_WITNESS = """
create table public.moves (
    number bigserial primary key,
    who text not null default session_user,
    at timestamptz not null default clock_timestamp(),
    service text not null,
    follower text not null,
    before bigint not null,
    after bigint not null
);
create table public.writes (
    number bigserial primary key,
    who text not null default session_user,
    at timestamptz not null default clock_timestamp(),
    service text not null,
    position bigint not null,
    type text not null
);
create function public.note_move() returns trigger language plpgsql as $$
begin
    insert into public.moves (service, follower, before, after)
    values (tg_table_schema, new.follower, old.position, new.position);
    return null;
end $$;
create function public.note_write() returns trigger language plpgsql as $$
begin
    insert into public.writes (service, position, type) values (tg_table_schema, new.position, new.type);
    return null;
end $$;
"""
_TRIGGERS = """
create trigger note_move after update on {schema}.positions for each row execute function public.note_move();
create trigger note_write after insert on {schema}.events for each row execute function public.note_write();
"""
_LEADS = """
select usename, array_agg(distinct (classid::text, objid::text)::text) from pg_locks join pg_stat_activity using (pid)
where locktype = 'advisory' and granted and application_name like 'lead %' group by usename
"""


@dataclass(frozen=True, slots=True)
class Move:
    """A follower went on from one position to another."""

    who: str
    at: datetime
    service: str
    follower: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Write:
    """An event was appended."""

    who: str
    at: datetime
    service: str
    position: int
    type: str


@dataclass(frozen=True)
class Pair:
    """Both processes, by the name of their role, and the database of both."""

    url: str
    processes: Mapping[str, ServiceProcess]

    def kill(self, name: str) -> datetime:
        """SIGKILL; returns the database's time just before."""
        with self._connection() as conn:
            [at] = conn.execute("select clock_timestamp()").fetchone() or ()
        self.processes[name].kill()
        return at  # type: ignore[no-any-return]

    def leads(self) -> dict[str, frozenset[str]]:
        """The leads that each process holds now."""
        with self._connection() as conn:
            return {name: frozenset(locks) for name, locks in conn.execute(_LEADS.encode())}

    def moves(self) -> list[Move]:
        """Every move of a follower by one of both, in order."""
        query = "select who, at, service, follower, before, after from public.moves where who = any(%s) order by number"
        with self._connection() as conn, conn.cursor(row_factory=class_row(Move)) as cursor:
            return cursor.execute(query, [list(self.processes)]).fetchall()

    def writes(self) -> list[Write]:
        """Every appended event, in order."""
        query = "select who, at, service, position, type from public.writes order by number"
        with self._connection() as conn, conn.cursor(row_factory=class_row(Write)) as cursor:
            return cursor.execute(query).fetchall()

    def rows(self, service: str) -> list[tuple[str, bytes, bytes]]:
        """Type, header and payload of every row of a journal."""
        query = sql.SQL("select type, header, payload from {} order by position").format(sql.Identifier(service, "events"))
        with self._connection() as conn:
            return conn.execute(query).fetchall()

    def behind(self, services: Sequence[str]) -> list[str]:
        """Followers that have not taken in everything."""
        heads = " union all ".join(f"select '{name}', coalesce(max(position), 0) from {name}.events" for name in services)
        found = []
        with self._connection() as conn:
            at: dict[str, Any] = dict(conn.execute(heads.encode()).fetchall())
            for name in services:
                query = sql.SQL("select follower, source, position from {}").format(sql.Identifier(name, "positions"))
                found += [f"{name} {row[0]}" for row in conn.execute(query) if row[2] < at[row[1]]]
        return found

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)


@contextlib.contextmanager
def pair(server: Embedded, state: Path, services: Sequence[str], **settings: str) -> Iterator[Pair]:
    """Starts both; the first one leads, because the second is started when it does."""
    with psycopg.connect(server.url, autocommit=True) as conn:
        for name in (FIRST, SECOND):
            conn.execute(sql.SQL("create role {} superuser login").format(sql.Identifier(name)))
        conn.execute(_WITNESS.encode())
    module = ("tests.fault.some_services", *services)
    processes = {
        name: ServiceProcess(make_conninfo(server.url, user=name), state, module=module, settings=settings)
        for name in (FIRST, SECOND)
    }
    made = Pair(server.url, processes)
    try:
        processes[FIRST].start()
        with psycopg.connect(server.url, autocommit=True) as conn:
            for service in services:
                conn.execute(_TRIGGERS.format(schema=service).encode())
        processes[SECOND].start()
        yield made
    finally:
        with ThreadPoolExecutor() as ending, contextlib.suppress(AssertionError):
            list(ending.map(ServiceProcess.kill, processes.values()))
