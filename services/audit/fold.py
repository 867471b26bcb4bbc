"""Folds a stream to a version and explains the difference between two versions. Works without any key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from services.audit.evidence import Evidence
from services.kernel import personal
from services.kernel.decision import Decider
from services.kernel.registry import Registry


@dataclass(frozen=True, slots=True)
class Changed:
    """One field of the state that an event changed; values are JSON."""

    version: int
    type: str
    field: str
    before: str
    after: str


class Folder:
    """Folds streams with the deciders of the services, by the category in the stream's name."""

    def __init__(self, deciders: Mapping[str, Decider[Any]], registry: Registry) -> None:
        self._deciders = deciders
        self._registry = registry

    def knows(self, stream: str) -> bool:
        """Whether there is a decider for the stream."""
        return stream.partition("-")[0] in self._deciders

    def state(self, stream: str, rows: Sequence[Evidence]) -> Any:
        """The state after the rows."""
        decider = self._deciders[stream.partition("-")[0]]
        state = decider.initial
        for row in rows:
            state = decider.evolve(state, self._event(row))
        return state

    def changes(self, stream: str, before: Sequence[Evidence], rows: Sequence[Evidence]) -> Iterator[Changed]:
        """What each of the rows changed, after the rows before them."""
        decider = self._deciders[stream.partition("-")[0]]
        state = self.state(stream, before)
        for row in rows:
            after = decider.evolve(state, self._event(row))
            old, new = plain(state), plain(after)
            for name in sorted(set(old) | set(new)):
                if old.get(name) != new.get(name):
                    yield Changed(row.version, row.type, name, as_json(old.get(name)), as_json(new.get(name)))
            state = after

    def _event(self, row: Evidence) -> Message:
        return personal.clear_event(row.payload, self._registry.message_class(row.type))


def as_json(value: Any) -> str:
    """JSON with sorted names."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)


def plain(value: Any) -> Any:
    """A state as mappings, lists and texts."""
    if isinstance(value, Message):
        return MessageToDict(value, preserving_proto_field_name=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value
