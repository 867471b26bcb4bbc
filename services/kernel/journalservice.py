"""Serves the feed of every journal in this process."""

import threading
from collections.abc import Mapping
from typing import Any

import grpc

from guanhu.journal.v1 import journal_service_pb2 as journalpb
from guanhu.journal.v1 import journal_service_pb2_grpc as journalrpc
from services.kernel import validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.errors import Invalid, NotFound, Overloaded, Violation
from services.kernel.feed import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, WAIT_MS_MAX, LocalFeed
from services.kernel.rpc import current_call

# Waiting feeds hold a worker each: beyond this many, a reader is told to come back, and commands are never starved.
WAITING_MAX = 24
PAGE_BYTES_MAX = 8 * 1024 * 1024


class JournalService(journalrpc.JournalServiceServicer):
    """The feed API over local journals, by origin."""

    def __init__(self, feeds: Mapping[str, LocalFeed], admissions: Mapping[str, Admission], stopping: threading.Event) -> None:
        self._feeds = feeds
        self._admissions = admissions
        self._waiting = threading.BoundedSemaphore(WAITING_MAX)
        self._stopping = stopping

    def Read(self, request: journalpb.ReadRequest, context: grpc.ServicerContext) -> journalpb.ReadResponse:
        """Rows after a position; waits, bounded, when there are none."""
        feed = self._feeds.get(request.origin)
        if feed is None:
            raise NotFound
        if request.wait_ms > WAIT_MS_MAX:
            raise Invalid(Violation("wait_ms", f"is more than {WAIT_MS_MAX}"))
        if request.limit > PAGE_ROWS_MAX:
            raise Invalid(Violation("limit", f"is more than {PAGE_ROWS_MAX}"))
        resource = ResourceFacts(type="Journal", id=request.origin)
        call = current_call()
        if call.principal.kind == "service":
            self._admissions[request.origin].command(call, "journal.Read", resource)
        else:
            validate.check(request)
            if not request.HasField("purpose"):
                raise Invalid(Violation("purpose", "is required"))
            self._admissions[request.origin].read(call, "journal.Read", resource, request.purpose)
        after = min(request.after, (1 << 62))
        rows: Any = feed.read(after, request.limit or PAGE_ROWS_DEFAULT, 0.0)
        if not rows and request.wait_ms:
            rows = self._wait(feed, request, context)
        response = journalpb.ReadResponse(head=feed.head())
        size = 0
        for row in rows:
            size += len(row.payload) + len(row.header)
            if size > PAGE_BYTES_MAX and response.rows:
                break
            response.rows.add(
                position=row.position,
                stream=row.stream,
                version=row.version,
                type=row.type,
                header=row.header,
                payload=row.payload,
            )
        return response

    def _wait(self, feed: LocalFeed, request: journalpb.ReadRequest, context: grpc.ServicerContext) -> Any:
        if not self._waiting.acquire(blocking=False):
            raise Overloaded("too many feeds are waiting")
        try:
            left_ms = request.wait_ms
            rows: Any = []
            # Short waits, so that a drain or a cancelled call never holds a worker for long.
            while left_ms > 0 and not rows and not self._stopping.is_set() and context.is_active():
                slice_ms = min(left_ms, 500)
                if feed.wait(request.after, slice_ms / 1000):
                    rows = feed.read(request.after, request.limit or PAGE_ROWS_DEFAULT, 0.0)
                left_ms -= slice_ms
            return rows
        finally:
            self._waiting.release()
