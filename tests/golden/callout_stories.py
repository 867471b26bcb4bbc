"""Streams of call-outs and of a desk's setting, made by the deciders from commands."""

from collections.abc import Callable
from typing import Any

from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from services.appropriate_adult import desk
from tests.unit.appropriate_adult import builders as by
from tests.unit.appropriate_adult.callouts import (
    accept,
    adult,
    answered,
    asking,
    decline,
    lapsed,
    make,
    on_standby,
    settle,
    stop,
)
from tests.unit.gwt import Story


def callout_confirmed() -> Story[Any]:
    """Two at once: one declines, one is silent; standby accepts and is confirmed, does not come, another takes over."""
    story = asking(adult(1), adult(2), adult(3, shifts=on_standby()), adult(4), at_once=2)
    first, _ = story.state.open_offers
    story = lapsed(answered(story, first.offer_id, decline(events.DECLINE_REASON_ILL)))
    story = story.after(make(1), by.at("08:28", by.SYSTEM))
    story = answered(story, story.state.open_offers[0].offer_id, accept(), "08:30")
    story = story.after(settle(story.state.holder), by.at("08:45", by.SYSTEM))
    story = story.after(settle(story.state.holder, events.OFFER_FAILURE_NO_SHOW), by.at("10:15", by.SYSTEM))
    story = story.after(make(2), by.at("10:15", by.SYSTEM))
    return answered(story, story.state.open_offers[0].offer_id, accept(), "10:20")


def callout_escalated() -> Story[Any]:
    """The county has nobody, the prefecture's adult declines, the province has nobody either."""
    story = asking(adult(1, districts=frozenset({"513402"})), adult(2, languages=frozenset({"cmn"})))
    story = story.after(make(1), by.at("08:18", by.SYSTEM))
    story = answered(story, story.state.open_offers[0].offer_id, decline(events.DECLINE_REASON_TOO_FAR))
    story = story.after(make(2), by.at("08:21", by.SYSTEM))
    return story.after(make(3), by.at("08:22", by.SYSTEM))


def callout_stopped() -> Story[Any]:
    """One of two accepts and is in conflict; the other, asked again, is told that the desk stopped."""
    story = asking(adult(1), adult(2), at_once=2)
    story = answered(story, story.state.open_offers[0].offer_id, accept())
    story = story.after(settle(story.state.holder, events.OFFER_FAILURE_CONFLICT), by.at("08:25", by.SYSTEM))
    return story.after(make(1), by.at("08:26", by.SYSTEM)).after(stop(), by.DESK)


def desk_setting() -> Story[Any]:
    """A desk asks three at once for five minutes, and each request starts its call-out."""
    change = api.ChangeCalloutSettingRequest(head=by.head(), uscc=by.CYL, at_once=3, answer_seconds=300, automatic=True)
    return Story.of(desk.DECIDER, by.FACTS).after(change, by.DESK)


STORIES: tuple[Callable[[], Story[Any]], ...] = (callout_confirmed, callout_escalated, callout_stopped, desk_setting)
