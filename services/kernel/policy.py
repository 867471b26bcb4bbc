"""Policies: events of one journal become commands of another service, each exactly once.

A policy's command carries a request id that follows from the event alone. However often the event is taken in again, after
a crash or by a second instance, the command is recorded once.
"""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import grpc

from guanhu.command.v1 import command_pb2
from guanhu.journal.v1 import record_pb2
from services.kernel.journal import Recorded
from services.kernel.rpc import reason_of

DEADLINE_S = 20.0
_NAMESPACE = uuid.UUID("6b1f5f0e-6f3b-5c7e-9d1c-0a4f5f7a2e31")
# The other side is away or busy: nothing is wrong with the event, so it is taken in again later.
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)

Answer = TypeVar("Answer")


class PolicyRefused(Exception):
    """The command of a policy was refused; its stream is parked with the reason until an operator re-drives it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def derived_id(policy: str, origin: str, key: object, step: str = "") -> str:
    """A UUID that follows from its arguments: for request ids, and for ids of what a policy opens."""
    return str(uuid.uuid5(_NAMESPACE, f"{policy}|{origin}|{key}|{step}"))


def command_head(policy: str, origin: str, row: Recorded, *, on_behalf_of: str = "", step: str = "") -> command_pb2.CommandHead:
    """The head of the command that answers an event; the command happens when its cause happened."""
    return command_pb2.CommandHead(
        request_id=derived_id(policy, origin, row.position, step),
        occurred_at=record_pb2.Header.FromString(row.header).occurred_at,
        on_behalf_of=on_behalf_of,
        causation=record_pb2.Causation(origin=origin, position=row.position),
    )


def send(method: Callable[..., Answer], request: Any) -> Answer:
    """Calls a method of a stub.

    Raises:
        PolicyRefused: the answer is a refusal that will not pass by itself.
        grpc.RpcError: the other side is away.
    """
    try:
        return method(request, timeout=DEADLINE_S)
    except grpc.RpcError as error:
        if error.code() in _PASSING:
            raise
        raise PolicyRefused(reason_of(error)) from None
