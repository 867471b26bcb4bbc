"""What an agency has subscribed to: hosts that the operator allows, endpoints there, filters and preferences.

Law: domain/11 PRIV-R01 (necessity): a subscription reaches events of streams that the agency is a party of, never others.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import Message

from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import subscription_events_pb2 as events
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

HOSTS_MAX = 20
FILTERS_MAX = 100
# A subscription holds for events recorded this long after it: by then its own event is surely committed and known to every
# follower, so that what it demands follows from the journals alone.
SETTLE = timedelta(seconds=5)

_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_MAILBOX = re.compile(r"[A-Za-z0-9._+-]{1,64}@([a-z0-9.-]{1,253})")
_TELEPHONE = re.compile(r"\+?[0-9]{3,15}")


@dataclass(frozen=True, slots=True)
class Filter:
    """A subscription with the instants between which events are told; `ends` is None while it holds."""

    subscription_id: str
    case_id: str
    stream_kind: str
    event_type: str
    begins: datetime
    ends: datetime | None = None

    def matches(self, case_id: str, stream: str, event_type: str, recorded_at: datetime) -> bool:
        """Whether it tells of an event."""
        if recorded_at < self.begins or (self.ends is not None and recorded_at >= self.ends):
            return False
        wanted = (self.case_id, self.stream_kind, self.event_type)
        given = (case_id, stream.partition("-")[0], event_type)
        return all(not value or value == actual for value, actual in zip(wanted, given, strict=True))


@dataclass(frozen=True, slots=True)
class State:
    """What one agency has subscribed to; ended filters and former preferences stay, so that the past can be recomputed.

    `had_endpoint` stays true when the last endpoint is removed: messages may wait for it still.
    """

    hosts: tuple[str, ...] = ()
    endpoints: Mapping[int, events.EndpointRegistered] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    preferences: tuple[tuple[str, bool, datetime], ...] = ()
    had_endpoint: bool = False

    def filter_for(self, case_id: str, stream: str, event_type: str, recorded_at: datetime) -> Filter | None:
        """The first filter that tells of an event."""
        return next((f for f in self.filters if f.matches(case_id, stream, event_type, recorded_at)), None)

    def suppresses(self, event_type: str, at: datetime) -> bool:
        """Whether the agency does not want to hear of a type of event at an instant."""
        said = [suppressed for name, suppressed, since in self.preferences if name == event_type and since <= at]
        return bool(said) and said[-1]


def decide(command: Message, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Events of a command on what one agency has subscribed to."""
    return _DECISIONS[type(command)](command, state, act.recorded_at)


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    match event:
        case events.HostsAllowed():
            return replace(state, hosts=tuple(event.hosts))
        case events.EndpointRegistered():
            return replace(state, endpoints={**state.endpoints, event.endpoint.channel: event}, had_endpoint=True)
        case events.EndpointRemoved():
            left = {channel: endpoint for channel, endpoint in state.endpoints.items() if channel != event.channel}
            return replace(state, endpoints=left)
        case events.SubscriptionStarted():
            f = event.filter
            begun = Filter(f.subscription_id, f.case_id, f.stream_kind, f.event_type, to_datetime(event.holds_from))
            return replace(state, filters=(*state.filters, begun))
        case events.SubscriptionEnded():
            ends = to_datetime(event.ends_at)
            filters = tuple(replace(f, ends=ends) if f.subscription_id == event.subscription_id else f for f in state.filters)
            return replace(state, filters=filters)
        case events.PreferenceSet():
            said = (event.event_type, event.suppressed, to_datetime(event.holds_from))
            return replace(state, preferences=(*state.preferences, said))
    raise TypeError(event.DESCRIPTOR.full_name)


DECIDER = Decider("subscription", State(), decide, evolve)


def _allow(command: api.AllowHostsRequest, state: State, _: datetime) -> Sequence[Message]:
    violations = [
        Violation(f"hosts[{number}]", "is no name of a host in lower case")
        for number, host in enumerate(command.hosts)
        if not _HOST.fullmatch(host) or _is_address(host)
    ]
    if len(command.hosts) > HOSTS_MAX:
        violations.append(Violation("hosts", f"holds more than {HOSTS_MAX} items"))
    if violations:
        raise Invalid(*violations)
    if tuple(command.hosts) == state.hosts:
        return []
    return [events.HostsAllowed(uscc=command.uscc, hosts=command.hosts)]


