"""What is looked at in notify whenever metrics are collected."""

from collections.abc import Iterator

from services.kernel.clock import Clock
from services.kernel.metrics import Gauges, Labelled
from services.notify import metrics
from services.notify.books import BookKeeper
from services.notify.views import Obligations


def gauges(listed: Obligations, books: BookKeeper, clock: Clock) -> Gauges:
    """What waits for delivery, and what the newest daily account says."""

    def undelivered() -> Iterator[Labelled]:
        yield listed.waiting()[0], {}

    def oldest() -> Iterator[Labelled]:
        since = listed.waiting()[1]
        yield max(0.0, (clock.now() - since).total_seconds()) if since else 0.0, {}

    def missing() -> Iterator[Labelled]:
        if (account := books.newest(clock.now())) is not None:
            yield account.discrepancies, {}

    def age() -> Iterator[Labelled]:
        if (account := books.newest(clock.now())) is not None:
            yield max(0.0, (clock.now() - account.recorded_at).total_seconds()), {}

    return {
        metrics.UNDELIVERED: undelivered,
        metrics.OLDEST: oldest,
        metrics.MISSING: missing,
        metrics.RECONCILED: age,
    }
