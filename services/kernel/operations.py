"""Operations as commands: look at followers, re-drive a parked stream, rebuild a view beside the live one."""

from collections.abc import Mapping

import grpc

from guanhu.operations.v1 import operations_service_pb2 as api
from services.kernel import validate
from services.kernel.access import ResourceFacts
from services.kernel.dates import from_datetime
from services.kernel.errors import Invalid, NotFound, Violation
from services.kernel.follow import Follower
from services.kernel.rpc import current_call
from services.kernel.service import Service


class Operations:
    """The operations service over the services of this process."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    def ListFollowers(self, request: api.ListFollowersRequest, _: grpc.ServicerContext) -> api.ListFollowersResponse:
        """Every follower of a service, how far it is and how far its journal."""
        service = self._admitted("ListFollowers", request.service, request)
        response = api.ListFollowersResponse()
        for follower in service.all_followers():
            response.followers.add(
                name=follower.name,
                origin=follower.feed.origin,
                position=follower.position(),
                head=follower.feed.head(),
                parked_streams=len(follower.parked()),
            )
        return response

    def ListParked(self, request: api.ListParkedRequest, _: grpc.ServicerContext) -> api.ListParkedResponse:
        """The streams that a follower could not take in."""
        service = self._admitted("ListParked", request.service, request)
        response = api.ListParkedResponse()
        for follower in _named(service, request.follower):
            for parked in follower.parked():
                response.parked.add(
                    origin=parked.source,
                    stream=parked.stream,
                    position=parked.position,
                    reason=parked.reason,
                    parked_at=from_datetime(parked.parked_at),
                )
        return response

    def Redrive(self, request: api.RedriveRequest, _: grpc.ServicerContext) -> api.RedriveResponse:
        """Takes a parked stream in again, from the event that failed."""
        service = self._admitted("Redrive", request.service, request)
        reasons = [follower.redrive(request.stream) for follower in _named(service, request.follower)]
        reason = next(filter(None, reasons), "")
        return api.RedriveResponse(done=not reason, reason=reason)

    def RebuildView(self, request: api.RebuildViewRequest, _: grpc.ServicerContext) -> api.RebuildViewResponse:
        """Folds a view anew beside the live one, compares both, and switches where asked."""
        service = self._admitted("RebuildView", request.service, request)
        view = service.views.get(request.view)
        if view is None:
            raise Invalid(Violation("view", f"is none of {', '.join(service.views) or 'this service'}"))
        events, differing = view.rebuild(request.switch)
        return api.RebuildViewResponse(events=events, differing_rows=differing, generation=view.generation)

    def _admitted(self, action: str, name: str, request: object) -> Service:
        validate.check(request)  # type: ignore[arg-type]
        service = self._services.get(name)
        if service is None:
            raise NotFound
        service.admission.operation(current_call(), f"operations.{action}", ResourceFacts("Operations", name))
        return service


def _named(service: Service, name: str) -> list[Follower]:
    found = [follower for follower in service.all_followers() if follower.name == name]
    if not found:
        raise Invalid(Violation("follower", "is none of the service's followers"))
    return found
