"""The words of the forms: official terms of enum values, articles of laws, times within a session."""

import re
from datetime import datetime
from typing import Final

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.kernel.decision import CHINA_STANDARD_TIME
from services.paper.wording import label

# Printed where a field of the form was not filled, so that none looks forgotten.
NOTHING = "—"
# Laws by the short names that a notice may cite them with.
_LAWS: Final = {
    "CPL": "中华人民共和国刑事诉讼法",
    "Minors Protection Law": "中华人民共和国未成年人保护法",
    "Delinquency Prevention Law": "中华人民共和国预防未成年人犯罪法",
    "Public Security Penalties Law": "中华人民共和国治安管理处罚法",
}
_CITED = re.compile(rf"({'|'.join(_LAWS)}) Art\. (\d{{1,4}})")
_DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")


def term(enum: str, number: int) -> str:
    """The Chinese term of an enum value of the assignment's events or of the forms."""
    file = forms.DESCRIPTOR if enum in forms.DESCRIPTOR.enum_types_by_name else events.DESCRIPTOR
    return label(file, enum, number) or NOTHING


def article(cited: str) -> str:
    """An article as official papers cite it; what is no citation that we know stays as it was written."""
    return _CITED.sub(lambda found: f"《{_LAWS[found[1]]}》第{chinese_number(int(found[2]))}条", cited)


def chinese_number(number: int) -> str:
    """A number from 1 to 9999 in Chinese numerals."""
    digits = [int(digit) for digit in str(number)]
    text = ""
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit:
            text += _DIGITS[digit] + _UNITS[place]
        elif text and not text.endswith(_DIGITS[0]):
            text += _DIGITS[0]
    text = text.rstrip(_DIGITS[0])
    return text.removeprefix("一") if text.startswith("一十") else text


def clock(at: datetime) -> str:
    """An instant within a session: day and minute."""
    local = at.astimezone(CHINA_STANDARD_TIME)
    return f"{local.month}月{local.day}日{local:%H:%M}"
