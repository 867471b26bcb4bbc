"""What a process needs of the outside world, opened once: database, keys, credentials, identity, channels."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psycopg
from psycopg_pool import ConnectionPool

from services.kernel import grants, migrate, postgres
from services.kernel.clock import Clock, SystemClock
from services.kernel.config import Config
from services.kernel.devauthority import DevAuthority
from services.kernel.identity import Authenticator
from services.kernel.telemetry import TracedCalls
from services.kernel.vault import FileKekProvider, Vault

KERNEL_FOLDER = Path(__file__).parent
MIGRATIONS = KERNEL_FOLDER / "migrations"
VAULT_MIGRATIONS = KERNEL_FOLDER / "vault_migrations"
POOL_CONNECTIONS_MAX = 48
# The reserved entry of the vault whose key makes the hashes of requests unguessable.
REQUESTS_KEY_ID = "guanhu:requests"


class SchemasBehind(postgres.DatabaseUnavailable):
    """The schemas are older than the program, which may not migrate them itself."""


@dataclass
class Resources:
    """Open resources; services are built from them and own none of them.

    `channel(caller, callee)` is a service's channel to another; `stopping` is set when the server drains.
    """

    config: Config
    clock: Clock
    pool: ConnectionPool
    vault: Vault
    request_key: Callable[[], bytes]
    authenticator: Authenticator
    server_credentials: grpc.ServerCredentials
    channel: Callable[[str, str], grpc.Channel]
    database_url: str
    authority: DevAuthority | None = None
    stopping: threading.Event = field(default_factory=threading.Event)


def migrate_all(database_url: str, services: Mapping[str, tuple[Path, ...]]) -> list[str]:
    """Brings the vault and the schemas of the services up to date; returns what was applied."""
    with psycopg.connect(database_url) as conn:
        applied = [f"vault: {name}" for name in migrate.migrate(conn, "vault", [VAULT_MIGRATIONS])]
        for service, folders in services.items():
            applied += [f"{service}: {name}" for name in migrate.migrate(conn, service, [MIGRATIONS, *folders])]
            grants.grant(conn, service)
        return applied


def require_migrated(database_url: str, services: Mapping[str, tuple[Path, ...]]) -> None:
    """Checks, without changing anything, that the schemas are as this release needs them.

    Raises:
        SchemasBehind: naming what is missing.
    """
    with psycopg.connect(database_url) as conn:
        lacking = [f"vault: {name}" for name in migrate.pending(conn, "vault", [VAULT_MIGRATIONS])]
        for service, folders in services.items():
            lacking += [f"{service}: {name}" for name in migrate.pending(conn, service, [MIGRATIONS, *folders])]
    if lacking:
        raise SchemasBehind(f"the database lacks {', '.join(lacking)}; run first: python -m services migrate")


@contextmanager
def opened(config: Config, services: Mapping[str, tuple[Path, ...]], *, clock: Clock | None = None) -> Iterator[Resources]:
    """Opens everything, migrates the schemas of `services` (name to folders of their own), and closes all again.

    Raises:
        SchemasBehind: the schemas are older than the program, and the settings forbid to migrate at the start.
    """
    clock = clock or SystemClock()
    config.state_folder.mkdir(parents=True, exist_ok=True)
    with postgres.opened(config.database_url, config.state_folder / "postgres") as database_url:
        (require_migrated if config.migrate == "never" else migrate_all)(database_url, services)
        with postgres.pool(database_url, min_size=4, max_size=POOL_CONNECTIONS_MAX) as pool:
            authority = None if config.production else DevAuthority.create_or_load(config.state_folder / "authority", clock)
            vault = Vault(pool, _kek(config))
            channels = _Channels(config, authority)
            try:
                yield Resources(
                    config=config,
                    clock=clock,
                    pool=pool,
                    vault=vault,
                    # Asked for when the first command comes: without the key-encryption key everything can still be read.
                    request_key=lambda: vault.key_for_sealing(REQUESTS_KEY_ID).key,
                    authenticator=Authenticator(_jwks(config, authority), clock),
                    server_credentials=_server_credentials(config, authority),
                    channel=channels.between,
                    database_url=database_url,
                    authority=authority,
                )
            finally:
                channels.close()


class _Channels:
    """One channel for each pair of caller and callee, opened on first use; a service without an address is in this process.

    In development every service calls with a certificate of its own. In production a process has one certificate, so a
    process that hosts several services lets them share its identity.
    """

    def __init__(self, config: Config, authority: DevAuthority | None) -> None:
        self._config = config
        self._authority = authority
        self._open: dict[tuple[str, str], tuple[grpc.Channel, grpc.Channel]] = {}

    def between(self, caller: str, callee: str) -> grpc.Channel:
        """The channel from one service to another, or to itself."""
        pair = (caller, callee)
        if pair not in self._open:
            address = getattr(self._config, f"{callee}_address") or self._config.listen
            options = (("grpc.max_receive_message_length", 16 * 1024 * 1024), ("grpc.max_reconnect_backoff_ms", 1000))
            channel = grpc.secure_channel(address, self._credentials(caller), options=options)
            self._open[pair] = (channel, grpc.intercept_channel(channel, TracedCalls()))
        return self._open[pair][1]

    def close(self) -> None:
        """Closes all channels."""
        for channel, _ in self._open.values():
            channel.close()

    def _credentials(self, caller: str) -> grpc.ChannelCredentials:
        if self._authority is not None:
            key, chain = self._authority.service_credentials(caller)
            return grpc.ssl_channel_credentials(self._authority.ca_pem, key, chain)
        config = self._config
        key, chain = Path(config.tls_key).read_bytes(), Path(config.tls_certificate).read_bytes()
        return grpc.ssl_channel_credentials(Path(config.tls_client_ca).read_bytes(), key, chain)


def _kek(config: Config) -> FileKekProvider:
    if config.kek_file:
        return FileKekProvider(Path(config.kek_file))
    return FileKekProvider.create(config.state_folder / "kek.json")


def _jwks(config: Config, authority: DevAuthority | None) -> Mapping[str, Mapping[str, object]]:
    if authority is not None:
        return authority.jwks()
    found: Mapping[str, Mapping[str, object]] = json.loads(Path(config.token_jwks).read_text(encoding="utf-8"))
    return found


def _server_credentials(config: Config, authority: DevAuthority | None) -> grpc.ServerCredentials:
    if authority is not None:
        key, chain = authority.server_credentials()
        root = authority.ca_pem
    else:
        key, chain = Path(config.tls_key).read_bytes(), Path(config.tls_certificate).read_bytes()
        root = Path(config.tls_client_ca).read_bytes()
    return grpc.ssl_server_credentials([(key, chain)], root, require_client_auth=True)
