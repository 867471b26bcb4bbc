"""The coalescing appender: appends that wait at the same moment share one transaction."""

import time
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
# A batch waits this long at a time for those whose appends have just ended, as long as they keep coming: a tenth of what a
# commit takes. Few batches of many cost less than many of few; beyond so many it gains nothing.
COMPANY_S = 0.00005
COMPANY_MAX = 16


class Sender(Protocol):
    """Sends one batch; never called by two threads at once."""

    def send(self, items: Sequence[Item]) -> list[Outcome]: ...

    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Call:
    """One caller with its items. `wake` is held while the caller has neither its outcomes nor the lead.

    `after` is who gets its outcomes from the same batch: each caller wakes the next, one at a time. Woken all at once, 32
    threads would fight for the interpreter and three quarters of an append's time would be theirs.
    """

    items: Sequence[Item]
    outcomes: list[Outcome | None]
    pending: int
    wake: Lock = field(default_factory=Lock)
    after: "_Call | None" = None


@dataclass(slots=True, eq=False)
class _Ticket:
    """One item in the queue, with the place in its call that the outcome goes to."""

    call: _Call
    place: int
    claims: set[Hashable]


class Appender:
    """Forms batches by leader and followers: a caller that finds nobody leading sends what waits and hands the lead on.

    A batch holds a stream, a request and a followed journal at most once; later appends to them wait in their order.
    Callers only add to the right of the queue and only the leader takes from it, so that nobody waits for a lock but to
    lead: with 64 writers, waiting for one cost more than the work it guarded.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._queue: deque[_Ticket] = deque()
        # Held as long as anybody leads; handed on with the lead, so not always released by the thread that took it.
        self._lead_taken = Lock()
        self._closed = False
        self._company = 0

    def append_many(self, items: Sequence[Item]) -> list[Outcome]:
        """Append each item by itself and return the outcomes in order; blocks until all are known.

        Raises: Overloaded when MAX_WAITING appends wait already; then none of the items was taken.
        """
        if not items:
            return []
        call = _Call(items, [None] * len(items), len(items))
        call.wake.acquire()
        tickets = [_Ticket(call, place, claims(item)) for place, item in enumerate(items)]
        if self._closed:
            raise Unavailable("the journal is closed")
        if len(self._queue) + len(tickets) > MAX_WAITING:
            raise Overloaded()
        self._queue.extend(tickets)
        leads = self._lead_taken.acquire(blocking=False)
        try:
            while call.pending:
                if leads:
                    leads = self._lead(call)
                else:
                    call.wake.acquire()
                    leads = bool(call.pending)
        finally:
            if call.after is not None:
                call.after.wake.release()
        return [outcome or Unavailable() for outcome in call.outcomes]

    def close(self) -> None:
        """Refuse further appends, and close the sender when those already waiting are sent."""
        self._closed = True
        self._lead_taken.acquire()
        successor = self._successor()
        if successor is not None:
            successor.wake.release()

    def _lead(self, leader: _Call) -> bool:
        """Send one batch and hand the lead on; say whether the leader is to lead once more."""
        self._wait_for_company()
        batch = self._take()
        # Those of the last batch and those who wait now: about as many as append at the same time.
        self._company = min(len(batch) + len(self._queue), COMPANY_MAX)
        outcomes: Sequence[Outcome | None] = [None] * len(batch)
        try:
            outcomes = self._sender.send([ticket.call.items[ticket.place] for ticket in batch])
        finally:
            # Also when the leader is interrupted: nobody may wait for ever for a leader that is gone.
            again = self._settle(leader, batch, outcomes)
        return again

    def _wait_for_company(self) -> None:
        """Lets the callers of the last batch come back before the next one goes, as long as they keep coming."""
        while 0 < (waiting := len(self._queue)) < self._company:
            time.sleep(COMPANY_S)
            if len(self._queue) == waiting:
                break

    def _settle(self, leader: _Call, batch: list[_Ticket], outcomes: Sequence[Outcome | None]) -> bool:
        finished: list[_Call] = []
        for ticket, outcome in zip(batch, outcomes, strict=True):
            ticket.call.outcomes[ticket.place] = outcome
            ticket.call.pending -= 1
            if not ticket.call.pending:
                finished.append(ticket.call)
        successor = self._successor()
        if successor is not None and successor is not leader:
            # Woken before the finished ones, so that the next batch is on its way while those return.
            successor.wake.release()
        others = [call for call in finished if call is not leader]
        for call, after in pairwise(others):
            call.after = after
        if others:
            others[0].wake.release()
        return successor is leader

    def _successor(self) -> _Call | None:
        """Who is to lead next; when nobody waits, the lead is given up."""
        while not self._queue:
            if self._closed:
                self._sender.close()
            self._lead_taken.release()
            # Whoever came after the look at the queue either took the lead or is found here.
            if not self._queue or not self._lead_taken.acquire(blocking=False):
                return None
        return self._queue[0].call

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
