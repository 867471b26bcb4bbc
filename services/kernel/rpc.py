"""What surrounds every call: firewall, deadline, identity, one log line, and refusals as gRPC statuses.

The order is part of the design: the firewall is outermost, so that no exception's text ever reaches a client.
"""

from __future__ import annotations

import contextvars
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import psycopg
import structlog
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from opentelemetry import context as tracing
from opentelemetry import trace

from services.kernel import metrics, telemetry
from services.kernel.errors import Invalid, Overloaded, Refusal, Unavailable, Violation
from services.kernel.handler import Call
from services.kernel.identity import Authenticator

ERROR_DOMAIN = "guanhu"
DEADLINE_LEFT_MIN_S = 0.02
SHEDDERS = 2
OPEN_METHODS = ("/grpc.health.v1.Health/", "/grpc.reflection.")

if TYPE_CHECKING:
    _Interceptor = grpc.ServerInterceptor[Any, Any]
else:
    # Generic in its stubs only.
    _Interceptor = grpc.ServerInterceptor

_call: contextvars.ContextVar[Call] = contextvars.ContextVar("call")
_log = structlog.get_logger("guanhu.rpc")
_tracer = trace.get_tracer("guanhu")


def current_call() -> Call:
    """The call that the present thread serves."""
    return _call.get()


def status_of(refusal: Refusal) -> status_pb2.Status:
    """The canonical status of a refusal, with ErrorInfo, field violations and retry delay."""
    details: list[Any] = [
        error_details_pb2.ErrorInfo(
            reason=refusal.reason, domain=ERROR_DOMAIN, metadata={"rule": refusal.rule} if refusal.rule else {}
        )
    ]
    if refusal.violations:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description)
                    for v in refusal.violations
                ]
            )
        )
    if refusal.retry_after_s:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(refusal.retry_after_s * 1000))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        item = any_pb2.Any()
        item.Pack(detail)
        packed.append(item)
    return status_pb2.Status(code=code_pb2.Code.Value(refusal.code), message=refusal.message, details=packed)


def reason_of(error: grpc.RpcError) -> str:
    """The stable reason that a refused call carries; the name of its code where it carries none."""
    call: Any = error
    status = rpc_status.from_call(call)
    for detail in status.details if status is not None else ():
        found = error_details_pb2.ErrorInfo()
        if detail.Unpack(found):
            return str(found.reason)
    return str(call.code().name)


