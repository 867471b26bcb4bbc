"""A client that costs little: encoded requests over asyncio channels, tokens made once."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.protobuf.message import Message

from bench.workload import Call, Identity
from services.demo.client import method
from services.kernel.devauthority import DevAuthority

DEADLINE_S = 20.0
# A token lives ten minutes; a benchmark that is longer takes a new one in time.
TOKEN_RENEWED_S = 300.0


@dataclass
class Caller:
    """Calls as many agencies; one channel an agency."""

    address: str
    authority: DevAuthority
    _channels: dict[str, tuple[grpc.aio.Channel, bytes]] = field(default_factory=dict)
    _tokens: dict[Identity, tuple[float, str]] = field(default_factory=dict)
    _methods: dict[tuple[str, str], Callable[..., Awaitable[bytes]]] = field(default_factory=dict)

    async def send(self, call: Call) -> bytes:
        """Sends a call of a story.

        Raises:
            grpc.aio.AioRpcError: it was refused.
        """
        found = method(call.service, call.method)
        assert found is not None
        return await self.raw(call.identity, f"/{found.containing_service.full_name}/{call.method}", call.data)

    async def ask(self, service: str, name: str, request: Message, identity: Identity) -> bytes:
        """Sends a message and returns the encoded answer."""
        return await self.send(Call(service, name, identity, request.SerializeToString()))

    async def raw(self, identity: Identity, path: str, data: bytes) -> bytes:
        """Sends bytes to a path."""
        key = (identity.uscc, path)
        if key not in self._methods:
            self._methods[key] = self._channel(identity.uscc)[0].unary_unary(path, _as_it_is, _as_it_is)
        return await self._methods[key](data, timeout=DEADLINE_S, metadata=self._metadata(identity))

    async def close(self) -> None:
        """Closes the channels."""
        for channel, _ in self._channels.values():
            await channel.close(None)

    def _channel(self, uscc: str) -> tuple[grpc.aio.Channel, bytes]:
        if uscc not in self._channels:
            key, chain = self.authority.agency_credentials(uscc) if uscc else self.authority.service_credentials("operator")
            credentials = grpc.ssl_channel_credentials(self.authority.ca_pem, key, chain)
            options = (("grpc.max_receive_message_length", 16 * 1024 * 1024), ("grpc.use_local_subchannel_pool", 1))
            self._channels[uscc] = (grpc.aio.secure_channel(self.address, credentials, options=options), chain)
        return self._channels[uscc]

    def _metadata(self, identity: Identity) -> tuple[tuple[str, str], ...]:
        if not identity.officer:
            return ()
        made = self._tokens.get(identity)
        if made is None or time.monotonic() - made[0] > TOKEN_RENEWED_S:
            chain = self._channel(identity.uscc)[1]
            made = (time.monotonic(), self.authority.token(identity.uscc, identity.officer, identity.role, chain))
            self._tokens[identity] = made
        return (("authorization", f"Bearer {made[1]}"),)


def _as_it_is(data: bytes) -> bytes:
    return data


@asynccontextmanager
async def calling(address: str, authority: DevAuthority) -> AsyncIterator[Caller]:
    """A caller, closed at the end."""
    caller = Caller(address, authority)
    try:
        yield caller
    finally:
        await caller.close()


async def closed_loop(work: Callable[[int], Awaitable[object]], clients: int, total: int) -> float:
    """How many times a second `clients` do the work, each one after the other, `total` times in all."""
    numbers = iter(range(total))

    async def client() -> None:
        for number in numbers:
            await work(number)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return total / (time.perf_counter() - began)


async def open_loop(work: Callable[[int], Awaitable[object]], rate: float, total: int) -> list[float]:
    """Seconds that each of `total` calls took, begun at a steady rate whatever the answers do.

    Counted from when a call was due, so that a stall of the server shows in every call that it delayed.
    """
    began = time.perf_counter()
    taken: list[float] = []

    async def one(number: int) -> None:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await work(number)
        taken.append(time.perf_counter() - due)

    await asyncio.gather(*(one(number) for number in range(total)))
    return taken
