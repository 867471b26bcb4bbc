"""What an agency has subscribed to: every branch of its decider."""

from typing import Any

import pytest

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import subscription_events_pb2 as events
from services.notify import subscription
from services.notify.subscription import DECIDER, FILTERS_MAX
from tests.unit.gwt import Story, act
from tests.unit.intake.builders import command
from tests.unit.notify import builders as b

OPERATOR, SYSTEM = act("guanhu:operator", ""), act(b.PROC, "")
HOST = "hooks.proc.example"
URL = f"https://{HOST}:8443/guanhu"
EMPTY = Story.of(DECIDER)


def hosts(*names: str) -> api.AllowHostsRequest:
    return command(api.AllowHostsRequest, uscc=b.PROC, hosts=names)


def endpoint(address: str = URL, channel: Any = events.CHANNEL_WEBHOOK) -> api.RegisterEndpointRequest:
    return command(api.RegisterEndpointRequest, uscc=b.PROC, endpoint=events.Endpoint(channel=channel, address=address))


def remove() -> api.RemoveEndpointRequest:
    return command(api.RemoveEndpointRequest, uscc=b.PROC, channel=events.CHANNEL_WEBHOOK)


def subscribe(subscription_id: str = b.FILTER, **fields: str) -> api.SubscribeRequest:
    wanted = events.EventFilter(subscription_id=subscription_id, **fields)
    return command(api.SubscribeRequest, uscc=b.PROC, filter=wanted)


def unsubscribe() -> api.UnsubscribeRequest:
    return command(api.UnsubscribeRequest, uscc=b.PROC, subscription_id=b.FILTER)


def prefer(*, suppressed: bool) -> api.SetPreferenceRequest:
    return command(api.SetPreferenceRequest, uscc=b.PROC, event_type=b.SUBMITTED, suppressed=suppressed)


ALLOWED = EMPTY.after(hosts(HOST), OPERATOR)


def test_hosts_are_allowed_as_a_whole_list() -> None:
    [allowed] = EMPTY.when(hosts(HOST, "mail.proc.example"), OPERATOR)
    assert list(allowed.hosts) == [HOST, "mail.proc.example"]
    assert ALLOWED.when(hosts(HOST), OPERATOR) == []
    assert ALLOWED.after(hosts(), OPERATOR).state.hosts == ()


@pytest.mark.parametrize("host", ["10.1.2.3", "127.1", "[::1]", "Hooks.example", "-a.example", "a..b", "a b", "host:8443"])
def test_only_names_of_hosts_are_allowed(host: str) -> None:
    EMPTY.finds_invalid({"hosts[0]"}, hosts(host), OPERATOR)


def test_an_address_in_numbers_of_six_groups_is_no_name() -> None:
    EMPTY.finds_invalid({"hosts[0]"}, hosts("fe80::1"), OPERATOR)


def test_hosts_are_few() -> None:
    EMPTY.finds_invalid({"hosts"}, hosts(*(f"h{number}.example" for number in range(21))), OPERATOR)


def test_an_endpoint_lies_at_an_allowed_host() -> None:
    assert ALLOWED.when(endpoint(), SYSTEM)[0].endpoint.address == URL
    EMPTY.refuses("ENDPOINT_HOST_NOT_ALLOWED", endpoint(), SYSTEM)
    ALLOWED.refuses("ENDPOINT_HOST_NOT_ALLOWED", endpoint("duty@mail.example", events.CHANNEL_EMAIL), SYSTEM)
    assert ALLOWED.when(endpoint(f"duty@{HOST}", events.CHANNEL_EMAIL), SYSTEM)
    assert EMPTY.when(endpoint("+861012309", events.CHANNEL_SMS), SYSTEM)


@pytest.mark.parametrize(
    ("address", "channel"),
    [
        (f"http://{HOST}/", events.CHANNEL_WEBHOOK),
        (f"https://user@{HOST}/", events.CHANNEL_WEBHOOK),
        (f"https://{HOST}/#part", events.CHANNEL_WEBHOOK),
        (f"https://{HOST}:99999/", events.CHANNEL_WEBHOOK),
        (f"https://{HOST}/a b", events.CHANNEL_WEBHOOK),
        ("https:///path", events.CHANNEL_WEBHOOK),
        ("https://[::1/", events.CHANNEL_WEBHOOK),
        ("duty", events.CHANNEL_EMAIL),
        ("12345-6", events.CHANNEL_SMS),
    ],
)
def test_an_address_must_be_one_of_its_channel(address: str, channel: int) -> None:
    ALLOWED.finds_invalid({"endpoint.address"}, endpoint(address, channel), SYSTEM)


def test_the_inbox_needs_no_endpoint() -> None:
    EMPTY.finds_invalid({"endpoint.channel"}, endpoint("anything", events.CHANNEL_INBOX), SYSTEM)


