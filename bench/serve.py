"""Serves intake, and beside it one method that does nothing: what a call costs before it does any work."""

import sys
from dataclasses import replace
from typing import Any

import grpc

from services.builders import BUILDERS
from services.kernel import host
from services.kernel.resources import Resources
from services.kernel.service import Service

EMPTY = "guanhu.bench.v1.EmptyService"


def _empty(_: bytes, __: grpc.ServicerContext) -> bytes:
    return b""


def with_empty_method(resources: Resources) -> Service:
    """Intake, with the empty method behind the same interceptor."""
    service = BUILDERS["intake"](resources)
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {"Call": grpc.unary_unary_rpc_method_handler(_empty)}
    empty = grpc.method_handlers_generic_handler(EMPTY, handlers)
    return replace(service, handlers={**service.handlers, EMPTY: empty})


if __name__ == "__main__":
    sys.exit(host.run({"intake": with_empty_method}))
