"""The coalescing appender: appends that wait at the same moment share one transaction."""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from services.kernel.batch import Append, Appended, Item, Outcome, claims
from services.kernel.errors import Overloaded, Unavailable

MAX_WAITING = 4096
MAX_BATCH_APPENDS = 256
# A batch of few but large appends ends early, so that the lock is not held for seconds.
MAX_BATCH_EVENTS = 4096
# How far behind a busy stream the leader looks for others to fill its batch.
MAX_LOOK_AHEAD = 1024


class Sender(Protocol):
    """Sends one batch; never called by two threads at once."""

    def send(self, items: Sequence[Item]) -> list[Outcome]: ...

    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Call:
    """One caller with its items. `wake` is held while the caller has neither its outcomes nor the lead."""

    items: Sequence[Item]
    outcomes: list[Outcome] = field(default_factory=list)
    pending: int = 0
    wake: Lock = field(default_factory=Lock)


@dataclass(slots=True, eq=False)
class _Ticket:
    """One item in the queue, with the place in its call that the outcome goes to."""

    call: _Call
    place: int
    claims: set[Hashable]


class Appender:
    """Forms batches by leader and followers: a caller that finds nobody leading sends what waits and hands the lead on.

    A batch holds a stream, a request and a followed journal at most once; later appends to them wait in their order.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._lock = Lock()
        self._queue: deque[_Ticket] = deque()
        self._led = False
        self._closed = False

    def append_many(self, items: Sequence[Item]) -> list[Outcome]:
        """Append each item by itself and return the outcomes in order; blocks until all are known.

        Raises: Overloaded when MAX_WAITING appends wait already; then none of the items was taken.
        """
        if not items:
            return []
        call = _Call(items, [Unavailable() for _ in items], len(items))
        call.wake.acquire()
        tickets = [_Ticket(call, place, claims(item)) for place, item in enumerate(items)]
        with self._lock:
            if self._closed:
                raise Unavailable("the journal is closed")
            if len(self._queue) + len(tickets) > MAX_WAITING:
                raise Overloaded()
            self._queue.extend(tickets)
            leads = not self._led
            self._led = True
        while call.pending:
            if not leads:
                call.wake.acquire()
                leads = bool(call.pending)
            else:
                leads = self._lead(call)
        return call.outcomes

    def close(self) -> None:
        """Refuse further appends. Those already waiting are sent; the last leader closes the sender."""
        with self._lock:
            self._closed = True
            idle = not self._led
        if idle:
            self._sender.close()

    def _lead(self, leader: _Call) -> bool:
        """Send one batch and hand the lead on; say whether the leader is to lead once more."""
        with self._lock:
            batch = self._take()
        outcomes: list[Outcome] = [Unavailable() for _ in batch]
        try:
            outcomes = self._sender.send([ticket.call.items[ticket.place] for ticket in batch])
        finally:
            # Also when the leader is interrupted: nobody may wait for ever for a leader that is gone.
            again = self._settle(leader, batch, outcomes)
        return again

    def _settle(self, leader: _Call, batch: list[_Ticket], outcomes: list[Outcome]) -> bool:
        finished: list[_Call] = []
        for ticket, outcome in zip(batch, outcomes, strict=True):
            ticket.call.outcomes[ticket.place] = outcome
            ticket.call.pending -= 1
            if not ticket.call.pending:
                finished.append(ticket.call)
        with self._lock:
            successor = self._queue[0].call if self._queue else None
            self._led = successor is not None
            ends = self._closed and successor is None
        if successor is not None and successor is not leader:
            # Woken before the finished ones, so that the next batch is on its way while those return.
            successor.wake.release()
        for call in finished:
            if call is not leader:
                call.wake.release()
        if ends:
            self._sender.close()
        return successor is leader

    def _take(self) -> list[_Ticket]:
        batch: list[_Ticket] = []
        postponed: list[_Ticket] = []
        claimed: set[Hashable] = set()
        events = 0
        while self._queue and len(batch) < MAX_BATCH_APPENDS and len(postponed) < MAX_LOOK_AHEAD:
            ticket = self._queue[0]
            size = _size(ticket.call.items[ticket.place])
            if batch and events + size > MAX_BATCH_EVENTS:
                break
            self._queue.popleft()
            if claimed.isdisjoint(ticket.claims):
                batch.append(ticket)
                events += size
            else:
                postponed.append(ticket)
            claimed |= ticket.claims
        self._queue.extendleft(reversed(postponed))
        return batch


def _size(item: Item) -> int:
    return len(item.drafts) if isinstance(item, Append) else len(item.events)


__all__ = ["Append", "Appended", "Appender"]
