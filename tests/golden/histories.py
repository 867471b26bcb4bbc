"""Golden histories: streams as they were once recorded, with the state that they folded to. They are never rewritten.

A file holds a stream: the clear bytes of its events, as stored, and the state. A later release must fold the same bytes to
the same state, however its events and states have grown since.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.audit.fold import plain
from services.builders import DECIDERS, EVENTS
from services.kernel.registry import Registry

FOLDER = Path(__file__).with_name("histories")
REGISTRY = Registry(list(dict.fromkeys(file for files in EVENTS.values() for file in files)))


@dataclass(frozen=True)
class History:
    """One golden stream: types and bytes of its events, and the hash of the descriptors that they were written with."""

    name: str
    category: str
    schema_sha256: str
    events: Sequence[tuple[str, bytes]]
    state: Any

    def folded(self) -> Any:
        """The state that today's decider folds the events to."""
        decider = DECIDERS[self.category]
        state = decider.initial
        for name, data in self.events:
            state = decider.evolve(state, REGISTRY.message_class(name).FromString(data))
        return plain(state)


def all_histories() -> list[History]:
    """Every golden history."""
    return [read(path) for path in sorted(FOLDER.glob("*.json"))]


def read(path: Path) -> History:
    """The history in a file."""
    found = json.loads(path.read_text(encoding="utf-8"))
    events = [(event["type"], base64.b64decode(event["event_base64"])) for event in found["events"]]
    return History(path.stem, found["category"], found["schema_sha256"], events, found["state"])


def made(name: str, category: str, events: Sequence[tuple[str, bytes]]) -> History:
    """A history of today, folded by today's decider."""
    history = History(name, category, REGISTRY.schema_sha256.hex(), events, None)
    return History(name, category, history.schema_sha256, events, history.folded())


def write(history: History, folder: Path = FOLDER) -> Path:
    """Writes a new history.

    Raises:
        FileExistsError: there is one of this name; what was recorded once stays.
    """
    path = folder / f"{history.name}.json"
    events = [{"type": name, "event_base64": base64.b64encode(data).decode()} for name, data in history.events]
    content = {"category": history.category, "schema_sha256": history.schema_sha256, "events": events, "state": history.state}
    with path.open("x", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")
    return path
