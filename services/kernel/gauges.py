"""Gauges: what is looked at whenever metrics are collected."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import grpc
import psycopg
from psycopg_pool import PoolTimeout

from guanhu.deadline.v1 import deadline_service_pb2 as deadlines
from guanhu.journal.v1 import record_pb2
from services.kernel import metrics
from services.kernel.clock import Clock
from services.kernel.clocks import Clocks
from services.kernel.dates import to_datetime
from services.kernel.errors import Unavailable
from services.kernel.follow import Follower
from services.kernel.leader import Leadership
from services.kernel.metrics import Labelled
from services.kernel.service import Service


def register(services: Mapping[str, Service], leaderships: Sequence[Leadership], clock: Clock) -> None:
    """Has the services looked at from now on."""

    def each_follower(read: Callable[[Follower], float]) -> Callable[[], Iterable[Labelled]]:
        return lambda: _read(services, read)

    metrics.observe(metrics.FOLLOWER_LAG_EVENTS, each_follower(_lag_events))
    metrics.observe(metrics.FOLLOWER_LAG_SECONDS, each_follower(lambda follower: _lag_seconds(follower, clock)))
    metrics.observe(metrics.PARKED_STREAMS, each_follower(lambda follower: len(follower.parked())))
    metrics.observe(metrics.LEADS, lambda: _leads(leaderships))
    clocks = {name: service.clocks for name, service in services.items() if service.clocks is not None}
    metrics.observe(metrics.DEADLINE_POINTS_DUE, lambda: _there(_points_due(clocks, clock)))
    metrics.observe(metrics.DEADLINES_OPEN, lambda: _there(_open_deadlines(clocks)))
    for service in services.values():
        for metric, read in service.gauges.items():
            metrics.observe(metric, lambda read=read: _there(read()))  # type: ignore[misc]


def _there(values: Iterable[Labelled]) -> Iterator[Labelled]:
    """The values as far as they can be read: while a journal or the database is away, none says so better than a wrong one."""
    try:
        yield from values
    except (grpc.RpcError, psycopg.OperationalError, PoolTimeout, Unavailable):
        return


def _read(services: Mapping[str, Service], read: Callable[[Follower], float]) -> Iterator[Labelled]:
    for name, service in services.items():
        for follower in service.all_followers():
            yield from _there((read(one), {"service": name, "follower": one.name}) for one in (follower,))


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


def _points_due(clocks: Mapping[str, Clocks], clock: Clock) -> Iterator[Labelled]:
    for name, kept in clocks.items():
        yield kept.listed.points_due(clock.now()), {"service": name}


def _open_deadlines(clocks: Mapping[str, Clocks]) -> Iterator[Labelled]:
    for name, kept in clocks.items():
        for status, number in kept.listed.open_by_status().items():
            label = deadlines.DeadlineStatus.Name(status).removeprefix("DEADLINE_STATUS_")  # type: ignore[arg-type]
            yield number, {"service": name, "status": label}
