"""The vault: one key a person, wrapped by a key-encryption key that a provider holds."""

import base64
import json
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding, aes_key_wrap_with_padding
from psycopg_pool import ConnectionPool

from services.kernel.personal import SubjectKey

KEY_BYTES = 32
CACHE_S = 60.0
CACHE_KEYS_MAX = 20_000


class KeysUnsafe(Exception):
    """The file of key-encryption keys can be read by others, or is none."""


class KekProvider(Protocol):
    """Wraps and unwraps persons' keys; a file by default, a security module in its place."""

    @property
    def active(self) -> str:
        """Id of the key that wraps new keys."""
        ...

    def wrap(self, kek_id: str, key: bytes) -> bytes:
        """The key, wrapped."""
        ...

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes | None:
        """The key; None where the key-encryption key is not held."""
        ...


class FileKekProvider:
    """Key-encryption keys in a file that only its owner can read: `{"active": id, "keys": {id: base64}}`."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_mode & 0o077:
            raise KeysUnsafe(f"{path.name} can be read by others; set its mode to 0600")
        content = json.loads(path.read_text(encoding="utf-8"))
        self._keys = {name: base64.b64decode(key) for name, key in content["keys"].items()}
        self._active = str(content["active"])
        if self._active not in self._keys or any(len(key) != KEY_BYTES for key in self._keys.values()):
            raise KeysUnsafe(f"{path.name} holds no usable active key")

    @classmethod
    def create(cls, path: Path) -> "FileKekProvider":
        """Makes the file with one key where there is none; for development and tests."""
        if not path.exists():
            content = {"active": "kek-1", "keys": {"kek-1": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}}
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="utf-8") as opened:
                json.dump(content, opened)
        return cls(path)

    @property
    def active(self) -> str:
        """Id of the key that wraps new keys."""
        return self._active

    def wrap(self, kek_id: str, key: bytes) -> bytes:
        """The key, wrapped by AES-KWP (RFC 5649)."""
        return aes_key_wrap_with_padding(self._keys[kek_id], key)

    def unwrap(self, kek_id: str, wrapped: bytes) -> bytes | None:
        """The key; None where the key-encryption key is not held."""
        kek = self._keys.get(kek_id)
        try:
            return None if kek is None else aes_key_unwrap_with_padding(kek, wrapped)
        except InvalidUnwrap:
            # Another key under the same id: what it does not open stays withheld, as if it were not held.
            return None


class NoKeys:
    """Holds no key: everything personal stays withheld. What an auditor without keys works with."""

    def key_for_sealing(self, subject_id: str) -> SubjectKey:
        """Never gives a key."""
        raise PermissionError("nothing is sealed without keys")

    def key(self, subject_id: str, version: int) -> bytes | None:
        """Never gives a key."""
        return None


class Vault:
    """Persons' keys in PostgreSQL, cached for a minute; a destroyed key is gone from the cache at once."""

    def __init__(self, pool: ConnectionPool, provider: KekProvider) -> None:
        self._pool = pool
        self._provider = provider
        self._lock = threading.Lock()
        self._generation = 0
        self._cache: dict[tuple[str, int], tuple[float, bytes]] = {}
        self._newest: dict[str, tuple[float, int]] = {}

    def key_for_sealing(self, subject_id: str) -> SubjectKey:
        """The person's newest key, made on first use; a destroyed key is followed by a new version."""
        newest = self._newest.get(subject_id)
        if newest and newest[0] > time.monotonic():
            key = self.key(subject_id, newest[1])
            if key is not None:
                return SubjectKey(newest[1], key)
        version = self._ensure(subject_id)
        key = self.key(subject_id, version)
        if key is None:
            raise PermissionError("the key-encryption key of a person's key is not held")
        self._newest[subject_id] = (time.monotonic() + CACHE_S, version)
        return SubjectKey(version, key)

    def key(self, subject_id: str, version: int) -> bytes | None:
        """A key of the person; None where it was destroyed or can't be unwrapped."""
        cached = self._cache.get((subject_id, version))
        if cached and cached[0] > time.monotonic():
            return cached[1]
        generation = self._generation
        with self._pool.connection() as conn:
            found = conn.execute(
                "select kek_id, wrapped from vault.subject_keys where subject_id = %s and version = %s",
                [subject_id, version],
            ).fetchone()
        if found is None or found[1] is None:
            return None
        key = self._provider.unwrap(found[0], bytes(found[1]))
        with self._lock:
            # A key that was destroyed while it was being loaded must not come back into the cache.
            if key is not None and generation == self._generation:
                if len(self._cache) >= CACHE_KEYS_MAX:
                    self._cache.clear()
                self._cache[subject_id, version] = (time.monotonic() + CACHE_S, key)
        return key

    def destroy(self, subject_id: str, because: str) -> int:
        """Destroys every key of a person and returns how many; what they sealed can never be read again."""
        with self._pool.connection() as conn:
            done = conn.execute(
                "update vault.subject_keys set wrapped = null, destroyed_at = now(), destroyed_because = %s"
                " where subject_id = %s and wrapped is not null",
                [because, subject_id],
            )
        with self._lock:
            self._generation += 1
            self._cache.clear()
            self._newest.clear()
        return done.rowcount

    def _ensure(self, subject_id: str) -> int:
        with self._pool.connection() as conn:
            conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"vault:{subject_id}"])
            found = conn.execute(
                "select version, wrapped is not null from vault.subject_keys where subject_id = %s"
                " order by version desc limit 1",
                [subject_id],
            ).fetchone()
            if found and found[1]:
                return int(found[0])
            version = int(found[0]) + 1 if found else 1
            kek_id = self._provider.active
            conn.execute(
                "insert into vault.subject_keys (subject_id, version, kek_id, wrapped) values (%s, %s, %s, %s)",
                [subject_id, version, kek_id, self._provider.wrap(kek_id, secrets.token_bytes(KEY_BYTES))],
            )
            return version