def test_a_channel_has_one_endpoint_that_is_replaced_and_removed() -> None:
    registered = ALLOWED.after(endpoint(), SYSTEM)
    assert registered.when(endpoint(), SYSTEM) == []
    moved = registered.after(endpoint(f"https://{HOST}/new"), SYSTEM)
    assert [e.endpoint.address for e in moved.state.endpoints.values()] == [f"https://{HOST}/new"]
    assert moved.after(remove(), SYSTEM).state.endpoints == {}
    assert ALLOWED.when(remove(), SYSTEM) == []


def test_an_endpoint_that_was_removed_is_remembered_for_what_waits_for_it() -> None:
    registered = ALLOWED.after(endpoint(), SYSTEM)
    removed = registered.after(remove(), SYSTEM)
    assert [story.state.had_endpoint for story in (ALLOWED, registered, removed)] == [False, True, True]


def test_a_subscription_holds_from_a_little_later_until_a_little_after_its_end() -> None:
    subscribed = EMPTY.after(subscribe(), act(b.PROC, at="2026-03-09 10:00"))
    ended = subscribed.after(unsubscribe(), act(b.PROC, at="2026-03-09 11:00"))

    def told(at: str) -> bool:
        return ended.state.filter_for(b.CASE, "investigation-1", b.SUBMITTED, b.instant(at)) is not None

    moments = ["2026-03-09 10:00:04", "2026-03-09 10:00:05", "2026-03-09 11:00:04", "2026-03-09 11:00:05"]
    assert [told(moment) for moment in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, True),
        ({"case_id": b.CASE, "stream_kind": "investigation", "event_type": b.SUBMITTED}, True),
        ({"case_id": b.OTHER_CASE}, False),
        ({"stream_kind": "referral"}, False),
        ({"event_type": "guanhu.intake.v1.CaseClosed"}, False),
    ],
)
def test_a_filter_tells_of_events_by_case_kind_and_type(fields: dict[str, str], told: bool) -> None:
    state = EMPTY.after(subscribe(**fields), SYSTEM).state
    assert (state.filter_for(b.CASE, "investigation-1", b.SUBMITTED, b.instant("2026-03-10 00:00")) is not None) == told


def test_a_subscription_id_names_one_subscription() -> None:
    subscribed = EMPTY.after(subscribe(), SYSTEM)
    assert subscribed.when(subscribe(), SYSTEM) == []
    subscribed.refuses("SUBSCRIPTION_EXISTS", subscribe(case_id=b.CASE), SYSTEM)
    subscribed.after(unsubscribe(), SYSTEM).refuses("SUBSCRIPTION_EXISTS", subscribe(), SYSTEM)


def test_a_subscription_is_ended_once_and_leaves_others_alone() -> None:
    both = EMPTY.after(subscribe(), SYSTEM).after(subscribe(b.OTHER_FILTER), SYSTEM)
    ended = both.after(unsubscribe(), SYSTEM)
    assert [f.ends is None for f in ended.state.filters] == [False, True]
    assert ended.when(unsubscribe(), SYSTEM) == []
    EMPTY.refuses("SUBSCRIPTION_UNKNOWN", unsubscribe(), SYSTEM)


def test_subscriptions_are_limited() -> None:
    full = EMPTY
    for number in range(FILTERS_MAX):
        full = full.after(subscribe(f"00000000-0000-0000-0000-{number:012d}"), SYSTEM)
    full.refuses("SUBSCRIPTIONS_FULL", subscribe("00000000-0000-0000-0001-000000000000"), SYSTEM)


def test_a_preference_holds_until_the_next_and_is_recorded_when_it_changes() -> None:
    assert EMPTY.when(prefer(suppressed=False), SYSTEM) == []
    quiet = EMPTY.after(prefer(suppressed=True), act(b.PROC, at="2026-03-09 10:00"))
    assert quiet.when(prefer(suppressed=True), act(b.PROC, at="2026-03-09 10:30")) == []
    loud = quiet.after(prefer(suppressed=False), act(b.PROC, at="2026-03-09 11:00"))
    moments = ["2026-03-09 10:00", "2026-03-09 10:00:05", "2026-03-09 11:00:05"]
    assert [loud.state.suppresses(b.SUBMITTED, b.instant(moment)) for moment in moments] == [False, True, False]
    assert not quiet.state.suppresses("guanhu.intake.v1.CaseClosed", b.instant("2026-03-10 10:00"))


def test_events_of_others_are_not_folded() -> None:
    assert subscription.DECIDER.initial.endpoints == {}
    with pytest.raises(TypeError, match="ParticipantAdded"):
        EMPTY.given(directory.ParticipantAdded())
