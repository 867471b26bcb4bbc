"""Identifiers with a check: resident identity numbers, unified social credit codes, division codes."""

import re
from dataclasses import dataclass
from datetime import date

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_DIVISION = re.compile(r"\d{6}(\d{6})?")


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """What a resident identity number says; it may contradict proven facts, which then stand (ID-R04)."""

    division_code: str
    birth_date: date
    female: bool


def parse_identity_number(text: str) -> IdentityNumber | None:
    """Reads a resident identity number; None when its shape, date or check character is wrong.

    The division is never checked against a list: it is the place of first registration, often under an old code.

    Law: ID-R01 (GB 11643-1999).
    """
    if not re.fullmatch(r"[1-9]\d{16}[0-9X]", text):
        return None
    total = sum(int(digit) * weight for digit, weight in zip(text, _ID_WEIGHTS, strict=False))
    if _ID_CHECKS[total % 11] != text[17]:
        return None
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return None
    return IdentityNumber(text[:6], born, int(text[16]) % 2 == 0)


def is_uscc(text: str) -> bool:
    """Whether the text is a unified social credit code with its right check character.

    Law: ID-R05 (GB 32100-2015).
    """
    if len(text) != 18 or any(symbol not in _USCC_SYMBOLS for symbol in text):
        return False
    total = sum(_USCC_SYMBOLS.index(symbol) * weight for symbol, weight in zip(text, _USCC_WEIGHTS, strict=False))
    return _USCC_SYMBOLS[(31 - total % 31) % 31] == text[17]


def uscc_check_character(body: str) -> str:
    """The check character of the first 17 characters; for synthetic codes."""
    total = sum(_USCC_SYMBOLS.index(symbol) * weight for symbol, weight in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC_SYMBOLS[(31 - total % 31) % 31]


def is_division_code(text: str) -> bool:
    """Whether the text has the shape of a division code of 6 or 12 digits (ID-R08, ID-R09)."""
    return bool(_DIVISION.fullmatch(text)) and text[:2] != "00"
