"""Runs services in one process: opens what they need, serves, follows, and drains when told to stop."""

import atexit
import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import structlog

from guanhu.deadline.v1 import deadline_service_pb2 as deadlinepb
from guanhu.journal.v1 import journal_service_pb2 as journalpb
from guanhu.operations.v1 import operations_service_pb2 as operationspb
from services.kernel import gauges, log, resources, schemas, telemetry
from services.kernel.clock import Clock
from services.kernel.commands import generic_handler
from services.kernel.config import BadSettings, Config
from services.kernel.deadlineservice import DeadlineService
from services.kernel.feed import LocalFeed
from services.kernel.interrupt import interruption
from services.kernel.journalservice import JournalService
from services.kernel.leader import Leadership
from services.kernel.migrate import MigrationChanged
from services.kernel.operations import Operations
from services.kernel.postgres import DatabaseUnavailable
from services.kernel.resources import Resources
from services.kernel.server import Server
from services.kernel.service import Service
from services.kernel.vault import KeysUnsafe

# What an operator can put right: it is told in a line, without a traceback.
NOT_STARTED = (BadSettings, DatabaseUnavailable, KeysUnsafe, MigrationChanged, psycopg.OperationalError, OSError)

# The parameter of mallopt(3) for the number of heaps.
M_ARENA_MAX, ARENAS_MAX = -8, 2

Build = Callable[[Resources], Service]


@dataclass
class Running:
    """A process that serves."""

    port: int
    services: Mapping[str, Service]
    resources: Resources
    stopping: threading.Event


def own_migrations(name: str) -> tuple[Path, ...]:
    """The folder of a service's own migrations, where it has one."""
    folder = Path(__file__).parents[1] / name / "migrations"
    return (folder,) if folder.is_dir() else ()


@contextmanager
def serving(
    config: Config, builders: Mapping[str, Build], *, clock: Clock | None = None, leads: bool = True
) -> Iterator[Running]:
    """Serves until the context ends, then drains. A tool that only looks does not lead: it runs no follower and no policy.

    The server listens before the followers start, because policies call services of the same process.
    """
    migrations = {name: own_migrations(name) for name in builders}
    with resources.opened(config, migrations, clock=clock) as opened:
        services = {name: build(opened) for name, build in builders.items()}
        for service in services.values():
            if service.journal is not None:
                schemas.store(opened.pool, service.name, service.codec.registry)
        server = Server(opened.authenticator, opened.stopping, reflect=not config.production)
        for service in services.values():
            for name, handler in service.handlers.items():
                server.register(name, handler)
        _register_kernel_services(server, services, opened.clock)
        port = server.start(config.listen, opened.server_credentials)
        leaderships = [Leadership(opened.database_url, name, service.led()) for name, service in services.items() if leads]
        for leadership in leaderships:
            leadership.start()
        if config.otlp_endpoint:
            gauges.register(services, leaderships, opened.clock)
        try:
            if config.health_listen:
                server.start_health(config.health_listen)
            yield Running(port, services, opened, server.stopping)
        finally:
            # Calls first: what they acknowledge must still find its journal and its followers' pool.
            server.stop()
            for leadership in leaderships:
                leadership.resign()
            for leadership in leaderships:
                leadership.stop()
            for service in services.values():
                service.stop()


def run(builders: Mapping[str, Build]) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    began = time.monotonic()
    _keep_memory_small()
    try:
        config = Config.from_env(os.environ, root=os.geteuid() == 0)
    except BadSettings as problems:
        print(problems)
        return 2
    log.configure(config.log_level)
    finish_telemetry = telemetry.configure(config, next(iter(builders)) if len(builders) == 1 else "all")
    # Sent also when the start fails: what led to it may be among what was collected.
    atexit.register(finish_telemetry)
    logger = structlog.get_logger("guanhu.host")
    try:
        with interruption() as interrupted, serving(config, builders) as running:
            # Better now than at the first command: nothing can be recorded without it.
            running.resources.request_key()
            seconds = round(time.monotonic() - began, 2)
            logger.info("ready", port=running.port, service=",".join(builders), seconds=seconds)
            interrupted()
            logger.info("draining", service=",".join(builders))
    except NOT_STARTED as problem:
        print(problem)
        return 1
    return 0


def _keep_memory_small() -> None:
    # glibc gives each of many threads a heap of its own, which grows and is never given back; other C libraries do not.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS_MAX)


def _register_kernel_services(server: Server, services: Mapping[str, Service], clock: Clock) -> None:
    local = {service.journal.origin: service for service in services.values() if service.journal is not None}
    feeds = {origin: LocalFeed(service.journal) for origin, service in local.items() if service.journal is not None}
    admissions = {name: service.admission for name, service in services.items()}
    journals = JournalService(feeds, admissions, server.stopping)
    descriptor = journalpb.DESCRIPTOR.services_by_name["JournalService"]
    server.register(descriptor.full_name, generic_handler(descriptor, {}, None, journals))
    descriptor = operationspb.DESCRIPTOR.services_by_name["OperationsService"]
    server.register(descriptor.full_name, generic_handler(descriptor, {}, None, Operations(services)))
    descriptor = deadlinepb.DESCRIPTOR.services_by_name["DeadlineService"]
    server.register(descriptor.full_name, generic_handler(descriptor, {}, None, DeadlineService(services, clock)))
