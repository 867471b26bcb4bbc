"""Traces and metrics by OpenTelemetry, where an endpoint for them is set. Attributes are method, code and reason only.

A trace goes on through the journal: the header of an event carries the context of the call that recorded it, and whatever a
follower does about the event happens in that context.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry import context, metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from guanhu.journal.v1 import record_pb2
from services.kernel.config import Config
from services.kernel.journal import Recorded

_PROPAGATOR = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("guanhu")

if TYPE_CHECKING:
    _ClientInterceptor = grpc.UnaryUnaryClientInterceptor[Any, Any]
else:
    # Generic in its stubs only.
    _ClientInterceptor = grpc.UnaryUnaryClientInterceptor


def configure(config: Config, service: str) -> Callable[[], None]:
    """Sends traces and metrics to `otlp_endpoint`; returns what sends the rest at the end.

    Without an endpoint nothing is collected at all.
    """
    if not config.otlp_endpoint:
        return lambda: None
    resource = Resource.create({"service.name": service, "service.namespace": "guanhu"})
    tracing = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(float(config.trace_share)))
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=config.otlp_endpoint)))
    trace.set_tracer_provider(tracing)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=config.otlp_endpoint))
    metering = MeterProvider(resource=resource, metric_readers=[reader])
    metrics.set_meter_provider(metering)

    def finish() -> None:
        tracing.shutdown()
        metering.shutdown()

    return finish


def context_of(trace_parent: str) -> context.Context:
    """The context that a `traceparent` stands for."""
    return _PROPAGATOR.extract({"traceparent": trace_parent} if trace_parent else {})


def trace_parent_of(above: context.Context | None = None) -> str:
    """The `traceparent` that stands for a context, by default the present one; "" where nothing is traced."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, above)
    return carrier.get("traceparent", "")


@contextmanager
def because_of(row: Recorded) -> Iterator[None]:
    """What happens within belongs to the trace that recorded the row."""
    parent = record_pb2.Header.FromString(row.header).trace_parent
    if not parent:
        yield
        return
    token = context.attach(context_of(parent))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def span(name: str, kind: trace.SpanKind = trace.SpanKind.INTERNAL) -> Iterator[None]:
    """A span below the present one; none where nothing above is traced, so that polling makes no traces."""
    if not trace.get_current_span().get_span_context().is_valid:
        yield
        return
    # An exception's text may hold personal values: neither it nor its traceback is recorded.
    with _tracer.start_as_current_span(name, kind=kind, record_exception=False, set_status_on_exception=False):
        yield


class TracedCalls(_ClientInterceptor):
    """Carries the present trace along with the calls of a channel."""

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Adds the `traceparent` of a client span."""
        method = client_call_details.method
        if isinstance(method, bytes):
            method = method.decode()
        with span(method, trace.SpanKind.CLIENT):
            parent = trace_parent_of()
            if not parent:
                return continuation(client_call_details, request)
            metadata = [*(client_call_details.metadata or ()), ("traceparent", parent)]
            return continuation(client_call_details._replace(metadata=metadata), request)
