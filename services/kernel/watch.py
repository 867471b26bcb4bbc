"""Streams that are watched: bounded in number and time, alive while nothing happens, and over as soon as the server drains."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc

from services.kernel.errors import Overloaded
from services.kernel.journal import Journal

# A watch holds a worker of the server: it ends after a while and is called again from its position.
WATCH_S = 60.0
WATCHERS_MAX = 12
SIGN_OF_LIFE_S = 10.0
# Short waits, so that a drain or a caller who has gone never holds a worker for long.
WAIT_S = 0.5
# What the journal holds a view may not hold yet: it is asked again although nothing new came.
AGAIN_S = 2.0

Item = TypeVar("Item")


class Watches:
    """The watches of one service; `stopping` is set when the server drains."""

    def __init__(self, journal: Journal, stopping: threading.Event) -> None:
        self._journal = journal
        self._stopping = stopping
        self._free = threading.BoundedSemaphore(WATCHERS_MAX)

    def run(
        self, context: grpc.ServicerContext, news: Callable[[int], Iterator[Item]], sign_of_life: Callable[[], Item]
    ) -> Iterator[Item]:
        """Yields what `news` yields, asked anew until it has nothing, and then whenever the journal has grown.

        `news` is told the head of the journal, yields a page at most and remembers where it is.

        Raises:
            Overloaded: so many watches are open that another one must come back later.
        """
        with self._place():
            yield from self._run(context, news, sign_of_life)

    def until(self, context: grpc.ServicerContext, holds: Callable[[], bool], wait_s: float) -> None:
        """Waits until something holds, at most so long.

        Raises:
            Overloaded: so many watches are open that another one must come back later.
        """
        with self._place():
            ends = time.monotonic() + wait_s
            # The head before the look: what is recorded in between ends the wait at once.
            head = self._journal.head()
            while not holds() and self._goes_on(context) and (left := ends - time.monotonic()) > 0:
                head = self._journal.wait(head, min(WAIT_S, left))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise Overloaded("too many watches are open", retry_after_s=WAIT_S)
        try:
            yield
        finally:
            self._free.release()

    def _goes_on(self, context: grpc.ServicerContext) -> bool:
        return context.is_active() and not self._stopping.is_set()

    def _run(
        self, context: grpc.ServicerContext, news: Callable[[int], Iterator[Item]], sign_of_life: Callable[[], Item]
    ) -> Iterator[Item]:
        spoke = asked = time.monotonic()
        ends = spoke + WATCH_S
        # Up to where there was nothing more to tell.
        seen = -1
        while self._goes_on(context) and time.monotonic() < ends:
            head = self._journal.head() if seen < 0 else self._journal.wait(seen, WAIT_S)
            if head > seen or time.monotonic() - asked > AGAIN_S:
                asked, said = time.monotonic(), False
                for item in news(head):
                    said, spoke = True, time.monotonic()
                    yield item
                seen = seen if said else head
            if time.monotonic() - spoke > SIGN_OF_LIFE_S:
                spoke = time.monotonic()
                yield sign_of_life()