def _register(command: api.RegisterEndpointRequest, state: State, _: datetime) -> Sequence[Message]:
    endpoint = command.endpoint
    host = _host_of(endpoint)
    if host and host not in state.hosts:
        raise IllegalState("ENDPOINT_HOST_NOT_ALLOWED", "the operator has not allowed this host for the agency")
    known = state.endpoints.get(endpoint.channel)
    if known is not None and known.endpoint == endpoint:
        return []
    return [events.EndpointRegistered(uscc=command.uscc, endpoint=endpoint)]


def _remove(command: api.RemoveEndpointRequest, state: State, _: datetime) -> Sequence[Message]:
    if command.channel not in state.endpoints:
        return []
    return [events.EndpointRemoved(uscc=command.uscc, channel=command.channel)]


def _subscribe(command: api.SubscribeRequest, state: State, now: datetime) -> Sequence[Message]:
    wanted = command.filter
    for f in state.filters:
        if f.subscription_id == wanted.subscription_id:
            if f.ends is None and (f.case_id, f.stream_kind, f.event_type) == _fields(wanted):
                return []
            raise IllegalState("SUBSCRIPTION_EXISTS", "a subscription with this id is there")
    if sum(f.ends is None for f in state.filters) >= FILTERS_MAX:
        raise IllegalState("SUBSCRIPTIONS_FULL", f"an agency holds {FILTERS_MAX} subscriptions at most")
    return [events.SubscriptionStarted(uscc=command.uscc, filter=wanted, holds_from=from_datetime(now + SETTLE))]


def _unsubscribe(command: api.UnsubscribeRequest, state: State, now: datetime) -> Sequence[Message]:
    known = next((f for f in state.filters if f.subscription_id == command.subscription_id), None)
    if known is None:
        raise IllegalState("SUBSCRIPTION_UNKNOWN", "the agency has no such subscription")
    if known.ends is not None:
        return []
    ended = events.SubscriptionEnded(
        uscc=command.uscc, subscription_id=command.subscription_id, ends_at=from_datetime(now + SETTLE)
    )
    return [ended]


def _prefer(command: api.SetPreferenceRequest, state: State, now: datetime) -> Sequence[Message]:
    holds_from = now + SETTLE
    if state.suppresses(command.event_type, holds_from) == command.suppressed:
        return []
    preference = events.PreferenceSet(
        uscc=command.uscc,
        event_type=command.event_type,
        suppressed=command.suppressed,
        holds_from=from_datetime(holds_from),
    )
    return [preference]


def _fields(wanted: events.EventFilter) -> tuple[str, str, str]:
    return wanted.case_id, wanted.stream_kind, wanted.event_type


def _host_of(endpoint: events.Endpoint) -> str:
    """The host that must be allowed; "" for a telephone. Raises Invalid for an address that is none of its channel."""
    address = endpoint.address
    match endpoint.channel:
        case events.CHANNEL_WEBHOOK:
            host = _host_of_url(address)
            if host:
                return host
        case events.CHANNEL_EMAIL:
            if mailbox := _MAILBOX.fullmatch(address):
                return mailbox[1]
        case events.CHANNEL_SMS:
            if _TELEPHONE.fullmatch(address):
                return ""
        case _:
            raise Invalid(Violation("endpoint.channel", "needs no endpoint: every agency has an inbox"))
    raise Invalid(Violation("endpoint.address", "is no https address, mailbox or telephone number of this channel"))


def _host_of_url(address: str) -> str:
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError:
        return ""
    plain = url.scheme == "https" and not (url.username or url.password or url.fragment) and port != 0
    printable = address.isascii() and address.isprintable() and " " not in address
    return (url.hostname or "") if plain and printable else ""


def _is_address(host: str) -> bool:
    """Whether a host is an address in numbers: those name no host, and a check of the name would mean nothing."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdigit()
    return True


_DECISIONS: dict[type[Message], Callable[[Any, State, datetime], Sequence[Message]]] = {
    api.AllowHostsRequest: _allow,
    api.RegisterEndpointRequest: _register,
    api.RemoveEndpointRequest: _remove,
    api.SubscribeRequest: _subscribe,
    api.UnsubscribeRequest: _unsubscribe,
    api.SetPreferenceRequest: _prefer,
}
