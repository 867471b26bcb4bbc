"""Collects what a reconciliation holds against each other: the journals are read from their first event, and nothing that
notify remembers of them is believed.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import grpc
import psycopg
import structlog
from psycopg_pool import PoolTimeout

from guanhu.notify.v1 import reconciliation_events_pb2 as events
from services.kernel.clock import Clock
from services.kernel.codec import EventCodec
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.errors import Refusal, Unavailable
from services.kernel.feed import PAGE_ROWS_MAX, Feed
from services.kernel.journal import Recorded
from services.notify import obligation, subscription
from services.notify.demands import concerned, demanded
from services.notify.ledger import Ledger
from services.notify.obligation import Owe
from services.notify.parties import Parties
from services.notify.reconciliation import DECIDER, NAMED_MAX, Account, Books, of_case, reconcile
from services.notify.views import Obligations

OWN = "notify"
# After the night's backups and before the offices open.
DAILY_AT = time(2, tzinfo=CHINA_STANDARD_TIME)
LOOK_S = 60.0
VIEW_WAIT_S = 5.0
RECHECKS_MAX = 3


@dataclass(frozen=True, slots=True)
class Reconciled:
    """An account, and how far each journal was read for it."""

    account: Account
    heads: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DayAccount:
    """What is recorded of a day's reconciliation."""

    recorded_at: datetime
    discrepancies: int


class BookKeeper:
    """Reconciles on demand, one at a time, since each reads the journals whole; `start` also does it once a day."""

    def __init__(
        self,
        feeds: Mapping[str, Feed],
        codec: EventCodec,
        ledger: Ledger,
        obligations: Obligations,
        clock: Clock,
    ) -> None:
        self._feeds = feeds
        self._codec = codec
        self._ledger = ledger
        self._obligations = obligations
        self._clock = clock
        self._one = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger("guanhu.notify")

    def reconcile(self, case_id: str = "") -> Reconciled:
        """Holds the ledger against the journals as they are now; of one case, where one is named.

        Raises:
            Unavailable: another service's journal can't be read now.
        """
        with self._one:
            try:
                return self._reconcile(case_id)
            except grpc.RpcError:
                raise Unavailable("a journal that is reconciled can't be read") from None

    def step(self, now: datetime) -> bool:
        """Reconciles and records the day's account where that was not done yet; returns whether it did."""
        key = _account_of(now)
        if self._ledger.exists(DECIDER, key):
            return False
        done = self.reconcile()
        if done.account.discrepancies:
            self._log.error("messages are missing", day=key, discrepancies=len(done.account.discrepancies))
        self._ledger.record(DECIDER, key, recorded(done))
        return True

    def newest(self, now: datetime) -> DayAccount | None:
        """The newest daily account; None where neither this day nor the one before has any."""
        for key in (_account_of(now), _account_of(now - timedelta(days=1))):
            if found := self._ledger.first(DECIDER, key):
                return DayAccount(found[0], found[1].discrepancies)
        return None

    def start(self) -> None:
        """Starts the thread that reconciles once a day until `stop`; may be started again after that."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="reconcile", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self.step(self._clock.now())
            except (psycopg.Error, PoolTimeout, Refusal, grpc.RpcError) as error:
                self._log.info("reconciliation waits", error=type(error).__name__)

    def _reconcile(self, case_id: str) -> Reconciled:
        # The sources first: what they demand has become obligations, or is younger than the grace, when the ledger is read.
        heads = {origin: feed.head() for origin, feed in self._feeds.items()}
        others = {origin: list(self._rows(origin, heads[origin])) for origin in heads if origin != OWN}
        heads[OWN] = self._feeds[OWN].head()
        own = list(self._rows(OWN, heads[OWN]))
        ledger = _Folded(own, self._codec)
        demands: dict[str, Owe] = {}
        for origin, rows in {**others, OWN: own}.items():
            demands |= self._demands(origin, rows, ledger.subscriptions)
        self._obligations.view.follower.wait(heads[OWN], VIEW_WAIT_S)
        recorded, listed = self._settled(ledger.obligations)
        books = Books(demands, recorded, listed, heads)
        return Reconciled(reconcile(of_case(books, case_id), self._clock.now()), heads)

    def _rows(self, origin: str, head: int) -> Iterator[Recorded]:
        after = 0
        while after < head:
            rows = self._feeds[origin].read(after, PAGE_ROWS_MAX, 0.0)
            if not rows:
                return
            yield from (row for row in rows if row.position <= head)
            after = rows[-1].position

    def _demands(self, origin: str, rows: list[Recorded], subscriptions: Mapping[str, subscription.State]) -> dict[str, Owe]:
        found: dict[str, Owe] = {}
        parties: dict[str, Parties] = {}
        for row in rows:
            event = self._codec.clear_if_known(row) if concerned(origin, row) else None
            if event is None:
                continue
            before = parties.get(row.stream, Parties())
            demand = demanded(origin, row, event, before, lambda uscc: subscriptions.get(uscc, subscription.State()))
            parties[row.stream] = demand.parties
            found |= demand.owed
        return found

    def _settled(self, folded: dict[str, obligation.State]) -> tuple[dict[str, obligation.State], dict[str, int]]:
        """The obligations and what the view shows of them, looked at again where both moved on in between."""
        for _ in range(RECHECKS_MAX):
            listed = self._obligations.statuses()
            differing = [key for key, state in folded.items() if listed.get(key) != state.status]
            if not differing:
                break
            self._obligations.view.catch_up()
            folded |= {key: loaded.state for key, loaded in self._ledger.load(differing).items()}
        return folded, listed


class _Folded:
    """The ledger and the subscriptions as notify's own journal has them."""

    def __init__(self, rows: list[Recorded], codec: EventCodec) -> None:
        self.obligations: dict[str, obligation.State] = {}
        self.subscriptions: dict[str, subscription.State] = {}
        folds: dict[str, tuple[Any, dict[str, Any]]] = {
            obligation.DECIDER.category: (obligation.DECIDER, self.obligations),
            subscription.DECIDER.category: (subscription.DECIDER, self.subscriptions),
        }
        for row in rows:
            category, _, key = row.stream.partition("-")
            if category in folds:
                decider, states = folds[category]
                states[key] = decider.evolve(states.get(key, decider.initial), codec.clear(row))


def _account_of(now: datetime) -> str:
    """The day whose account is due at an instant."""
    local = now.astimezone(CHINA_STANDARD_TIME)
    if local.timetz() < DAILY_AT:
        local -= timedelta(days=1)
    return local.date().isoformat()


def recorded(done: Reconciled) -> events.LedgerReconciled:
    """The event that keeps an account."""
    return events.LedgerReconciled(
        heads=heads_of(done),
        pairs=done.account.pairs,
        discrepancies=len(done.account.discrepancies),
        named=done.account.discrepancies[:NAMED_MAX],
    )


def heads_of(done: Reconciled) -> list[events.JournalHead]:
    """How far each journal was read."""
    return [events.JournalHead(origin=origin, position=position) for origin, position in sorted(done.heads.items())]
