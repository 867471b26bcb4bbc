"""Identifiers: identity numbers (ID-R01), unified social credit codes (ID-R05), division codes (ID-R08)."""

from datetime import date

import pytest

from services.kernel.identifier import is_division_code, is_uscc, parse_identity_number, uscc_check_character


def test_the_standards_own_examples_are_read() -> None:
    first = parse_identity_number("11010519491231002X")
    second = parse_identity_number("440524188001010014")
    assert first is not None and second is not None
    assert (first.division_code, first.birth_date, first.female) == ("110105", date(1949, 12, 31), True)
    assert (second.division_code, second.birth_date, second.female) == ("440524", date(1880, 1, 1), False)


@pytest.mark.parametrize("text", ["110108200903150025", "320312200410180028", "440112201010280039"])
def test_id_r02_synthetic_numbers_of_the_law_pages_are_read(text: str) -> None:
    assert parse_identity_number(text) is not None


@pytest.mark.parametrize("text", ["91350100M000100Y43", "11110108000000001J", "52110108MJ0000001Y"])
def test_id_r07_codes_of_the_law_pages_are_read(text: str) -> None:
    assert is_uscc(text)


@pytest.mark.parametrize(
    "text",
    [
        "110105194912310021",
        "11010519491331002X",
        "1101051949123100",
        "",
        "01010519491231002X",
        "11010519491231002x",
        "110108200902300028",
    ],
)
def test_a_number_with_a_wrong_check_date_or_shape_is_none(text: str) -> None:
    assert parse_identity_number(text) is None


def test_a_credit_code_needs_its_check_character() -> None:
    body = "11100000MB0143028"
    code = body + uscc_check_character(body)
    assert is_uscc(code)
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert not is_uscc(wrong)
    assert not is_uscc(code[:-1])
    assert not is_uscc("I" + code[1:])


@pytest.mark.parametrize(("text", "valid"), [("110108", True), ("110108001001", True), ("001108", False), ("1101", False)])
def test_a_division_code_has_six_or_twelve_digits(text: str, valid: bool) -> None:
    assert is_division_code(text) is valid
