"""Availability, leave, standby shifts and swaps."""

from dataclasses import replace
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import adult_events_pb2 as events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from services.appropriate_adult.rota import SwapFacts
from tests.unit.appropriate_adult import builders as b


def availability(*times: tuple[int, int, int]) -> Any:
    spans = [events.Availability(weekday=day, begins_minute=begins, ends_minute=ends) for day, begins, ends in times]
    return b.of_adult(api.SetAvailabilityRequest, times=spans)


def holiday(begins: str = "2026-03-09 08:00", ends: str = "2026-03-09 18:00") -> Any:
    return b.of_adult(api.RecordHolidayRequest, holiday_id=b.HOLIDAY, begins_at=b.instant(begins), ends_at=b.instant(ends))


def assign(**changes: Any) -> Any:
    return b.of_adult(api.AssignShiftRequest, shift=b.shift(**changes))


def offer(to_adult_id: str = b.SECOND_ADULT, shift_id: str = b.SHIFT) -> Any:
    return b.of_adult(api.OfferShiftRequest, shift_id=shift_id, to_adult_id=to_adult_id)


def take() -> Any:
    return b.of_adult(api.TakeShiftRequest, adult_id=b.SECOND_ADULT, shift_id=b.SHIFT, from_adult_id=b.ADULT)


def test_a_week_replaces_the_week_before() -> None:
    story = b.qualified().after(availability((1, 0, 1440)), b.HOME).after(availability((7, 480, 1200)), b.HOME)
    assert story.state.availability == ((7, 480, 1200),)


@pytest.mark.parametrize("span", [(8, 0, 60), (1, 60, 60), (1, 0, 1441)])
def test_a_span_lies_within_one_day_of_the_week(span: tuple[int, int, int]) -> None:
    b.qualified().finds_invalid({"times[0]"}, availability(span), b.HOME)


def test_leave_is_recorded_once_and_can_be_cancelled() -> None:
    story = b.qualified().after(holiday(), b.HOME)
    story.refuses("HOLIDAY_EXISTS", holiday(), b.HOME)
    cancel = b.of_adult(api.CancelHolidayRequest, holiday_id=b.HOLIDAY)
    story = story.after(cancel, b.HOME)
    story.refuses("HOLIDAY_UNKNOWN", cancel, b.HOME)


def test_leave_ends_after_it_begins() -> None:
    b.qualified().finds_invalid({"ends_at"}, holiday(ends="2026-03-09 08:00"), b.HOME)


def test_leave_never_covers_an_engagement() -> None:
    b.qualified().after(b.reserve(), b.SYSTEM).refuses("ADULT_ENGAGED", holiday(), b.HOME)


def test_an_adult_stands_by_in_one_county_at_a_time() -> None:
    story = b.qualified().after(assign(), b.HOME)
    story.refuses("SHIFT_EXISTS", assign(), b.HOME)
    story.refuses("SHIFT_OVERLAPS", assign(shift_id=b.HOLIDAY, division_code="513402"), b.HOME)


def test_a_shift_has_a_county_and_an_end() -> None:
    command = assign(division_code="x", ends_at=b.instant("2026-03-09 20:00"))
    b.qualified().finds_invalid({"shift.division_code", "shift.ends_at"}, command, b.HOME)


def test_a_relative_does_not_stand_by() -> None:
    story = b.unregistered().after(api.RegisterAdultRequest(head=b.head(), entry=b.relative()), b.POLICE)
    story.refuses("NOT_ON_ROSTER", assign(), b.POLICE)


def test_a_shift_can_be_taken_back() -> None:
    cancel = b.of_adult(api.CancelShiftRequest, shift_id=b.SHIFT)
    story = b.qualified().after(assign(), b.HOME).after(cancel, b.HOME)
    story.refuses("SHIFT_UNKNOWN", cancel, b.HOME)


def test_during_a_swap_two_may_stand_by_but_never_none() -> None:
    first = b.qualified().after(assign(), b.HOME).after(offer(), b.HOME)
    second = b.qualified(adult_id=b.SECOND_ADULT).knowing(SwapFacts(b.AGENCIES, other=first.state)).after(take(), b.HOME)
    assert b.SHIFT in first.state.shifts
    assert b.SHIFT in second.state.shifts
    hand_over = b.of_adult(api.HandOverShiftRequest, shift_id=b.SHIFT, to_adult_id=b.SECOND_ADULT)
    first = first.after(hand_over, b.SYSTEM)
    assert first.state.shifts == {}
    assert first.when(hand_over, b.SYSTEM) == []


def test_only_the_adult_to_whom_it_is_offered_takes_a_shift() -> None:
    first = b.qualified().after(assign(), b.HOME)
    for other in (first.state, first.after(offer(b.RELATIVE), b.HOME).state, replace(first.state, shifts={})):
        story = b.qualified(adult_id=b.SECOND_ADULT).knowing(SwapFacts(b.AGENCIES, other=other))
        story.refuses("SHIFT_NOT_OFFERED", take(), b.HOME)


def test_nobody_offers_a_shift_of_others_or_to_oneself() -> None:
    story = b.qualified().after(assign(), b.HOME)
    story.refuses("SHIFT_UNKNOWN", offer(shift_id=b.HOLIDAY), b.HOME)
    story.finds_invalid({"to_adult_id"}, offer(to_adult_id=b.ADULT), b.HOME)
