"""Queries of notifications, and the stream that is watched; commands go by their routes."""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc

from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import obligation_events_pb2 as events
from services.kernel import page, validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.dates import from_datetime
from services.kernel.rpc import current_call
from services.kernel.watch import WAIT_S, Watches
from services.notify.books import BookKeeper, heads_of
from services.notify.reconciliation import of_agency
from services.notify.routes import Routes, subscription_resource
from services.notify.signing import public_text
from services.notify.views import Line, Obligations

WATCH_PAGE = 100
DISCREPANCIES_MAX = 2_000


class NotifyServicer:
    """The methods that are no plain command."""

    def __init__(self, routes: Routes, admission: Admission, listed: Obligations, books: BookKeeper, watches: Watches) -> None:
        self._routes = routes
        self._admission = admission
        self._listed = listed
        self._books = books
        self._watches = watches

    def GetSubscription(self, request: api.GetSubscriptionRequest, _: grpc.ServicerContext) -> api.GetSubscriptionResponse:
        """Hosts, endpoints with their public keys, subscriptions and preferences of the caller's agency."""
        validate.check(request)
        loaded = self._routes.subscriptions.load(request.uscc)
        state = loaded.state
        self._admission.read(current_call(), "GetSubscription", subscription_resource(request, state), request.purpose)
        response = api.GetSubscriptionResponse(hosts=state.hosts, version=loaded.version)
        for registered in state.endpoints.values():
            key = public_text(registered.public_key) if registered.public_key else ""
            response.endpoints.add(endpoint=registered.endpoint, public_key=key)
        for f in state.filters:
            if f.ends is None:
                response.filters.add(
                    subscription_id=f.subscription_id,
                    case_id=f.case_id,
                    stream_kind=f.stream_kind,
                    event_type=f.event_type,
                )
        newest = {event_type: suppressed for event_type, suppressed, _ in state.preferences}
        response.suppressed_types.extend(event_type for event_type, suppressed in newest.items() if suppressed)
        return response

    def ListInbox(self, request: api.ListInboxRequest, _: grpc.ServicerContext) -> api.ListInboxResponse:
        """Messages to the caller's agency, oldest first."""
        lines, more = self._page("ListInbox", request, self._listed.inbox)
        return api.ListInboxResponse(messages=lines, more=more)

    def ListSent(self, request: api.ListSentRequest, _: grpc.ServicerContext) -> api.ListSentResponse:
        """Messages about the caller's acts, oldest first."""
        lines, more = self._page("ListSent", request, self._listed.sent)
        return api.ListSentResponse(messages=lines, more=more)

    def Watch(self, request: api.WatchRequest, context: grpc.ServicerContext) -> Iterator[api.WatchResponse]:
        """Messages to the caller's agency in the order of their positions, none left out and none twice."""
        validate.check(request)
        uscc = self._admit("Watch", request)
        after = request.after

        def news(head: int) -> Iterator[api.WatchResponse]:
            nonlocal after
            self._listed.view.follower.wait(head, WAIT_S)
            for line in self._listed.inbox(uscc, after, WATCH_PAGE):
                after = line.position
                yield api.WatchResponse(message=_message(line))

        yield from self._watches.run(context, news, api.WatchResponse)

    def Reconcile(self, request: api.ReconcileRequest, _: grpc.ServicerContext) -> api.ReconcileResponse:
        """The ledger against the journals: the caller's pairs, all pairs for auditors and the operator."""
        validate.check(request)
        principal = current_call().principal
        # Asked for all pairs; whether the caller may see them the policies decide.
        sees_all = principal.kind == "service" or principal.role == "AUDITOR"
        self._admit("Reconcile", request, "" if sees_all else principal.agency)
        done = self._books.reconcile(request.case_id)
        account = of_agency(done.account, "" if sees_all else principal.agency)
        return api.ReconcileResponse(
            heads=heads_of(done),
            pairs=account.pairs,
            discrepancies=account.discrepancies[:DISCREPANCIES_MAX],
            total=len(account.discrepancies),
        )

    def _admit(self, action: str, request: Any, agency: str | None = None) -> str:
        call = current_call()
        uscc = call.principal.agency if agency is None else agency
        seen = ResourceFacts("Message", participants=frozenset({uscc} - {""}))
        self._admission.read(call, action, seen, request.purpose, case_id=getattr(request, "case_id", ""))
        return uscc

    def _page(self, action: str, request: Any, query: Any) -> tuple[list[api.Message], bool]:
        validate.check(request)
        uscc = self._admit(action, request)
        self._listed.view.wait(request.min_position)
        size = page.size(request.page_size)
        lines: Sequence[Line] = query(uscc, request.after, size + 1, request.status, request.case_id)
        return [_message(line) for line in lines[:size]], len(lines) > size


def _message(line: Line) -> api.Message:
    return api.Message(
        position=line.position,
        obligation_id=line.obligation_id,
        cause=events.Cause(
            origin=line.origin,
            position=line.cause_position,
            stream=line.stream,
            type=line.type,
            case_id=line.case_id,
            recorded_at=from_datetime(line.recorded_at),
        ),
        from_uscc=line.from_uscc,
        to_uscc=line.to_uscc,
        kind=line.kind,  # type: ignore[arg-type]
        handoff_id=line.handoff_id,
        text_zh=line.text_zh,
        text_en=line.text_en,
        acknowledge_by=from_datetime(line.acknowledge_by) if line.acknowledge_by else None,
        status=line.status,  # type: ignore[arg-type]
        attempts=line.attempts,
        escalated=line.escalated,
        owed_at=from_datetime(line.owed_at),
        delivered_at=from_datetime(line.delivered_at) if line.delivered_at else None,
        acknowledged_at=from_datetime(line.acknowledged_at) if line.acknowledged_at else None,
        channel=line.channel,  # type: ignore[arg-type]
    )
