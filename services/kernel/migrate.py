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
        for file, text, digest in _new(conn, schema, folders):
            conn.execute(text.replace("{schema}", name.as_string(conn)).encode())
            conn.execute(sql.SQL("insert into {}.migrations (file, sha256) values (%s, %s)").format(name), [file, digest])
            applied.append(file)
    return applied


def pending(conn: psycopg.Connection, schema: str, folders: Sequence[Path]) -> list[str]:
    """Names of the files that `schema` still lacks; changes nothing. Files that only a newer release knows do not matter.

    Raises:
        MigrationChanged: an applied file was edited.
    """
    with conn.transaction():
        found = conn.execute("select from pg_tables where schemaname = %s and tablename = 'migrations'", [schema]).fetchone()
        if found is None:
            return [file.name for file in _files(folders)]
        return [file for file, _, _ in _new(conn, schema, folders)]


def _files(folders: Sequence[Path]) -> list[Path]:
    return sorted((file for folder in folders for file in folder.glob("*.sql")), key=lambda file: file.name)


def _new(conn: psycopg.Connection, schema: str, folders: Sequence[Path]) -> list[tuple[str, str, str]]:
    query = sql.SQL("select file, sha256 from {}.migrations").format(sql.Identifier(schema))
    known: dict[str, str] = dict(conn.execute(query).fetchall())
    found: list[tuple[str, str, str]] = []
    for file in _files(folders):
        text = file.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        if file.name not in known:
            found.append((file.name, text, digest))
        elif known[file.name] != digest:
            raise MigrationChanged(f"{file.name} was applied to {schema} with other content")
    return found
