"""How commands find their streams: what this system does not offer is refused before it is recorded."""

from typing import Any

import pytest

from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import subscription_events_pb2 as events
from services.kernel.decision import Facts
from services.kernel.errors import IllegalState
from services.notify import subscription
from services.notify.routes import Routes
from tests.unit.gwt import act
from tests.unit.intake.builders import command
from tests.unit.notify import builders as b


def register(offered: frozenset[int]) -> list[Any]:
    routes = Routes(lambda decider: decider, None, offered)  # type: ignore[arg-type, return-value]
    decide = routes.by_command()["RegisterEndpoint"].decide
    assert decide is not None
    endpoint = events.Endpoint(channel=events.CHANNEL_SMS, address="+861012355")
    request = command(api.RegisterEndpointRequest, uscc=b.PROC, endpoint=endpoint)
    return list(decide(request, subscription.State(), act(b.PROC, ""), Facts()))


def test_a_channel_that_is_not_offered_is_refused() -> None:
    with pytest.raises(IllegalState) as refused:
        register(frozenset({events.CHANNEL_WEBHOOK}))
    assert refused.value.reason == "CHANNEL_NOT_OFFERED"


def test_a_channel_that_is_offered_is_registered() -> None:
    [registered] = register(frozenset({events.CHANNEL_SMS}))
    assert registered.endpoint.address == "+861012355"
