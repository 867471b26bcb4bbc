"""How each command finds its obligation or subscription, and what policies see of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.access import ResourceFacts
from services.kernel.commands import Route
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState
from services.kernel.handler import Call, Handler
from services.notify import obligation, subscription
from services.notify.signing import SigningKeys

MakeHandler = Callable[[Decider[Any]], Handler[Any]]


class Routes:
    """The routes of every command."""

    def __init__(self, make_handler: MakeHandler, keys: SigningKeys, offered: frozenset[int]) -> None:
        self.obligations: Handler[obligation.State] = make_handler(obligation.DECIDER)
        self.subscriptions: Handler[subscription.State] = make_handler(subscription.DECIDER)
        self._keys = keys
        self._offered = offered

    def by_command(self) -> Mapping[str, Route[Any]]:
        """Routes by the name of their method."""
        subscribing = ("AllowHosts", "RemoveEndpoint", "Subscribe", "Unsubscribe", "SetPreference")
        about_obligations = ("AcknowledgeReceipt", "RedriveDelivery")
        return {
            **{name: self._subscription_route() for name in subscribing},
            "RegisterEndpoint": self._subscription_route(self._register),
            **{
                name: Route(self.obligations, "obligation_id", obligation_resource, _no_facts, _case_of)
                for name in about_obligations
            },
        }

    def _subscription_route(
        self, decide: Callable[[Any, subscription.State, Act, Facts], Sequence[Message]] | None = None
    ) -> Route[subscription.State]:
        return Route(self.subscriptions, "uscc", subscription_resource, _no_facts, lambda _: "", decide)

    def _register(
        self, request: api.RegisterEndpointRequest, state: subscription.State, act: Act, facts: Facts
    ) -> Sequence[Message]:
        events: Any = subscription.decide(request, state, act, facts)
        if request.endpoint.channel not in self._offered:
            raise IllegalState("CHANNEL_NOT_OFFERED", "this system does not offer the channel")
        if events and request.endpoint.channel == subscriptions.CHANNEL_WEBHOOK:
            key = self._keys.newest(request.uscc)
            events[0].public_key = key.public
            events[0].key_reference = key.reference
            events[0].key_version = key.version
        return list(events)


def subscription_resource(request: Any, _: subscription.State) -> ResourceFacts:
    """What an agency has subscribed to, as policies see it: the agency's own."""
    return ResourceFacts("Agency", request.uscc, organ=request.uscc)


def obligation_resource(request: Any, state: obligation.State) -> ResourceFacts:
    """An obligation as policies see it: `organ` is the agency whose act is told, `provider` the one that is told."""
    owed = state.owed
    if owed is None:
        return ResourceFacts("Message", request.obligation_id)
    parties = frozenset({owed.from_uscc, owed.to_uscc} - {""})
    return ResourceFacts("Message", owed.obligation_id, organ=owed.from_uscc, provider=owed.to_uscc, participants=parties)


def _no_facts(_: Any, __: Any, ___: Call) -> Facts:
    return Facts()


def _case_of(state: obligation.State) -> str:
    return state.owed.cause.case_id if state.owed is not None else ""
