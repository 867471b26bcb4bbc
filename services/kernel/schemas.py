"""Keeps the descriptors that events were written with, and decodes events by them alone."""

import hashlib
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from psycopg import sql
from psycopg_pool import ConnectionPool

from services.kernel.registry import Registry, UnknownType


def store(pool: ConnectionPool, schema: str, registry: Registry) -> None:
    """Keeps the descriptors of a registry; keeping them again changes nothing."""
    query = sql.SQL("insert into {} (sha256, descriptor_set) values (%s, %s) on conflict do nothing")
    with pool.connection() as conn:
        conn.execute(query.format(sql.Identifier(schema, "schemas")), [registry.schema_sha256, registry.descriptor_set()])


def load(pool: ConnectionPool, schema: str) -> dict[bytes, "StoredSchema"]:
    """Every descriptor set that is kept whole, by its hash."""
    return {sha256: StoredSchema(kept) for sha256, kept in rows(pool, schema) if hashlib.sha256(kept).digest() == sha256}


def rows(pool: ConnectionPool, schema: str) -> list[tuple[bytes, bytes]]:
    """Hash and descriptor set of each row, as stored."""
    query = sql.SQL("select sha256, descriptor_set from {}").format(sql.Identifier(schema, "schemas"))
    with pool.connection() as conn:
        return [(bytes(row[0]), bytes(row[1])) for row in conn.execute(query)]


class StoredSchema:
    """One kept descriptor set; nothing of the running program's own types is used."""

    def __init__(self, descriptor_set: bytes) -> None:
        self._pool: Any = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
            self._pool.Add(file)
        self._classes: dict[str, Any] = {}

    def decode(self, name: str, data: bytes) -> Any:
        """The message of a type from its bytes.

        Raises:
            UnknownType: the set does not have the type.
            google.protobuf.message.DecodeError: the bytes are no such message.
        """
        if name not in self._classes:
            try:
                self._classes[name] = message_factory.GetMessageClass(self._pool.FindMessageTypeByName(name))
            except KeyError:
                raise UnknownType(name) from None
        return self._classes[name].FromString(data)
