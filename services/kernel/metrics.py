"""Every metric, by its Prometheus name. Attributes are methods, codes and names of followers; never anything of a case."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

_meter = metrics.get_meter("guanhu")


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric is called, counted in, and about."""

    name: str
    unit: str
    about: str


# A value with its attributes, and what is looked at whenever metrics are collected.
Labelled = tuple[float, Mapping[str, str]]
Gauges = Mapping[Metric, Callable[[], Iterable[Labelled]]]

RPC_DURATION = Metric("guanhu_rpc_duration_seconds", "s", "time that calls took, by method and code; its count is their rate")
CALLS_SHED = Metric("guanhu_calls_shed_total", "1", "calls answered with RESOURCE_EXHAUSTED because too many waited")
APPEND_BATCH_SIZE = Metric("guanhu_append_batch_appends", "1", "appends that shared one transaction, by journal")
APPEND_DURATION = Metric("guanhu_append_duration_seconds", "s", "time from an append to its acknowledgement, by journal")
FOLLOWED_EVENTS = Metric("guanhu_followed_events_total", "1", "events that followers took in, by follower")
UNKNOWN_EVENTS = Metric(
    "guanhu_unknown_events_total", "1", "events that a view passed over because their type is unknown to it"
)
FOLLOWER_LAG_EVENTS = Metric("guanhu_follower_lag_events", "1", "events that a follower has not taken in yet")
FOLLOWER_LAG_SECONDS = Metric("guanhu_follower_lag_seconds", "s", "age of the oldest event that a follower has not taken in")
PARKED_STREAMS = Metric("guanhu_parked_streams", "1", "streams that a follower could not take in and an operator must re-drive")
LEADS = Metric("guanhu_follower_leads", "1", "1 where this process runs the follower")
DEADLINE_LATE = Metric(
    "guanhu_deadline_late_seconds",
    "s",
    "time from a due point to its record, by service and kind (warning or lapse); its count is how many were passed",
)
DEADLINE_POINTS_DUE = Metric("guanhu_deadline_points_due", "1", "due points that are over and not recorded yet, by service")
DEADLINES_OPEN = Metric("guanhu_deadlines_open", "1", "clocks that nobody has met or waived, by service and status")

ALL = (
    RPC_DURATION,
    CALLS_SHED,
    APPEND_BATCH_SIZE,
    APPEND_DURATION,
    FOLLOWED_EVENTS,
    UNKNOWN_EVENTS,
    FOLLOWER_LAG_EVENTS,
    FOLLOWER_LAG_SECONDS,
    PARKED_STREAMS,
    LEADS,
    DEADLINE_LATE,
    DEADLINE_POINTS_DUE,
    DEADLINES_OPEN,
)

# Bounds of the histograms: from a call that does nothing to the longest deadline, from the next poll to a day, and batches in
# powers of four.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
DELAYS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0, 3_600.0, 21_600.0, 86_400.0)
_SIZES = (1, 4, 16, 64, 256, 1024)


def counter(metric: Metric) -> metrics.Counter:
    """Counts what happens."""
    return _meter.create_counter(metric.name, metric.unit, metric.about)


def histogram(metric: Metric, bounds: Iterable[float]) -> metrics.Histogram:
    """Counts values by bounds that they do not exceed."""
    return _meter.create_histogram(
        metric.name, metric.unit, metric.about, explicit_bucket_boundaries_advisory=[float(bound) for bound in bounds]
    )


rpc_duration = histogram(RPC_DURATION, _SECONDS)
calls_shed = counter(CALLS_SHED)
append_batch_size = histogram(APPEND_BATCH_SIZE, _SIZES)
append_duration = histogram(APPEND_DURATION, _SECONDS)
followed_events = counter(FOLLOWED_EVENTS)
unknown_events = counter(UNKNOWN_EVENTS)
deadline_late = histogram(DEADLINE_LATE, DELAYS)


def observe(metric: Metric, read: Callable[[], Iterable[Labelled]]) -> None:
    """Reads a gauge whenever metrics are collected; `read` returns values with their attributes."""

    def observations(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, dict(attributes)) for value, attributes in read()]

    _meter.create_observable_gauge(metric.name, [observations], metric.unit, metric.about)
