"""Who can be asked, in which order, and why the others cannot."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from guanhu.intake.v1 import person_events_pb2 as persons
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.draw import ticket
from services.appropriate_adult.matching import Found, Wanted, callable_at, equals, match, merit
from services.kernel.dates import to_datetime
from tests.unit.appropriate_adult import builders as b
from tests.unit.appropriate_adult.callouts import SEED, adult, an_id, booking, on_standby

COUNTY, PREFECTURE, PROVINCE = (
    events.CALLOUT_LEVEL_COUNTY,
    events.CALLOUT_LEVEL_PREFECTURE,
    events.CALLOUT_LEVEL_PROVINCE,
)


def instant(text: str) -> Any:
    return to_datetime(b.instant(text))


def wanted(**changes: Any) -> Wanted:
    """The session of the synthetic assignment: travel from nine, in the county, in Yi, a woman preferred."""
    fields: dict[str, Any] = {
        "assignment": b.requested().state,
        "begins_at": instant("2026-03-09 09:00"),
        "ends_at": instant("2026-03-09 13:00"),
        "division_code": b.COUNTY,
        "level": COUNTY,
        "on": date(2026, 3, 9),
    }
    return Wanted(**{**fields, **changes})


def found(*roster: AdultState, open_offers: dict[str, int] | None = None, **changes: Any) -> Found:
    return match(wanted(**changes), roster, open_offers or {}, SEED)


def order(result: Found) -> list[str]:
    return [one.adult_id for one in (*result.best, *result.standby)]


def obstacle(one: AdultState, **changes: Any) -> tuple[int, list[int]]:
    """The one obstacle that an adult meets."""
    [excluded] = found(one, **changes).excluded
    return excluded.obstacle, list(excluded.exclusions)


def test_an_adult_without_any_obstacle_is_a_candidate() -> None:
    result = found(adult(1))
    assert order(result) == [an_id(1)]
    assert result.excluded == ()
    [candidate] = result.best
    assert (candidate.home_uscc, candidate.preferred, candidate.again, candidate.load) == (b.SWO, True, False, 0)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"under_sentence": True}, assignments.EXCLUSION_UNDER_SENTENCE),
        ({"liberty_restricted": True}, assignments.EXCLUSION_LIBERTY_RESTRICTED),
        ({"full_capacity": False}, assignments.EXCLUSION_INCAPABLE),
        ({"state_staff": True}, assignments.EXCLUSION_PART_IN_CASE),
        ({"query_clear": False}, assignments.EXCLUSION_CRIMINAL_RECORD),
        ({"queried_on": date(2025, 3, 8)}, assignments.EXCLUSION_CRIMINAL_RECORD),
        ({"trainings": {}}, assignments.EXCLUSION_UNTRAINED),
        ({"suspended": True}, assignments.EXCLUSION_NOT_ON_ROSTER),
        ({"served": frozenset({(b.CASE, b.OTHER_MINOR)})}, assignments.EXCLUSION_CO_ACCUSED),
    ],
)
def test_nobody_with_a_conflict_or_a_shortcoming_is_a_candidate(changes: dict[str, Any], expected: int) -> None:
    kind, exclusions = obstacle(adult(1, **changes))
    assert kind == events.OBSTACLE_NOT_ELIGIBLE
    assert expected in exclusions


def test_aa_r17_trainings_count_on_the_day_of_the_act_and_not_on_another() -> None:
    assert obstacle(adult(1), on=date(2027, 10, 10))[0] == events.OBSTACLE_NOT_ELIGIBLE


def test_aa_x08_a_woman_is_demanded_or_only_preferred() -> None:
    man, woman = adult(1, sex=persons.SEX_MALE), adult(2)
    assert order(found(man, woman)) == [an_id(2), an_id(1)]
    demanded = replace(b.requested().state, sex_preference=assignments.SEX_PREFERENCE_WOMAN)
    assert obstacle(man, assignment=demanded) == (events.OBSTACLE_SEX, [])
    anybody = replace(b.requested().state, sex_preference=assignments.SEX_PREFERENCE_ANY)
    assert {one.preferred for one in found(man, woman, assignment=anybody).best} == {True}


def test_whoever_was_put_aside_or_asked_before_is_not_asked_again() -> None:
    aside = replace(b.requested().state, put_aside=frozenset({an_id(1)}))
    assert obstacle(adult(1), assignment=aside) == (events.OBSTACLE_PUT_ASIDE, [])
    assert obstacle(adult(1), asked=frozenset({an_id(1)})) == (events.OBSTACLE_ASKED, [])


def test_one_of_the_languages_is_enough_and_without_any_all_can_come() -> None:
    assert obstacle(adult(1, languages=frozenset({"cmn"})))[0] == events.OBSTACLE_LANGUAGE
    silent = replace(b.requested().state, languages=frozenset())
    assert order(found(adult(1, languages=frozenset({"cmn"})), assignment=silent)) == [an_id(1)]
    either = replace(b.requested().state, languages=frozenset({"iii", "cmn"}))
    assert order(found(adult(1, languages=frozenset({"cmn"})), assignment=either)) == [an_id(1)]


@pytest.mark.parametrize(
    ("district", "level", "near"),
    [
        ("513401", COUNTY, True),
        ("513402", COUNTY, False),
        ("513402", PREFECTURE, True),
        ("510104", PREFECTURE, False),
        ("510104", PROVINCE, True),
        ("110108", PROVINCE, False),
    ],
)
def test_esc_r04_each_level_asks_who_covers_a_county_of_it(district: str, level: int, near: bool) -> None:
    one = adult(1, districts=frozenset({district}))
    assert bool(found(one, level=level).best) == near
    if not near:
        assert obstacle(one, level=level)[0] == events.OBSTACLE_TOO_FAR


def test_an_engagement_or_leave_that_overlaps_keeps_away_travel_included() -> None:
    busy = adult(1, engagements={"e": booking("2026-03-09 12:59", "2026-03-09 15:00")})
    free = adult(2, engagements={"e": booking("2026-03-09 13:00", "2026-03-09 15:00")})
    away = adult(3, holidays={"h": (instant("2026-03-09 00:00"), instant("2026-03-09 09:01"))})
    result = found(busy, free, away)
    assert order(result) == [an_id(2)]
    assert [item.obstacle for item in result.excluded] == [events.OBSTACLE_ENGAGED, events.OBSTACLE_ON_LEAVE]


def test_times_of_the_week_keep_away_unless_the_adult_is_on_standby() -> None:
    evenings = ((1, 1080, 1440),)
    assert obstacle(adult(1, availability=evenings))[0] == events.OBSTACLE_NOT_AVAILABLE
    result = found(adult(1, availability=evenings, shifts=on_standby()))
    assert (len(result.best), len(result.standby)) == (0, 1)


@pytest.mark.parametrize(
    ("times", "covered"),
    [
        ((), True),
        (((1, 540, 780),), True),
        (((1, 540, 779),), False),
        (((1, 541, 780),), False),
        (((1, 540, 600), (1, 590, 780)), True),
        (((1, 540, 600), (1, 601, 780)), False),
        (((2, 540, 780),), False),
    ],
)
def test_times_of_the_week_cover_the_whole_engagement(times: tuple[tuple[int, int, int], ...], covered: bool) -> None:
    assert callable_at(times, instant("2026-03-09 09:00"), instant("2026-03-09 13:00")) == covered


def test_a_night_is_covered_by_the_times_before_and_after_midnight() -> None:
    night = instant("2026-03-09 22:00"), instant("2026-03-10 06:00")
    assert callable_at(((1, 1320, 1440), (2, 0, 360)), *night)
    assert not callable_at(((1, 1320, 1440),), *night)
    assert not callable_at(((1, 1320, 1439), (2, 0, 360)), *night)
    assert callable_at(((1, 1320, 1440),), instant("2026-03-09 22:00"), instant("2026-03-10 00:00"))


def test_standby_counts_for_the_area_and_while_the_shift_runs() -> None:
    elsewhere = adult(1, shifts=on_standby("513402"))
    assert (len(found(elsewhere).best), len(found(elsewhere).standby)) == (1, 0)
    assert len(found(elsewhere, level=PREFECTURE).standby) == 1
    over = adult(1, shifts=on_standby(span=("2026-03-08 20:00", "2026-03-09 09:00")))
    assert (len(found(over).best), len(found(over).standby)) == (1, 0)


def test_aa_r18_who_attended_this_minor_before_comes_first() -> None:
    known = adult(9, served=frozenset({(b.CASE, b.MINOR)}), sex=persons.SEX_MALE)
    assert order(found(adult(1), known))[0] == an_id(9)


def test_the_nearest_come_first_and_of_those_the_least_loaded() -> None:
    far = adult(1, districts=frozenset({"513402"}))
    loaded = adult(2, engagements={"e": booking("2026-03-20 09:00", "2026-03-20 13:00")})
    asked = adult(3)
    result = found(far, loaded, asked, adult(4), open_offers={an_id(3): 2}, level=PREFECTURE)
    assert order(result) == [an_id(4), an_id(2), an_id(3), an_id(1)]
    assert [one.load for one in result.best] == [0, 1, 2, 0]


def test_load_counts_what_was_confirmed_within_thirty_days() -> None:
    engagements = {
        "confirmed": booking("2026-02-20 09:00", "2026-02-20 12:00", status=3, confirmed=True),
        "not chosen": booking("2026-02-21 09:00", "2026-02-21 12:00", status=3),
        "long ago": booking("2026-01-20 09:00", "2026-01-20 12:00", status=3, confirmed=True),
    }
    assert found(adult(1, engagements=engagements)).best[0].load == 1


def test_of_equals_the_lower_ticket_comes_first_whatever_the_order_of_the_roster() -> None:
    roster = [adult(number) for number in range(1, 8)]
    expected = sorted((one.adult_id for one in roster), key=lambda adult_id: ticket(SEED, adult_id))
    assert order(found(*roster)) == order(found(*reversed(roster))) == expected
    assert expected != sorted(expected), "the draw is no alphabet"
    best = found(*roster).best
    assert {merit(one) for one in best} == {merit(best[0])}
    assert equals(best[0], best) == 7


def test_somebody_named_for_one_case_only_is_not_on_the_roster() -> None:
    assert found(adult(1, standing=forms.STANDING_CASE_ONLY)) == Found((), (), ())


def test_shortfalls_count_the_obstacles() -> None:
    result = found(adult(1, languages=frozenset()), adult(2, languages=frozenset()), adult(3, suspended=True))
    assert [(item.obstacle, item.adults) for item in result.shortfalls()] == [
        (events.OBSTACLE_NOT_ELIGIBLE, 1),
        (events.OBSTACLE_LANGUAGE, 2),
    ]
