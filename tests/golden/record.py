"""Records the golden histories that are not there yet: python -m tests.golden.record, with the repository and gen on the path.

To add one, put a case into tests/cases or a story into tests/golden/stories.py, and run it. It never touches a file that
is there: to change what an old history folds to is to change the past.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from guanhu.journal.v1 import record_pb2
from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import free_address
from services.kernel import host, log
from services.kernel.config import Config
from services.kernel.host import Running
from tests.contract.played import CASES, play
from tests.golden.histories import FOLDER, History, made, write
from tests.golden.stories import STORIES


def told() -> Iterator[History]:
    """Histories of the stories that are not recorded yet."""
    for name, tell in STORIES.items():
        if not (FOLDER / f"{name}.json").exists():
            story = tell()
            stored = [(event.DESCRIPTOR.full_name, event.SerializeToString()) for event in story.events]
            yield made(name, story.decider.category, stored)


def played() -> Iterator[History]:
    """Histories of the streams of the published cases that are not recorded yet."""
    files = [path for path in sorted(CASES.glob("*.yaml")) if not list(FOLDER.glob(f"{path.stem}-*.json"))]
    if not files:
        return
    with tempfile.TemporaryDirectory(prefix="guanhu-golden-") as name:
        Path(name).chmod(0o755)
        with host.serving(Config(listen=free_address(), state_folder=Path(name)), BUILDERS) as running:
            assert running.resources.authority is not None
            with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
                before = heads(running)
                for path in files:
                    play(running, client, path.name)
                    yield from streams(path.stem, running, before)
                    before = heads(running)


def heads(running: Running) -> dict[str, int]:
    """How far each journal is."""
    return {name: service.journal.head() for name, service in running.services.items() if service.journal is not None}


def streams(case: str, running: Running, after: dict[str, int]) -> Iterator[History]:
    """Streams that began after the given positions, one history each."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for name, position in after.items():
        journal = running.services[name].journal
        assert journal is not None
        for row in journal.read(position, 100_000):
            found.setdefault(row.stream, []).append((row.type, record_pb2.Payload.FromString(row.payload).event))
    counts: dict[str, int] = {}
    for stream, stored in found.items():
        category = stream.partition("-")[0]
        counts[category] = counts.get(category, 0) + 1
        yield made(f"{case}-{category}-{counts[category]}", category, stored)


def main() -> int:
    """Writes what is missing and names it."""
    log.configure("WARNING")
    for history in (*told(), *played()):
        print(write(history).name, len(history.events), "events")
    return 0


if __name__ == "__main__":
    sys.exit(main())
