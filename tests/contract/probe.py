"""A server of the kernel with one service for tests: its methods hold, fail and answer as a test tells them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority
from services.kernel.identity import Authenticator
from services.kernel.server import Server
from tests.contract.agencies import PROC

SERVICE = "guanhu.test.v1.Probe"
WITHIN_S = 20.0


class Probe:
    """Serves Hold, Run, Stream and Both; messages are bare bytes."""

    def __init__(self, folder: Path) -> None:
        self.authority = DevAuthority.create_or_load(folder, SystemClock())
        self.server = Server(Authenticator(self.authority.jwks(), SystemClock()), reflect=False)
        self.entered = threading.Semaphore(0)
        self.release = threading.Event()
        self.entries = 0
        self.behaviour: Callable[[], Any] = lambda: None
        handlers = {
            "Hold": grpc.unary_unary_rpc_method_handler(self._hold),
            "Run": grpc.unary_unary_rpc_method_handler(self._run),
            "Stream": grpc.unary_stream_rpc_method_handler(self._stream),
            "Both": grpc.stream_stream_rpc_method_handler(self._both),
        }
        self.server.register(SERVICE, grpc.method_handlers_generic_handler(SERVICE, handlers))
        self.port = self.server.start("127.0.0.1:0", grpc.ssl_server_credentials(*self._server_side()))

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        """A channel of the procuratorate's system, on a connection of its own."""
        key, chain = self.authority.agency_credentials(PROC)
        credentials = grpc.ssl_channel_credentials(self.authority.ca_pem, key, chain)
        with grpc.secure_channel(self.address, credentials, [("grpc.use_local_subchannel_pool", 1)]) as opened:
            yield opened

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def _server_side(self) -> tuple[Any, ...]:
        return [self.authority.server_credentials()], self.authority.ca_pem, True

    def _enter(self) -> None:
        self.entries += 1
        self.entered.release()

    def _hold(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        self._enter()
        assert self.release.wait(WITHIN_S)
        return request

    def _run(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        self._enter()
        self.behaviour()
        return request

    def _stream(self, request: bytes, _: grpc.ServicerContext) -> Iterator[bytes]:
        self._enter()
        yield request
        self.behaviour()

    def _both(self, requests: Iterator[bytes], _: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            self._enter()
            yield request


def unary(channel: Any, method: str) -> Any:
    """A method that takes a message and answers with one."""
    return channel.unary_unary(f"/{SERVICE}/{method}")


def stream(channel: Any) -> Any:
    """The method that answers with a stream."""
    return channel.unary_stream(f"/{SERVICE}/Stream")


def both(channel: Any, path: str = f"/{SERVICE}/Both") -> Any:
    """A method that takes a stream and answers with one."""
    return channel.stream_stream(path)