class Gate(_Interceptor):
    """The one interceptor: every method of every service runs inside it."""

    def __init__(self, authenticator: Authenticator, full: Callable[[], bool]) -> None:
        self._authenticator = authenticator
        self._full = full
        self._shed = _Shed()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the method's behaviour; methods that do not exist stay unimplemented."""
        method = handler_call_details.method
        handler = continuation(handler_call_details)
        if handler is None or method.startswith(OPEN_METHODS):
            return handler
        if self._full():
            # Asked before the call is queued; the messages of the call are not even read.
            return grpc.stream_stream_rpc_method_handler(self._shed)
        if handler.response_streaming:
            behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream
            wrap: Any = grpc.stream_stream_rpc_method_handler if handler.request_streaming else None
            wrap = wrap or grpc.unary_stream_rpc_method_handler
            return wrap(  # type: ignore[no-any-return]
                self._streaming(method, behaviour),
                request_deserializer=_tolerant(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._unary(method, handler.unary_unary),
            request_deserializer=_tolerant(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _unary(self, method: str, behaviour: Any) -> Any:
        def guarded(request: Any, context: grpc.ServicerContext) -> Any:
            with _Guard(method, context, self._authenticator):
                return behaviour(_wellformed(request), context)

        return guarded

    def _streaming(self, method: str, behaviour: Any) -> Any:
        def guarded(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with _Guard(method, context, self._authenticator):
                # A streaming request is an iterator; each of its messages is checked when it is read.
                read = map(_wellformed, request) if isinstance(request, Iterator) else _wellformed(request)
                yield from behaviour(read, context)

        return guarded


class _Shed:
    """Answers that all are busy, in threads that gRPC takes for it because of the attribute's name."""

    def __init__(self) -> None:
        self.experimental_thread_pool = ThreadPoolExecutor(SHEDDERS, thread_name_prefix="shed")

    def __call__(self, _: Any, context: grpc.ServicerContext) -> Iterator[bytes]:
        metrics.calls_shed.add(1)
        context.abort_with_status(rpc_status.to_status(status_of(Overloaded("too many calls are waiting"))))
        yield b""


class _Guard:
    """One call from identity to status; used as a context so that unary and streaming calls share it."""

    def __init__(self, method: str, context: grpc.ServicerContext, authenticator: Authenticator) -> None:
        self._method = method
        self._context = context
        self._authenticator = authenticator
        self._began = time.monotonic()
        self._caller = ""
        self._aborting = False
        self._span: trace.Span | None = None
        self._attached: Any = None

    def __enter__(self) -> None:
        try:
            left = self._context.time_remaining()
            # Without a deadline (some clients can't set one) the server's own limits bound every wait.
            if left is not None and left < DEADLINE_LEFT_MIN_S:
                self._end(grpc.StatusCode.DEADLINE_EXCEEDED.name)
                self._aborting = True
                self._context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "too little time is left")
            principal = self._authenticator.authenticate(self._context)
            self._caller = principal.caller
            metadata = dict(self._context.invocation_metadata() or ())
            _call.set(Call(principal, self._span_below(str(metadata.get("traceparent", ""))[:64])))
        except Refusal as refusal:
            self._refuse(refusal)
        except Exception as error:
            if self._aborting:
                raise
            self._fail(error)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: Any) -> None:
        if error is None:
            self._end("OK")
            return
        if isinstance(error, Refusal):
            self._refuse(error)
        if isinstance(error, psycopg.OperationalError):
            # The database is away or restarting: nothing is wrong with the call, and its repeat is safe.
            self._refuse(Unavailable("the database cannot be reached"))
        if isinstance(error, GeneratorExit) or (isinstance(error, grpc.RpcError) and not self._context.is_active()):
            # The caller has gone while a stream was under way: nobody is left to be answered.
            self._end("CANCELLED")
            return
        self._fail(error)

    def _refuse(self, refusal: Refusal) -> NoReturn:
        self._end(refusal.code, refusal.reason)
        self._aborting = True
        # Without a cause: the status of an abort must not drag the refusal's traceback into grpcio's own log.
        self._context.abort_with_status(rpc_status.to_status(status_of(refusal)))
        raise AssertionError("abort returns")

    def _fail(self, error: BaseException) -> NoReturn:
        reference = secrets.token_hex(6)
        # The text of the exception may hold personal values: only its kind and where it was raised are logged.
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        _log.error(
            "call failed",
            method=self._method,
            reference=reference,
            error=type(error).__name__,
            file=where.tb_frame.f_code.co_filename.rsplit("/", 2)[-1] if where else "",
            line=where.tb_lineno if where else 0,
        )
        self._end("INTERNAL", reference)
        self._aborting = True
        self._context.abort(grpc.StatusCode.INTERNAL, f"internal error {reference}")
        raise AssertionError("abort returns")

    def _end(self, code: str, reason: str = "") -> None:
        seconds = time.monotonic() - self._began
        # A follower's poll is no news; everything else is one line.
        say = _log.debug if self._method.endswith("JournalService/Read") and code == "OK" else _log.info
        say("call", method=self._method, caller=self._caller, code=code, reason=reason, ms=round(seconds * 1000, 2))
        metrics.rpc_duration.record(seconds, {"method": self._method, "code": code})
        if self._span is not None:
            self._span.set_attributes({"rpc.method": self._method, "rpc.code": code, "guanhu.reason": reason})
            self._span.end()
            self._span = None
            tracing.detach(self._attached)

    def _span_below(self, parent: str) -> str:
        """Starts the call's span below the caller's; returns what the events of the call point back to."""
        self._span = _tracer.start_span(self._method, telemetry.context_of(parent), kind=trace.SpanKind.SERVER)
        below = trace.set_span_in_context(self._span)
        self._attached = tracing.attach(below)
        return telemetry.trace_parent_of(below) or parent


class _Malformed:
    """Stands for bytes that are no message, until the guard can refuse them as it refuses everything else."""


def _tolerant(deserialise: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    # Without this, grpcio answers malformed bytes by itself: INTERNAL, outside the firewall and unlogged.
    def read(data: bytes) -> Any:
        try:
            return deserialise(data) if deserialise else data
        except DecodeError:
            return _Malformed()

    return read


def _wellformed(request: Any) -> Any:
    if isinstance(request, _Malformed):
        raise Invalid(Violation("", "the bytes are no message of this type"))
    return request
