"""Ages: criminal law counts from the day after the birthday, civil law from the birthday."""

from datetime import date

from services.kernel.age import civil_age, criminal_age, is_minor_at_act


def test_age_01_fourteen_is_reached_the_day_after_the_birthday() -> None:
    born = date(2012, 5, 10)
    assert criminal_age(born, date(2026, 5, 10)) == 13
    assert criminal_age(born, date(2026, 5, 11)) == 14


def test_age_09_a_civil_age_is_reached_on_the_birthday() -> None:
    assert civil_age(date(2012, 5, 10), date(2026, 5, 10)) == 14
    assert civil_age(date(2012, 5, 10), date(2026, 5, 9)) == 13


def test_a_leap_day_birthday_comes_on_the_first_of_march() -> None:
    assert civil_age(date(2008, 2, 29), date(2026, 2, 28)) == 17
    assert civil_age(date(2008, 2, 29), date(2026, 3, 1)) == 18


def test_age_05_on_the_eighteenth_birthday_one_is_still_a_minor() -> None:
    assert is_minor_at_act(date(2008, 3, 2), date(2026, 3, 2))
    assert not is_minor_at_act(date(2008, 3, 2), date(2026, 3, 3))
