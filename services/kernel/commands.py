"""Serves a gRPC service from its descriptor: commands through handlers, everything else through a servicer's methods."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from guanhu.command.v1 import command_pb2
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.decision import Act, Facts
from services.kernel.handler import Call, Handler
from services.kernel.rpc import current_call

State = TypeVar("State")


@dataclass(frozen=True)
class Route(Generic[State]):
    """How the commands of one aggregate find it: `key` is the path of its id in the request."""

    handler: Handler[State]
    key: str
    resource: Callable[[Any, State], ResourceFacts]
    facts: Callable[[Any, State, Call], Facts]
    case_id: Callable[[State], str]
    # In place of the decider's own, where a decision needs something that only the service has.
    decide: Callable[[Any, State, Act, Facts], Sequence[Message]] | None = None

    def run(self, admission: Admission, action: str, request: Any, call: Call) -> command_pb2.Receipt:
        """Runs one command."""
        key = read_path(request, self.key)

        def authorise(state: State) -> None:
            admission.command(
                call,
                action,
                self.resource(request, state),
                on_behalf_of=request.head.on_behalf_of,
                case_id=self.case_id(state),
            )

        return self.handler.execute(
            key,
            request,
            call,
            authorise=authorise,
            facts=lambda state: self.facts(request, state, call),
            case_id=self.case_id,
            decide=self.decide,
        )


def read_path(message: Any, path: str) -> str:
    """The text at a dotted path of a message."""
    for name in path.split("."):
        message = getattr(message, name)
    return str(message)


def generic_handler(
    descriptor: ServiceDescriptor, routes: Mapping[str, Route[Any]], admission: Admission | None, servicer: object
) -> "grpc.GenericRpcHandler[Any, Any]":
    """Handlers for every method of the service.

    Raises:
        AttributeError: at the start, when a method has neither a route nor a servicer's method.
    """
    handlers = {}
    for method in descriptor.methods:
        response_class = message_factory.GetMessageClass(method.output_type)
        if method.name in routes and admission is not None:
            behaviour = _command(routes[method.name], admission, method.name, response_class)
        else:
            behaviour = getattr(servicer, method.name)
        if method.server_streaming:
            make: Any = (
                grpc.stream_stream_rpc_method_handler if method.client_streaming else grpc.unary_stream_rpc_method_handler
            )
        else:
            make = grpc.unary_unary_rpc_method_handler
        handlers[method.name] = make(
            behaviour,
            request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
            response_serializer=response_class.SerializeToString,
        )
    return grpc.method_handlers_generic_handler(descriptor.full_name, handlers)


def _command(route: Route[Any], admission: Admission, name: str, response_class: Any) -> Callable[[Any, Any], Any]:
    def behaviour(request: Any, _context: grpc.ServicerContext) -> Any:
        return response_class(receipt=route.run(admission, name, request, current_call()))

    return behaviour
