"""The server around every call: draining, limits, deadlines, mutual TLS, and exceptions that never leak."""

import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from guanhu.journal.v1 import journal_service_pb2 as journalpb
from guanhu.journal.v1 import journal_service_pb2_grpc as journalrpc
from services.demo.client import Client
from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority
from services.kernel.errors import NotFound
from services.kernel.journalservice import WAITING_MAX
from services.kernel.rpc import DEADLINE_LEFT_MIN_S, reason_of
from services.kernel.server import MESSAGE_BYTES_MAX, WAITING_CALLS_MAX, WORKERS_MAX
from tests.contract.probe import SERVICE, WITHIN_S, Probe, both, stream, unary

CANARY = "金丝雀Kx9qZ"
# More calls than there are workers and places to wait, over connections that each take 100 at once.
CONNECTIONS, CALLS_EACH = 5, 90


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[Probe]:
    made = Probe(tmp_path / "authority")
    yield made
    made.release.set()
    made.server.stop()


def refused(call: Any) -> Any:
    """The error with which a call ends."""
    with pytest.raises(grpc.RpcError) as refusal:
        call()
    return refusal.value


def test_a_drain_answers_what_is_under_way_and_takes_nothing_new(probe: Probe) -> None:
    with probe.channel() as channel, probe.channel() as other:
        unary(other, "Run")(b"connected")
        under_way = unary(channel, "Hold").future(b"answer", timeout=WITHIN_S)
        assert probe.entered.acquire(timeout=WITHIN_S) and probe.entered.acquire(timeout=WITHIN_S)
        stopping = threading.Thread(target=probe.server.stop)
        stopping.start()
        assert probe.server.stopping.wait(WITHIN_S)
        # Either says that nothing was begun, and both are repeated by clients.
        assert refused(lambda: until_refused(other)).code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        probe.release.set()
        assert under_way.result() == b"answer"
        stopping.join(WITHIN_S)
        assert not stopping.is_alive()


def until_refused(channel: grpc.Channel) -> None:
    """Calls until a call is refused: between the beginning of a drain and the end of listening some may be taken."""
    for _ in range(10_000):
        unary(channel, "Run")(b"more", timeout=WITHIN_S)


def test_health_says_not_serving_as_soon_as_the_drain_begins(probe: Probe) -> None:
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    with probe.channel() as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=WITHIN_S).status == serving
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=WITHIN_S)
        assert next(watch).status == serving
        under_way = unary(channel, "Hold").future(b"", timeout=WITHIN_S)
        assert probe.entered.acquire(timeout=WITHIN_S)
        stopping = threading.Thread(target=probe.server.stop)
        stopping.start()
        assert next(watch).status == not_serving
        # The watch is no call to wait for: it ends while the other one is under way.
        assert list(watch) == []
        probe.release.set()
        assert under_way.result() == b""
        stopping.join(WITHIN_S)
        assert not stopping.is_alive()


def test_a_message_over_the_limit_is_refused_before_anything_reads_it(probe: Probe) -> None:
    with probe.channel() as channel:
        error = refused(lambda: unary(channel, "Run")(bytes(MESSAGE_BYTES_MAX + 1), timeout=WITHIN_S))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert probe.entries == 0
        assert len(unary(channel, "Run")(bytes(MESSAGE_BYTES_MAX - 1024), timeout=WITHIN_S)) == MESSAGE_BYTES_MAX - 1024


def test_calls_beyond_what_may_wait_are_told_when_to_come_back_and_the_others_are_answered(probe: Probe) -> None:
    accepted = WORKERS_MAX + WAITING_CALLS_MAX
    with ExitStack() as stack:
        channels = [stack.enter_context(probe.channel()) for _ in range(CONNECTIONS)]
        calls = [unary(channel, "Hold").future(b"", timeout=60) for channel in channels for _ in range(CALLS_EACH)]
        over = threading.Semaphore(0)
        for call in calls:
            call.add_done_callback(lambda _: over.release())
        for _ in range(len(calls) - accepted):
            assert over.acquire(timeout=WITHIN_S)
        probe.release.set()
        errors = [error for call in calls if (error := call.exception()) is not None]
    assert len(calls) - len(errors) == probe.entries == accepted
    for error in errors:
        assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert retry_after_ms(error) > 0


