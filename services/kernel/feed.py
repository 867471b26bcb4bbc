"""Feeds: a journal read by position, from the same process or over gRPC."""

import threading
import time
from collections.abc import Sequence
from typing import Protocol

import grpc

from guanhu.journal.v1 import journal_service_pb2 as journalpb
from guanhu.journal.v1 import journal_service_pb2_grpc as journalrpc
from services.kernel.journal import Journal, Recorded

PAGE_ROWS_MAX = 5_000
PAGE_ROWS_DEFAULT = 500
WAIT_MS_MAX = 20_000
WINDOW_ROWS_MAX = 2_000


class Feed(Protocol):
    """Serves the rows of one journal that come after a position, in order and without gaps."""

    origin: str

    def read(self, after: int, limit: int, wait_s: float) -> Sequence[Recorded]:
        """Rows after a position; waits up to `wait_s` for the first one."""
        ...

    def head(self) -> int:
        """Position of the newest row."""
        ...


class LocalFeed:
    """The journal of the own process."""

    def __init__(self, journal: Journal) -> None:
        self.origin = journal.origin
        self._journal = journal

    def read(self, after: int, limit: int, wait_s: float) -> Sequence[Recorded]:
        """Rows after a position; waits up to `wait_s` for the first one."""
        rows = self._journal.read(after, limit)
        return self._journal.read(after, limit) if not rows and self.wait(after, wait_s) else rows

    def wait(self, after: int, wait_s: float) -> bool:
        """Waits up to `wait_s` for a row after a position; says whether there is one."""
        return wait_s > 0 and self._journal.wait(after, wait_s) > after

    def head(self) -> int:
        """Position of the newest row."""
        return self._journal.head()


class RemoteFeed:
    """The journal of another service, over its feed API."""

    def __init__(self, origin: str, channel: grpc.Channel) -> None:
        self.origin = origin
        self._stub = journalrpc.JournalServiceStub(channel)

    def read(self, after: int, limit: int, wait_s: float) -> Sequence[Recorded]:
        """Rows after a position; waits up to `wait_s` for the first one.

        Raises:
            grpc.RpcError: the service is away; the follower tries again.
        """
        request = journalpb.ReadRequest(origin=self.origin, after=after, limit=limit, wait_ms=int(wait_s * 1000))
        response = self._stub.Read(request, timeout=wait_s + 10)
        return [Recorded(r.position, r.stream, r.version, r.type, r.header, r.payload) for r in response.rows]

    def head(self) -> int:
        """Position of the newest row."""
        request = journalpb.ReadRequest(origin=self.origin, after=(1 << 62), limit=1)
        return int(self._stub.Read(request, timeout=10).head)


class SharedFeed:
    """One reading of a feed for all followers of a process: what one of them waited for, the others find here."""

    def __init__(self, feed: Feed) -> None:
        self.origin = feed.origin
        self.source = feed
        self._fetching = threading.Lock()
        # Where the last reading ended; None before the first.
        self._end: int | None = None
        # Rows in a row, the newest last; replaced as a whole, so that readers need no lock.
        self._window: tuple[Recorded, ...] = ()

    def read(self, after: int, limit: int, wait_s: float) -> Sequence[Recorded]:
        """Rows after a position; waits up to `wait_s` for the first one."""
        if found := self._held(after, limit):
            return found
        window = self._window
        if window and after < window[0].position - 1:
            # A follower that is far behind reads for itself, and leaves the window to those at the end.
            return self.source.read(after, limit, wait_s)
        ends = time.monotonic() + wait_s
        # A lock is not fair: who waited for it without end could be passed by for long, and not be stopped.
        if not self._fetching.acquire(timeout=wait_s):
            if found := self._held(after, limit):
                return found
            # At the end there is only what the other one waits for; who asks for what is there now is told the truth.
            waited_out = wait_s > 0 and self._end is not None and after >= self._end
            return () if waited_out else self.source.read(after, limit, 0.0)
        try:
            if found := self._held(after, limit):
                return found
            # Waiting for another follower's reading was waiting too.
            rows = tuple(self.source.read(after, limit, max(0.0, ends - time.monotonic())))
            self._end = rows[-1].position if rows else after
            # Rows with a gap are the follower's to refuse, and are not kept: the next reading may be whole again.
            if rows and [row.position for row in rows] == list(range(after + 1, after + 1 + len(rows))):
                follows = self._window and self._window[-1].position == after
                self._window = ((*self._window, *rows) if follows else rows)[-WINDOW_ROWS_MAX:]
            return rows
        finally:
            self._fetching.release()

    def head(self) -> int:
        """Position of the newest row."""
        return self.source.head()

    def _held(self, after: int, limit: int) -> Sequence[Recorded]:
        window = self._window
        if not window or not window[0].position - 1 <= after < window[-1].position:
            return ()
        start = after - window[0].position + 1
        return window[start : start + limit]
