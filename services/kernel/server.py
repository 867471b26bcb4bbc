"""The gRPC server: limits, mutual TLS, health, reflection, and a drain that loses no acknowledged command."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.kernel.identity import Authenticator
from services.kernel.rpc import Gate

WORKERS_MAX = 48
# Calls that may wait for a worker: about a third of a second of work. Beyond it a caller is told at once to come back.
WAITING_CALLS_MAX = 200
# The last line, where even saying so would be too much; gRPC then refuses by itself, without a delay.
CONCURRENT_RPCS_MAX = 2_000
MESSAGE_BYTES_MAX = 2 * 1024 * 1024
DRAIN_S = 15.0
# Threads of the port for health checks: a check and a watch beside it.
HEALTH_WORKERS = 2

OPTIONS: Sequence[tuple[str, Any]] = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    # The feed and exports send more than they receive; pages are cut by rows, chunks by bytes.
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.max_concurrent_streams", 100),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    # Two servers on one port would share calls at random.
    ("grpc.so_reuseport", 0),
)


class Workers(ThreadPoolExecutor):
    """Threads that serve calls; knows how many calls wait for one."""

    def __init__(self) -> None:
        super().__init__(WORKERS_MAX, thread_name_prefix="rpc")
        self._count = threading.Lock()
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether so many calls wait that another one must come back later."""
        return self._waiting >= WAITING_CALLS_MAX

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Has a thread do the work as soon as one is free."""
        with self._count:
            self._waiting += 1

        def begin() -> Any:
            with self._count:
                self._waiting -= 1
            return work(*args, **kwargs)

        return super().submit(begin)


class Server:
    """One listening server; services register before `start`, and `stopping` is set when it drains."""

    def __init__(self, authenticator: Authenticator, *, reflect: bool = True, stopping: threading.Event | None = None) -> None:
        self._pool = Workers()
        gate = Gate(authenticator, full=lambda: self._pool.full)
        self._server = grpc.server(
            self._pool, interceptors=[gate], options=OPTIONS, maximum_concurrent_rpcs=CONCURRENT_RPCS_MAX
        )
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names: list[str] = []
        self._reflect = reflect
        self._health_port: grpc.Server | None = None
        self.stopping = stopping or threading.Event()

    def register(self, name: str, handler: "grpc.GenericRpcHandler[Any, Any]") -> None:
        """Adds a service by its full proto name."""
        self._server.add_generic_rpc_handlers((handler,))
        self._names.append(name)

    def start(self, address: str, credentials: grpc.ServerCredentials) -> int:
        """Listens with mutual TLS and returns the port.

        Raises:
            OSError: the address can't be listened on.
        """
        if self._reflect:
            names = (*self._names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        try:
            port = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        self._server.start()
        for name in ("", *self._names):
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        return int(port)

    def start_health(self, address: str) -> int:
        """Answers health checks, and nothing else, without TLS; returns the port.

        Kubelet's gRPC probe can't show a certificate. The port has threads of its own, so that a server which sheds load is
        not taken for a dead one.

        Raises:
            OSError: the address can't be listened on.
        """
        server = grpc.server(ThreadPoolExecutor(HEALTH_WORKERS, thread_name_prefix="health"), options=OPTIONS)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        server.start()
        self._health_port = server
        return int(port)

    def stop(self, drain_s: float = DRAIN_S) -> None:
        """Says NOT_SERVING, takes no new call, lets the running ones end, and then stops.

        A command that is under way commits and is answered: the pool is waited for before anything it needs is closed.
        """
        self.stopping.set()
        self._health.enter_graceful_shutdown()
        self._server.stop(drain_s).wait()
        self._pool.shutdown(wait=True)
        if self._health_port is not None:
            # Last: until here it has answered NOT_SERVING, which a probe must be able to read.
            self._health_port.stop(0).wait()