def retry_after_ms(error: Any) -> int:
    """The delay that a refusal gives; 0 where it gives none."""
    retry = error_details_pb2.RetryInfo()
    found = any(detail.Unpack(retry) for detail in rpc_status.from_call(error).details)
    return retry.retry_delay.ToMilliseconds() if found else 0


def test_feeds_that_wait_are_limited_and_the_next_one_is_told_when_to_come_back(client: Client) -> None:
    stub = journalrpc.JournalServiceStub(client.channel(""))
    request = journalpb.ReadRequest(origin="intake", after=1 << 60, wait_ms=20_000)
    over = threading.Semaphore(0)
    calls: list[Any] = [stub.Read.future(request, timeout=60) for _ in range(WAITING_MAX + 4)]
    for call in calls:
        call.add_done_callback(lambda _: over.release())
    for _ in range(4):
        assert over.acquire(timeout=WITHIN_S)
    error = next(call for call in calls if call.done()).exception()
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert retry_after_ms(error) > 0
    for call in calls:
        call.cancel()


def test_a_call_that_comes_with_too_little_time_is_not_begun(probe: Probe) -> None:
    with probe.channel() as channel:
        unary(channel, "Run")(b"", timeout=WITHIN_S)
        error = refused(lambda: unary(channel, "Run")(b"", timeout=DEADLINE_LEFT_MIN_S / 2))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert probe.entries == 1


@pytest.mark.parametrize(
    "error", [ValueError(CANARY), Exception(), Exception(CANARY), KeyError(CANARY), AssertionError(CANARY)]
)
@pytest.mark.parametrize("method", ["Run", "Stream"])
def test_an_exception_comes_back_as_internal_without_its_text(
    probe: Probe, log_lines: io.StringIO, method: str, error: Exception
) -> None:
    def fail() -> None:
        raise error

    probe.behaviour = fail
    with probe.channel() as channel:
        status = refused(lambda: unary(channel, "Run")(b"") if method == "Run" else list(stream(channel)(b"")))
    assert (status.code(), CANARY in str(status)) == (grpc.StatusCode.INTERNAL, False)
    assert status.details().startswith("internal error ")
    assert CANARY.removeprefix("金丝雀") not in log_lines.getvalue()
    reference = status.details().removeprefix("internal error ")
    assert f'"reference": "{reference}"' in log_lines.getvalue(), "the reference leads to the line in the log"


def test_a_refusal_in_the_middle_of_a_stream_comes_back_with_its_reason(probe: Probe) -> None:
    def refuse() -> None:
        raise NotFound

    probe.behaviour = refuse
    with probe.channel() as channel:
        assert reason_of(refused(lambda: list(stream(channel)(b"")))) == "SEALED_OR_NOT_FOUND"


def test_a_stream_that_its_caller_gives_up_is_no_failure_of_ours(probe: Probe, log_lines: io.StringIO) -> None:
    never = threading.Event()

    def requests() -> Iterator[bytes]:
        yield b"first"
        never.wait(WITHIN_S)

    with probe.channel() as channel:
        call = both(channel)(requests())
        assert next(call) == b"first"
        call.cancel()
        # Only then may the requests end: their end is another way for the call to be over.
        probe.server.stop()
        never.set()
    assert '"code": "CANCELLED"' in log_lines.getvalue()
    assert "call failed" not in log_lines.getvalue()


def test_without_a_certificate_of_the_authority_there_is_no_connection(probe: Probe, tmp_path: Path) -> None:
    stranger = DevAuthority.create_or_load(tmp_path / "stranger", SystemClock())
    key, chain = stranger.agency_credentials("111101080000001018")
    for credentials in (
        grpc.ssl_channel_credentials(probe.authority.ca_pem),
        grpc.ssl_channel_credentials(probe.authority.ca_pem, key, chain),
    ):
        with grpc.secure_channel(probe.address, credentials) as channel:
            error = refused(lambda channel=channel: unary(channel, "Run")(b"", timeout=WITHIN_S))
            assert error.code() == grpc.StatusCode.UNAVAILABLE
    with grpc.insecure_channel(probe.address) as channel:
        assert refused(lambda: unary(channel, "Run")(b"", timeout=WITHIN_S)).code() == grpc.StatusCode.UNAVAILABLE
    assert probe.entries == 0


def test_in_production_nobody_is_told_what_there_is(probe: Probe) -> None:
    # The probe does not reflect, as a server in production does not.
    with probe.channel() as channel:
        path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        error = refused(lambda: list(both(channel, path)(iter([b""]), timeout=WITHIN_S)))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
