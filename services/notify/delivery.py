"""Delivers what is owed: one turn for each agency at a time, in the order of its messages, and never one behind another's.

The queue is the ledger's view, so it survives everything. An attempt is recorded before it is made and after. A turn ends
at the first failure (order is kept) or when its time is over (others get their turn). Agencies that fail or answer slowly
share a part of the threads, so that healthy ones always find one.
"""

import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
import structlog
from psycopg_pool import ConnectionPool, PoolTimeout

from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.clock import Clock
from services.kernel.errors import Refusal
from services.kernel.handler import Handler
from services.kernel.journal import Journal
from services.notify.channels import ORDER, Channels, Outgoing, Result
from services.notify.ledger import Done, Ledger
from services.notify.obligation import Begin, Finish, Overdue
from services.notify.subscription import State as Subscriptions
from services.notify.views import Line, Obligations

THREADS = 16
# Of the threads, those that failing and slow agencies share.
THREADS_FOR_SLOW = THREADS // 2
BATCH_MAX = 64
TURN_S = 4.0
# An agency whose messages take longer than this each is slow.
SLOW_S = 0.5
OVERDUE_MAX = 500
IDLE_S = 0.5
STEP_S = 0.03
VIEW_WAIT_S = 5.0


@dataclass
class _Pace:
    """How an agency answered last: messages that may be begun at once, and whether it shares the threads for slow ones."""

    batch: int = 1
    slow: bool = False
    served: float = 0.0


