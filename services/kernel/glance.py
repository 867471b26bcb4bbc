"""A glance: a decision on what this process remembers, made before it is made with care.

Most commands meet a world that has not changed since the last one. On a glance nothing is refused, and what it lets through the
journal judges once more when it appends: the version of the stream, the request, the key. Agencies and cases that a decision
only looks at may be as old as REMEMBERED_S, as any copy of them may. Whatever does not go through at a glance is decided with
care, on what is stored.
"""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Generic, TypeVar

# As long as a follower may take to hear of an event.
REMEMBERED_S = 0.25
ITEMS_MAX = 5_000

_glancing: ContextVar[bool] = ContextVar("glancing", default=False)

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@contextmanager
def glancing() -> Iterator[None]:
    """What is looked up within may come from memory, and a refusal is not final."""
    token = _glancing.set(True)
    try:
        yield
    finally:
        _glancing.reset(token)


def at_a_glance() -> bool:
    """Whether this is a glance."""
    return _glancing.get()


class Memory(Generic[Key, Value]):
    """What was looked up lately. It forgets the oldest, and gives nothing back but at a glance."""

    def __init__(self, remembered_s: float = REMEMBERED_S) -> None:
        self._remembered_s = remembered_s
        self._items: dict[Key, tuple[float, Value]] = {}
        self._lock = Lock()

    def get(self, key: Key, look_up: Callable[[], Value]) -> Value:
        """What is remembered, where a glance is enough; else what is looked up now."""
        if at_a_glance():
            found = self._items.get(key)
            if found is not None and time.monotonic() - found[0] <= self._remembered_s:
                return found[1]
        began = time.monotonic()
        value = look_up()
        self.keep(key, value, began)
        return value

    def last(self, key: Key) -> Value | None:
        """What was looked up last, however long ago."""
        found = self._items.get(key)
        return found[1] if found is not None else None

    def keep(self, key: Key, value: Value, as_of: float) -> None:
        """Remembers what was true at an instant of the monotonic clock."""
        with self._lock:
            self._items.pop(key, None)
            if len(self._items) >= ITEMS_MAX:
                del self._items[next(iter(self._items))]
            self._items[key] = (as_of, value)
