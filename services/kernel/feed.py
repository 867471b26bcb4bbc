"""Feeds: a journal read by position, from the same process or over gRPC."""

from collections.abc import Sequence
from typing import Protocol

import grpc

from guanhu.journal.v1 import journal_service_pb2 as journalpb
from guanhu.journal.v1 import journal_service_pb2_grpc as journalrpc
from services.kernel.journal import Journal, Recorded

PAGE_ROWS_MAX = 5_000
PAGE_ROWS_DEFAULT = 500
WAIT_MS_MAX = 20_000


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
        if not rows and wait_s > 0:
            self._journal.wait(after, wait_s)
            rows = self._journal.read(after, limit)
        return rows

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
