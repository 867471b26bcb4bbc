"""Gauges: what is looked at whenever metrics are collected."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import grpc
import psycopg

from guanhu.journal.v1 import record_pb2
from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.dates import to_datetime
from services.kernel.errors import Unavailable
from services.kernel.follow import Follower
from services.kernel.leader import Leadership
from services.kernel.service import Service

Labelled = tuple[float, Mapping[str, str]]


def register(services: Mapping[str, Service], leaderships: Sequence[Leadership], clock: Clock) -> None:
    """Has the followers of the services looked at from now on."""

    def each_follower(read: Callable[[Follower], float]) -> Callable[[], Iterable[Labelled]]:
        return lambda: _read(services, read)

    metrics.observe(metrics.FOLLOWER_LAG_EVENTS, each_follower(_lag_events))
    metrics.observe(metrics.FOLLOWER_LAG_SECONDS, each_follower(lambda follower: _lag_seconds(follower, clock)))
    metrics.observe(metrics.PARKED_STREAMS, each_follower(lambda follower: len(follower.parked())))
    metrics.observe(metrics.LEADS, lambda: _leads(leaderships))


def _read(services: Mapping[str, Service], read: Callable[[Follower], float]) -> Iterator[Labelled]:
    for name, service in services.items():
        for follower in service.all_followers():
            try:
                yield read(follower), {"service": name, "follower": follower.name}
            except (grpc.RpcError, psycopg.OperationalError, Unavailable):
                # Its journal or its database is away; no value says so better than a wrong one.
                continue


def _lag_events(follower: Follower) -> float:
    return max(0, follower.feed.head() - follower.position())


def _lag_seconds(follower: Follower, clock: Clock) -> float:
    position = follower.position()
    # Reading for a follower that is at the end would wait for the one that waits for the next event.
    rows = follower.feed.read(position, 1, 0.0) if follower.feed.head() > position else ()
    if not rows:
        return 0.0
    recorded_at = to_datetime(record_pb2.Header.FromString(rows[0].header).recorded_at)
    return max(0.0, (clock.now() - recorded_at).total_seconds())


def _leads(leaderships: Sequence[Leadership]) -> Iterator[Labelled]:
    for leadership in leaderships:
        for name in leadership.leading:
            yield 1.0, {"service": leadership.service, "follower": name}