class DeliveryWorker:
    """The worker; `step` starts the turns that are due, `start` steps until `stop`."""

    def __init__(
        self,
        obligations: Obligations,
        ledger: Ledger,
        agencies: Handler[Subscriptions],
        channels: Channels,
        journal: Journal,
        pool: ConnectionPool,
        clock: Clock,
    ) -> None:
        self._obligations = obligations
        self._ledger = ledger
        self._agencies = agencies
        self._channels = channels
        self._journal = journal
        self._pool = pool
        self._clock = clock
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._running: dict[str, Future[None]] = {}
        self._paces: dict[str, _Pace] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger("guanhu.notify")

    def start(self) -> None:
        """Starts the threads that deliver until `stop`; may be started again after that."""
        self._stop.clear()
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="deliver")
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; attempts under way are finished and recorded."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def step(self, now: datetime) -> int:
        """Alerts senders of overdue receipts and starts the turns that are due; returns how many it started."""
        overdue = self._obligations.overdue(now, OVERDUE_MAX)
        if overdue:
            self._reach(self._ledger.execute({obligation_id: Overdue() for obligation_id in overdue}).values())
        started = 0
        for uscc in self._by_turn(self._obligations.recipients_due(now)):
            started += self._begin_turn(uscc)
        return started

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                head = self._journal.head()
                # The queue is a view: what it does not hold yet would be looked for only when the next event comes.
                held = self._obligations.view.follower.wait(head, IDLE_S)
                if not self.step(self._clock.now()):
                    self._pause(head, looks_again=not held)
            except (psycopg.Error, PoolTimeout, Refusal) as error:
                self._log.info("delivery waits", error=type(error).__name__)
                self._stop.wait(IDLE_S)

    def _pause(self, head: int, *, looks_again: bool) -> None:
        """Waits for an event or until something is due; what is due and could not be begun is looked at again in a moment."""
        due: datetime | None = None
        for rests in itertools.count():
            if self._stop.is_set() or self._journal.wait(head, IDLE_S) > head or looks_again:
                break
            # Without an event the queue stays as it is; only the clock goes on, or jumps.
            due = due if rests else self._obligations.next_due()
            if due is not None and due <= self._clock.now():
                break
        # Deliveries are events too: without this a busy turn would have the queue looked at for each of them.
        self._stop.wait(STEP_S)

    def _by_turn(self, due: Sequence[str]) -> list[str]:
        with self._lock:
            return sorted(due, key=lambda uscc: self._paces.setdefault(uscc, _Pace()).served)

    def _begin_turn(self, uscc: str) -> bool:
        with self._lock:
            assert self._executor is not None
            if uscc in self._running or len(self._running) >= THREADS or self._stop.is_set():
                return False
            slow = sum(self._paces[running].slow for running in self._running)
            if self._paces[uscc].slow and slow >= THREADS_FOR_SLOW:
                return False
            self._paces[uscc].served = time.monotonic()
            self._running[uscc] = self._executor.submit(self._turn, uscc)
        return True

    def _turn(self, uscc: str) -> None:
        try:
            with self._alone(uscc) as alone:
                ends = time.monotonic() + TURN_S
                if not alone:
                    self._stop.wait(IDLE_S)
                while alone and time.monotonic() < ends and not self._stop.is_set() and self._batch(uscc, ends):
                    pass
        except (psycopg.Error, PoolTimeout, Refusal) as error:
            # The database is away: what was begun is found open and made again.
            self._log.info("turn broken off", error=type(error).__name__)
            self._stop.wait(IDLE_S)
        except Exception as error:
            # One agency's turn must never end the deliveries to the others.
            self._log.error("turn failed", error=type(error).__name__)
            self._stop.wait(IDLE_S)
        finally:
            with self._lock:
                self._running.pop(uscc, None)

    def _batch(self, uscc: str, ends: float) -> bool:
        """Delivers the next messages of an agency; returns whether more may follow at once."""
        now = self._clock.now()
        pace = self._paces[uscc]
        lines = _due(self._obligations.undelivered(uscc, pace.batch), now)
        if not lines:
            return False
        to = self._agencies.load(uscc).state
        channels = tuple(channel for channel in ORDER if channel in to.endpoints and channel in self._channels)
        begun = self._ledger.execute({line.obligation_id: Begin(channels) for line in lines})
        sending = [line for line in lines if (done := begun[line.obligation_id]).events and done.state.under_way]
        finishes, failed, took_s = self._send(sending, begun, to, ends)
        finished = self._ledger.execute(finishes) if finishes else {}
        self._reach([*begun.values(), *finished.values()])
        pace.slow = failed or took_s > SLOW_S
        pace.batch = 1 if failed else max(1, min(BATCH_MAX, pace.batch * 2, int(TURN_S / 2 / max(took_s, 0.001))))
        return not failed and any(done.events for done in begun.values())

    def _send(
        self, lines: Sequence[Line], begun: dict[str, Done], to: Subscriptions, ends: float
    ) -> tuple[dict[str, Finish], bool, float]:
        """Sends in order until one fails; returns the outcomes, whether one failed, and the mean seconds for one."""
        finishes: dict[str, Finish] = {}
        failed, sent, began = False, 0, time.monotonic()
        for line in lines:
            state = begun[line.obligation_id].state
            result = Result(events.ATTEMPT_OUTCOME_NOT_SENT)
            if not failed and (not sent or time.monotonic() < ends):
                assert state.owed is not None
                message = Outgoing(line.position, state.owed, self._clock.now())
                result = self._try(state.channel, message, to)
                sent += 1
                failed = result.outcome != events.ATTEMPT_OUTCOME_DELIVERED
            finishes[line.obligation_id] = Finish(state.under_way, result.outcome, result.status_code)
        return finishes, failed, (time.monotonic() - began) / max(sent, 1)

    def _try(self, channel: "subscriptions.Channel.ValueType", message: Outgoing, to: Subscriptions) -> Result:
        try:
            return self._channels[channel].send(message, to)
        except Exception as error:
            # A fault of ours, not of the receiver; its text may hold anything, so only its kind is logged.
            self._log.error("channel failed", channel=channel, error=type(error).__name__)
            return Result(events.ATTEMPT_OUTCOME_UNKNOWN)

    def _reach(self, done: Iterable[Done]) -> None:
        # The queue is read from the view: it must know what was recorded before it is asked again.
        position = max((one.position for one in done), default=0)
        if position:
            self._obligations.view.follower.wait(position, VIEW_WAIT_S)

    @contextmanager
    def _alone(self, uscc: str) -> Iterator[bool]:
        """Whether no other process delivers to the agency; the database frees the lock of a process that is gone."""
        with self._pool.connection() as conn:
            query = "select pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
            found = conn.execute(query, [f"notify:deliver:{uscc}"]).fetchone()
            yield bool(found and found[0])


def _due(lines: Sequence[Line], now: datetime) -> list[Line]:
    """The messages up to the first that is not due: order is kept."""
    due: list[Line] = []
    for line in lines:
        if line.due_at > now:
            break
        due.append(line)
    return due
