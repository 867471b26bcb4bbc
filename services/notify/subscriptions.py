"""The subscriptions of all agencies as their streams have them, read again at most once a second."""

import threading
from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.handler import Handler
from services.notify.subscription import SETTLE, State

# Well below the time that a subscription takes to hold: what a follower must know, it knows.
FRESH = SETTLE / 5
AGENCIES_MAX = 2_000


class KnownSubscriptions:
    """Folds an agency's stream when it is asked for, and keeps it for a moment."""

    def __init__(self, handler: Handler[State], clock: Clock) -> None:
        self._handler = handler
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[datetime, State]] = {}

    def of(self, uscc: str) -> State:
        """What an agency has subscribed to."""
        now = self._clock.now()
        with self._lock:
            kept = self._kept.get(uscc)
        if kept is not None and timedelta() <= now - kept[0] < FRESH:
            return kept[1]
        return self.newest(uscc)

    def newest(self, uscc: str) -> State:
        """What an agency has subscribed to by now."""
        now = self._clock.now()
        state = self._handler.load(uscc).state
        with self._lock:
            if len(self._kept) >= AGENCIES_MAX:
                self._kept.clear()
            self._kept[uscc] = (now, state)
        return state
