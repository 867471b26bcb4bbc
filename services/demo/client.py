"""A client of the public API: one channel an agency, officers' tokens bound to its certificate."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import (
    appropriate_adult_service_pb2,
    attendance_service_pb2,
    callout_service_pb2,
    expense_service_pb2,
    form_service_pb2,
)
from guanhu.audit.v1 import audit_service_pb2
from guanhu.deadline.v1 import deadline_service_pb2
from guanhu.intake.v1 import intake_service_pb2
from guanhu.notify.v1 import notify_service_pb2
from guanhu.operations.v1 import operations_service_pb2
from guanhu.social_investigation.v1 import social_investigation_service_pb2
from services.kernel.devauthority import OPERATOR, DevAuthority

DEADLINE_S = 20.0
STREAM_DEADLINE_S = 60.0

_SERVICES = {
    "intake": intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"],
    "social_investigation": social_investigation_service_pb2.DESCRIPTOR.services_by_name["SocialInvestigationService"],
    "notify": notify_service_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    "appropriate_adult": appropriate_adult_service_pb2.DESCRIPTOR.services_by_name["AppropriateAdultService"],
    "callout": callout_service_pb2.DESCRIPTOR.services_by_name["CalloutService"],
    "attendance": attendance_service_pb2.DESCRIPTOR.services_by_name["AttendanceService"],
    "expense": expense_service_pb2.DESCRIPTOR.services_by_name["ExpenseService"],
    "form": form_service_pb2.DESCRIPTOR.services_by_name["FormService"],
    "audit": audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"],
    "deadline": deadline_service_pb2.DESCRIPTOR.services_by_name["DeadlineService"],
    "operations": operations_service_pb2.DESCRIPTOR.services_by_name["OperationsService"],
}


def method(service: str, name: str) -> MethodDescriptor | None:
    """The method of a service, such as intake and OpenCase; None where there is none."""
    found = _SERVICES.get(service)
    return found.methods_by_name.get(name) if found else None


def request_class(found: MethodDescriptor) -> type[Message]:
    """The class of the method's request."""
    return message_factory.GetMessageClass(found.input_type)


class Client:
    """Calls the API as agencies and their officers, or as the operator of the directory."""

    def __init__(self, address: str, authority: DevAuthority) -> None:
        self._address = address
        self._authority = authority
        self._channels: dict[str, grpc.Channel] = {}
        self._certificates: dict[str, bytes] = {}

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for channel in self._channels.values():
            channel.close()

    def call(
        self,
        service: str,
        name: str,
        request: Message,
        uscc: str = "",
        officer: str = "",
        role: str = "",
        *,
        trace_parent: str = "",
    ) -> Any:
        """Calls a method and returns its answer, streams as a list; without an agency the operator calls.

        `trace_parent` is the W3C context of the caller's own trace.

        Raises:
            grpc.RpcError: the call was refused or the service is away.
        """
        found = method(service, name)
        if found is None:
            raise KeyError(f"{service}.{name}")
        channel = self.channel(uscc)
        path = f"/{found.containing_service.full_name}/{found.name}"
        answer_class = message_factory.GetMessageClass(found.output_type)
        metadata = self.metadata(uscc, officer, role)
        if trace_parent:
            metadata = (*metadata, ("traceparent", trace_parent))
        serialise, read = type(request).SerializeToString, answer_class.FromString
        if found.server_streaming:
            stream = channel.unary_stream(path, request_serializer=serialise, response_deserializer=read)
            return list(stream(request, timeout=DEADLINE_S, metadata=metadata))
        unary = channel.unary_unary(path, request_serializer=serialise, response_deserializer=read)
        return unary(request, timeout=DEADLINE_S, metadata=metadata)

    def stream(
        self, service: str, name: str, requests: Iterator[Message], uscc: str, officer: str = "", role: str = ""
    ) -> list[Any]:
        """Sends a stream of requests to a method that answers with a stream."""
        found = method(service, name)
        if found is None:
            raise KeyError(f"{service}.{name}")
        call = self.channel(uscc).stream_stream(
            f"/{found.containing_service.full_name}/{found.name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(found.output_type).FromString,
        )
        return list(call(requests, timeout=STREAM_DEADLINE_S, metadata=self.metadata(uscc, officer, role)))

    def channel(self, uscc: str) -> grpc.Channel:
        """The channel of an agency, with its certificate."""
        if uscc not in self._channels:
            key, chain = self._authority.agency_credentials(uscc) if uscc else self._authority.service_credentials(OPERATOR)
            self._certificates[uscc] = chain
            credentials = grpc.ssl_channel_credentials(self._authority.ca_pem, key, chain)
            self._channels[uscc] = grpc.secure_channel(
                self._address, credentials, options=(("grpc.max_receive_message_length", 16 * 1024 * 1024),)
            )
        return self._channels[uscc]

    def metadata(self, uscc: str, officer: str, role: str) -> tuple[tuple[str, str], ...]:
        """The officer's token, fresh for each call; none for a system or the operator."""
        if not (uscc and officer):
            return ()
        self.channel(uscc)
        token = self._authority.token(uscc, officer, role, self._certificates[uscc])
        return (("authorization", f"Bearer {token}"),)
