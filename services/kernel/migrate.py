"""Applies numbered SQL files, forward only; an applied file never changes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql


class MigrationChanged(Exception):
    """A file that was applied has other content now."""


def migrate(conn: psycopg.Connection, schema: str, folders: Sequence[Path]) -> list[str]:
    """Applies what is new of `folders` to `schema` in one transaction and returns the names of the applied files.

    `{schema}` in a file stands for the quoted schema. Several processes may start at once: one applies, the others wait.

    Raises:
        MigrationChanged: an applied file was edited; write a new one instead.
    """
    files = sorted((file for folder in folders for file in folder.glob("*.sql")), key=lambda file: file.name)
    applied: list[str] = []
    with conn.transaction():
        conn.execute("set local lock_timeout = '20s'")
        conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"migrate:{schema}"])
        name = sql.Identifier(schema)
        conn.execute(sql.SQL("create schema if not exists {}").format(name))
        conn.execute(
            sql.SQL(
                "create table if not exists {}.migrations"
                " (file text primary key, sha256 text not null, applied_at timestamptz not null default now())"
            ).format(name)
        )
        known: dict[str, str] = dict(conn.execute(sql.SQL("select file, sha256 from {}.migrations").format(name)).fetchall())
        for file in files:
            text = file.read_text(encoding="utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            if file.name in known:
                if known[file.name] != digest:
                    raise MigrationChanged(f"{file.name} was applied to {schema} with other content")
                continue
            conn.execute(text.replace("{schema}", name.as_string(conn)).encode())
            conn.execute(sql.SQL("insert into {}.migrations (file, sha256) values (%s, %s)").format(name), [file.name, digest])
            applied.append(file.name)
    return applied
