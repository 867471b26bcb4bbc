"""All services in one process, and the tools over them: `python -m services up | migrate | fsck | replay | identity`."""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg

from services.audit.evidence import EvidenceStore
from services.audit.evidence_check import check_evidence
from services.audit.fold import as_json
from services.builders import BUILDERS, DECIDERS
from services.kernel import grants, host, log, postgres, resources
from services.kernel.clock import SystemClock
from services.kernel.config import Config
from services.kernel.devauthority import OPERATOR, DevAuthority, NotInProduction, write_identity
from services.kernel.fsck import Report, check_service, print_reports
from services.kernel.host import Running, own_migrations


def up(_: Sequence[str]) -> int:
    """Serves everything until interrupted."""
    return host.run(BUILDERS)


def migrate(arguments: Sequence[str]) -> int:
    """Brings every schema up to date, and grants the services' roles their rights.

    With --require-roles it does nothing until every role is there: without its rights a service could not start.
    """
    config = settings()
    with postgres.opened(config.database_url, config.state_folder / "postgres") as url:
        if "--require-roles" in arguments:
            with psycopg.connect(url) as conn:
                if missing := grants.missing(conn, BUILDERS):
                    print(f"the database server lacks the roles {', '.join(missing)}")
                    return 1
        applied = resources.migrate_all(url, {name: own_migrations(name) for name in BUILDERS})
    print("\n".join(applied) or "everything is up to date")
    return 0


def fsck(_: Sequence[str]) -> int:
    """Proves that everything stored is whole."""
    with beside(leads=False) as running:
        problems = print_reports(reports(running), print)
    print("whole" if not problems else f"{problems} problem{'s' if problems > 1 else ''} found")
    return 1 if problems else 0


def replay(arguments: Sequence[str]) -> int:
    """Folds one stream: SERVICE STREAM [VERSION]."""
    if len(arguments) not in {2, 3} or not all(argument.isdigit() for argument in arguments[2:]):
        print("replay SERVICE STREAM [VERSION], for example: replay intake case-7d6f... 2")
        return 2
    name, stream = arguments[0], arguments[1]
    until = int(arguments[2]) if len(arguments) == 3 else 0
    decider = DECIDERS.get(stream.partition("-")[0])
    with beside(leads=False) as running:
        service = running.services.get(name)
        if service is None or service.journal is None or decider is None:
            print(f"no stream {stream} in {name}")
            return 1
        state, version = decider.initial, 0
        for row in service.journal.read_stream(stream):
            if until and row.version > until:
                break
            state, version = decider.evolve(state, service.codec.clear(row)), row.version
            print(f"{row.version:5} {row.type}")
    print(as_json(state))
    return 0 if version else 1


def identity(arguments: Sequence[str]) -> int:
    """Writes a development identity for foreign clients: USCC [OFFICER ROLE] FOLDER, or operator FOLDER."""
    if len(arguments) != 2 and (len(arguments) != 4 or arguments[0] == OPERATOR):
        print("identity USCC [OFFICER ROLE] FOLDER, for example: identity 111101080000001018 me CASE_PROCURATOR out/me")
        print("identity operator FOLDER for the operator, who keeps the directory and runs operations")
        return 2
    uscc, *officer, folder = arguments
    config = settings()
    try:
        authority = DevAuthority.create_or_load(config.state_folder / "authority", SystemClock())
    except NotInProduction as refusal:
        print(refusal)
        return 2
    for path in write_identity(authority, uscc, officer, Path(folder)):
        print(path)
    return 0


def reports(running: Running) -> Iterator[Report]:
    """Every check of every service, and the evidence against the journals."""
    pool = running.resources.pool
    for service in running.services.values():
        yield from check_service(service, pool)
    journals = {name: s.journal for name, s in running.services.items() if s.journal is not None}
    yield from check_evidence(EvidenceStore(pool, "audit"), journals)


@contextmanager
def beside(*, leads: bool = True) -> Iterator[Running]:
    """The services on an address of their own, beside any that run already."""
    config = settings()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with host.serving(replace(config, listen=address), BUILDERS, leads=leads) as running:
        yield running


def settings() -> Config:
    """The settings of the environment."""
    config = Config.from_env(os.environ, root=os.geteuid() == 0)
    log.configure("WARNING")
    return config


TASKS: dict[str, Callable[[Sequence[str]], int]] = {
    "up": up,
    "migrate": migrate,
    "fsck": fsck,
    "replay": replay,
    "identity": identity,
}


def main() -> int:
    """Runs the task that is named first."""
    if len(sys.argv) < 2 or sys.argv[1] not in TASKS:
        print(f"name a task: {', '.join(TASKS)}")
        return 2
    try:
        return TASKS[sys.argv[1]](sys.argv[2:])
    except host.NOT_STARTED as problem:
        print(problem)
        return 2


if __name__ == "__main__":
    sys.exit(main())
