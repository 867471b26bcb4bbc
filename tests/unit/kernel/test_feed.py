"""Followers of one process share the reading of a feed, and none waits for another longer than it would wait itself."""

import threading
from collections.abc import Sequence

import pytest

from services.kernel.feed import SharedFeed
from services.kernel.journal import Recorded

PATIENCE_S = 10.0


class Waited:
    """A feed whose readers wait for the first row until it is `released`."""

    origin = "intake"

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()
        self.waits: list[float] = []

    def read(self, after: int, limit: int, wait_s: float) -> Sequence[Recorded]:
        self.waits.append(wait_s)
        if wait_s:
            self.entered.set()
            self.released.wait(PATIENCE_S)
        return [Recorded(1, "case-1", 1, "type", b"", b"")][after:] if self.released.is_set() else []

    def head(self) -> int:
        return int(self.released.is_set())


def test_a_reader_waits_no_longer_for_another_than_it_would_wait_for_a_row() -> None:
    feed = Waited()
    shared = SharedFeed(feed)
    other = threading.Thread(target=shared.read, args=(0, 10, PATIENCE_S))
    other.start()
    assert feed.entered.wait(PATIENCE_S)
    assert shared.read(0, 10, 0.001) == []
    assert shared.read(0, 10, 0.0) == []
    feed.released.set()
    other.join()
    # The others read beside the one that waits, and without waiting.
    assert feed.waits == [pytest.approx(PATIENCE_S, abs=0.1), 0.0, 0.0]


def test_what_one_reader_waited_for_the_others_find() -> None:
    feed = Waited()
    shared = SharedFeed(feed)
    feed.released.set()
    assert [row.position for row in shared.read(0, 10, 1.0)] == [1]
    assert [row.position for row in shared.read(0, 10, 1.0)] == [1]
    assert feed.waits == [pytest.approx(1.0, abs=0.1)]
