"""How a desk's call-outs go."""

from datetime import date
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from services.appropriate_adult import desk
from services.appropriate_adult.desk import DeskState
from services.kernel.deadline import Setting
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story, act


def change(**changes: Any) -> api.ChangeCalloutSettingRequest:
    fields: dict[str, Any] = {"uscc": b.CYL, "at_once": 3, "answer_seconds": 300, "automatic": True, **changes}
    return api.ChangeCalloutSettingRequest(head=b.head(), **fields)


def unset() -> Story[DeskState]:
    return Story.of(desk.DECIDER, b.FACTS)


def test_without_a_setting_adults_are_asked_one_by_one_and_by_hand() -> None:
    state = unset().state
    assert (state.at_once, state.automatic, state.settings()) == (1, False, ())


def test_a_desk_sets_its_own_call_outs() -> None:
    state = unset().after(change(), b.DESK).state
    length = clocks.Length(seconds=300)
    assert state.settings() == (Setting(b.CYL, "DL-AA-OFFER", "", length, date(2026, 3, 9)),)
    assert (state.at_once, state.automatic) == (3, True)
    assert unset().after(change(answer_seconds=0), b.DESK).state.settings() == ()


def test_nobody_sets_the_call_outs_of_another() -> None:
    unset().refuses("ORGAN_NOT_COMPETENT", change(uscc=b.SWO), b.DESK)
    unset().refuses("ORGAN_NOT_COMPETENT", change(uscc=b.PSB), b.POLICE)
    unset().refuses("ORGAN_NOT_COMPETENT", change(uscc=b.STRANGER), act(b.STRANGER))


def test_numbers_beyond_the_limits_are_named() -> None:
    unset().finds_invalid({"at_once", "answer_seconds"}, change(at_once=11, answer_seconds=14_401), b.DESK)


def test_an_event_of_another_stream_is_refused() -> None:
    with pytest.raises(TypeError):
        desk.evolve(DeskState(), adults.AdultReinstated())
