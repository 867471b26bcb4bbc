"""What a service's own login role may do: read, append and keep its places; never change or delete what only grows.

A service `intake` may log in as the role `guanhu_intake`. The operator makes the roles; where there are none, as on a
developer's machine, nothing is granted. The tables belong to the role that migrates, so that no service can alter them.
"""

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

ROLE = "guanhu_{service}"
# Written by the function `append` alone, or by migrations alone.
_READ_ONLY = ("events", "requests", "migrations")

_DATABASE = sql.SQL("grant create on database {} to {}")
_VAULT = (
    sql.SQL("grant usage on schema vault to {role}"),
    sql.SQL("grant select on vault.migrations to {role}"),
    sql.SQL("grant select, insert on vault.subject_keys to {role}"),
)
_SCHEMA = (
    sql.SQL("grant usage on schema {schema} to {role}"),
    sql.SQL("grant select on all tables in schema {schema} to {role}"),
    sql.SQL("grant execute on function {schema}.append to {role}"),
)
_TABLE = sql.SQL("grant {rights} on {table} to {role}")
_APPEND_ONLY, _MUTABLE = sql.SQL("insert"), sql.SQL("insert, update, delete")


def missing(conn: psycopg.Connection, services: Iterable[str]) -> list[str]:
    """The services' roles that the server does not have."""
    names = [ROLE.format(service=service) for service in services]
    found = {row[0] for row in conn.execute("select rolname from pg_roles where rolname = any(%s)", [names])}
    return [name for name in names if name not in found]


def grant(conn: psycopg.Connection, service: str) -> None:
    """Grants the service's role, where there is one, what it needs of its own schema and of the vault.

    `create` on the database is for the schemas of its views, which it makes, rebuilds and drops itself.
    """
    if missing(conn, [service]):
        return
    role, schema = sql.Identifier(ROLE.format(service=service)), sql.Identifier(service)
    with conn.transaction():
        conn.execute(_DATABASE.format(sql.Identifier(conn.info.dbname), role))
        for statement in (*_VAULT, *_SCHEMA):
            conn.execute(statement.format(role=role, schema=schema))
        for table, only_grows in _tables(conn, service):
            rights = _APPEND_ONLY if only_grows else _MUTABLE
            conn.execute(_TABLE.format(rights=rights, table=sql.Identifier(service, table), role=role))


def _tables(conn: psycopg.Connection, schema: str) -> Sequence[tuple[str, bool]]:
    # A table with a trigger of its own against updates only grows: what the trigger refuses, the role is not given at all.
    query = """
        select c.relname, exists (
            select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & %s <> 0)
        from pg_class c where c.relnamespace = %s::regnamespace and c.relkind = 'r' and c.relname <> all(%s)
        order by c.relname
    """
    return conn.execute(query, [_ON_UPDATE, sql.Identifier(schema).as_string(conn), list(_READ_ONLY)]).fetchall()


# TRIGGER_TYPE_UPDATE of PostgreSQL's pg_trigger.h.
_ON_UPDATE = 1 << 4
