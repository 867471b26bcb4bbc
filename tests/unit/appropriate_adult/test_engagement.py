"""The calendar: nobody is in two places, and every question about it gets an answer."""

from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import adult_events_pb2 as events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from tests.unit.appropriate_adult import builders as b


def confirm(engagement_id: str = b.CANDIDATE) -> Any:
    return b.of_adult(api.ConfirmEngagementRequest, engagement_id=engagement_id)


def release(end: int = events.ENGAGEMENT_END_ATTENDED, engagement_id: str = b.CANDIDATE) -> Any:
    return b.of_adult(api.ReleaseEngagementRequest, engagement_id=engagement_id, end=end)


def refused(found: Any) -> int:
    assert [type(event) for event in found] == [events.EngagementRefused]
    return int(found[0].reason)


@pytest.mark.parametrize(
    ("begins", "ends", "free"),
    [
        ("2026-03-09 07:00", "2026-03-09 09:00", True),
        ("2026-03-09 07:00", "2026-03-09 09:01", False),
        ("2026-03-09 10:00", "2026-03-09 11:00", False),
        ("2026-03-09 12:59", "2026-03-09 15:00", False),
        ("2026-03-09 13:00", "2026-03-09 15:00", True),
    ],
)
def test_engagements_never_overlap_travel_included(begins: str, ends: str, free: bool) -> None:
    found = b.qualified().after(b.reserve(), b.SYSTEM).when(b.reserve(b.SECOND_CANDIDATE, begins, ends), b.SYSTEM)
    assert type(found[0]) is (events.EngagementReserved if free else events.EngagementRefused)


def test_an_engagement_that_is_over_frees_its_time() -> None:
    story = b.qualified().after(b.reserve(), b.SYSTEM)
    assert refused(story.when(b.reserve(b.SECOND_CANDIDATE), b.SYSTEM)) == events.ENGAGEMENT_REFUSAL_REASON_OVERLAP
    story = story.after(release(events.ENGAGEMENT_END_NOT_CHOSEN), b.SYSTEM)
    assert type(story.when(b.reserve(b.SECOND_CANDIDATE), b.SYSTEM)[0]) is events.EngagementReserved
    assert story.state.attended == 0


def test_leave_refuses_an_engagement() -> None:
    begins_at, ends_at = b.instant("2026-03-09 12:00"), b.instant("2026-03-09 18:00")
    leave = b.of_adult(api.RecordHolidayRequest, holiday_id=b.HOLIDAY, begins_at=begins_at, ends_at=ends_at)
    found = b.qualified().after(leave, b.HOME).when(b.reserve(), b.SYSTEM)
    assert refused(found) == events.ENGAGEMENT_REFUSAL_REASON_HOLIDAY


def test_who_is_not_qualified_is_not_engaged() -> None:
    found = b.registered().when(b.reserve(), b.SYSTEM)
    assert refused(found) == events.ENGAGEMENT_REFUSAL_REASON_NOT_QUALIFIED


def test_a_refusal_leaves_the_calendar_as_it_is() -> None:
    assert b.registered().after(b.reserve(), b.SYSTEM).state == b.registered().state


def test_the_same_reservation_again_changes_nothing() -> None:
    assert b.qualified().after(b.reserve(), b.SYSTEM).when(b.reserve(), b.SYSTEM) == []


def test_an_engagement_ends_after_it_begins() -> None:
    b.qualified().finds_invalid({"ends_at"}, b.reserve(ends="2026-03-09 09:00"), b.SYSTEM)


def test_an_unknown_adult_has_no_calendar() -> None:
    b.unregistered().refuses("ADULT_UNKNOWN", b.reserve(), b.SYSTEM)


def test_aa_r19_a_confirmed_engagement_is_remembered_with_case_and_minor() -> None:
    story = b.qualified().after(b.reserve(), b.SYSTEM)
    assert story.state.served == frozenset()
    assert story.after(confirm(), b.SYSTEM).state.served == {(b.CASE, b.MINOR)}


def test_confirming_twice_changes_nothing_and_confirming_nothing_is_refused() -> None:
    story = b.qualified().after(b.reserve(), b.SYSTEM).after(confirm(), b.SYSTEM)
    assert story.when(confirm(), b.SYSTEM) == []
    story.refuses("ENGAGEMENT_UNKNOWN", confirm(b.SECOND_CANDIDATE), b.SYSTEM)


def test_an_attended_engagement_counts_once() -> None:
    story = b.qualified().after(b.reserve(), b.SYSTEM).after(confirm(), b.SYSTEM).after(release(), b.SYSTEM)
    assert story.state.attended == 1
    assert story.when(release(), b.SYSTEM) == []
    assert story.when(release(engagement_id=b.SECOND_CANDIDATE), b.SYSTEM) == []
