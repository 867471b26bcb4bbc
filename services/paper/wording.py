"""How official papers write dates, times, lines of text, and the terms of the protocol."""

import re
from datetime import date, datetime

from google.protobuf.descriptor import FileDescriptor

from guanhu.options.v1 import options_pb2
from services.kernel.decision import CHINA_STANDARD_TIME

_LINE_BREAK = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")


def chinese_date(day: date | None) -> str:
    """The date as official documents write it, without leading zeros; empty when there is none."""
    return f"{day.year}年{day.month}月{day.day}日" if day else ""


def chinese_time(at: datetime) -> str:
    """The instant to the minute, in China Standard Time."""
    local = at.astimezone(CHINA_STANDARD_TIME)
    return f"{chinese_date(local.date())}{local.hour}时{local.minute:02}分"


def day_of(at: datetime) -> date:
    """The day of an instant in China Standard Time."""
    return at.astimezone(CHINA_STANDARD_TIME).date()


def paragraphs(text: str) -> tuple[str, ...]:
    """The non-empty lines of a text, tabs as spaces: no font and no layout has a glyph for either."""
    lines = (line.replace("\t", " ").strip() for line in _LINE_BREAK.split(text))
    return tuple(line for line in lines if line)


def one_line(text: str) -> str:
    """The text on one line."""
    return " ".join(paragraphs(text))


def label(file: FileDescriptor, enum: str, number: int) -> str:
    """The Chinese term of an enum value; empty when it was never recorded."""
    if not number:
        return ""
    value = file.enum_types_by_name[enum].values_by_number[number]
    return str(value.GetOptions().Extensions[options_pb2.label])
