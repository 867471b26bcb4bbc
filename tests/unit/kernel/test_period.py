"""The counting rules of domain/02 §2.2 with their worked examples."""

from datetime import date, datetime, timedelta

import chinese_calendar
import pytest

from services.kernel.calendar import CHINA
from services.kernel.period import (
    Counting,
    Period,
    add_months,
    add_working_days,
    deadline,
    hours,
    subtract_working_days,
)


def due(trigger: str, period: Period, counting: Counting, *, liberty_restricted: bool = False) -> str:
    return deadline(date.fromisoformat(trigger), period, counting, liberty_restricted=liberty_restricted).due.isoformat()


CRIMINAL, CIVIL = Counting.CRIMINAL, Counting.CIVIL_PROCEDURE


def test_tim_03_a_criminal_period_rolls_over_the_national_holiday() -> None:
    assert due("2026-09-24", Period(days=7), CRIMINAL) == "2026-10-08"


def test_tim_03_in_custody_the_nominal_day_stands() -> None:
    assert due("2026-09-24", Period(days=7), CRIMINAL, liberty_restricted=True) == "2026-10-01"
    assert due("2026-09-24", Period(days=15), CRIMINAL) == "2026-10-09"


def test_tim_04_a_month_from_its_last_day_ends_on_the_last_day() -> None:
    assert due("2026-01-31", Period(months=1), CRIMINAL) == "2026-02-28"
    assert due("2026-02-28", Period(months=1), CRIMINAL) == "2026-03-31"
    assert due("2026-08-31", Period(months=6), CRIMINAL, liberty_restricted=True) == "2027-02-28"


def test_tim_04_half_a_month_is_fifteen_days() -> None:
    assert due("2026-02-28", Period(half_months=1), CRIMINAL) == "2026-03-16"
    assert due("2026-02-28", Period(half_months=1), CRIMINAL, liberty_restricted=True) == "2026-03-15"


def test_tim_06_a_civil_month_keeps_its_day_and_rolls() -> None:
    assert due("2026-02-28", Period(months=1), CIVIL) == "2026-03-30"


def test_tim_07_the_civil_code_counts_years_to_the_corresponding_day() -> None:
    assert due("2024-02-29", Period(years=1), Counting.CIVIL_CODE) == "2025-02-28"


def test_tim_08_working_days_count_exchanged_weekends_and_skip_holidays() -> None:
    for start, days, end in (
        ("2026-09-29", 5, "2026-10-12"),
        ("2026-02-12", 3, "2026-02-24"),
        ("2026-04-28", 10, "2026-05-14"),
    ):
        assert due(start, Period(working_days=days), CRIMINAL) == end


def test_tim_11_a_police_period_stands_while_liberty_is_restricted() -> None:
    assert due("2026-09-25", Period(days=7), Counting.POLICE, liberty_restricted=True) == "2026-10-02"
    assert due("2026-09-25", Period(days=7), Counting.POLICE) == "2026-10-08"


def test_a_civil_period_rolls_whether_or_not_somebody_is_held() -> None:
    assert due("2026-02-28", Period(months=1), CIVIL, liberty_restricted=True) == "2026-03-30"


def test_tim_06_hours_run_through_holidays_and_are_read_both_ways() -> None:
    found = hours(datetime(2026, 10, 2, 10, 20), 72)
    assert found.naive == datetime(2026, 10, 5, 10, 20)
    assert found.from_next_hour == datetime(2026, 10, 5, 11, 0)
    assert hours(datetime(2026, 10, 2, 10, 0), 24).from_next_hour == datetime(2026, 10, 3, 10, 0)


def test_a_deadline_explains_itself() -> None:
    found = deadline(date(2026, 9, 24), Period(days=7), CRIMINAL)
    assert found.steps == (
        "2026-09-24 starts the period and is not counted",
        "7 days end on 2026-10-01",
        "2026-10-01 is no working day: 2026-10-08 is the first after it (TIM-03)",
    )
    assert (found.nominal, found.calendar_version, found.provisional) == (date(2026, 10, 1), CHINA.version, False)


def test_tim_10_a_period_that_reaches_an_unpublished_year_is_provisional() -> None:
    found = deadline(date(2026, 12, 28), Period(working_days=5), CRIMINAL)
    assert found.provisional
    assert "may still change" in found.steps[-1]
    assert CHINA.status(2027) == "PROVISIONAL"


def test_an_unpublished_year_knows_its_certain_holidays() -> None:
    assert not CHINA.is_working_day(date(2030, 10, 1))
    assert CHINA.is_working_day(date(2030, 10, 8))


def test_the_day_before_counts_back_over_weekends() -> None:
    assert subtract_working_days(date(2026, 3, 9), 1) == date(2026, 3, 6)
    assert add_working_days(date(2026, 3, 6), 1) == date(2026, 3, 9)


def test_months_without_the_day_end_on_their_last() -> None:
    assert add_months(date(2026, 1, 30), 1, snap_to_month_end=False) == date(2026, 2, 28)
    assert add_months(date(2024, 12, 31), 2, snap_to_month_end=True) == date(2025, 2, 28)


@pytest.mark.parametrize("year", range(2013, 2027))
def test_our_calendar_agrees_with_an_independent_one(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        assert CHINA.is_working_day(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)
    assert CHINA.status(year) == "PUBLISHED"
