"""One section of the report: labelled items, tables, the reason of an omission, and where it comes from."""

from dataclasses import dataclass
from typing import Any

from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.types.v1 import types_pb2
from services.kernel.dates import to_date
from services.paper.wording import chinese_date, paragraphs
from services.social_investigation.report.labels import FAMILY_COLUMNS, term

Item = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Table:
    """A captioned table; every row has one cell per column."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """`items` are labels with their paragraphs; `omitted` is the reason why there are none."""

    heading: str
    items: tuple[Item, ...] = ()
    tables: tuple[Table, ...] = ()
    statement: str = ""
    omitted: str = ""
    source: str = ""


def items(content: Any, labels: tuple[tuple[str, str], ...]) -> tuple[Item, ...]:
    """The filled fields of a section message, in printing order."""
    texts = ((label, _texts(content, field)) for field, label in labels)
    return tuple((label, lines) for label, lines in texts if lines)


def family_table(family: forms.Family) -> Table:
    """The members of the family, one a row; what was not recorded is a dash, so that no cell looks forgotten."""
    rows = tuple(
        tuple(" ".join(paragraphs(str(getattr(member, field) or "—"))) for field, _ in FAMILY_COLUMNS)
        for member in family.members
    )
    return Table("家庭成员", tuple(label for _, label in FAMILY_COLUMNS), rows)


def _texts(content: Any, field: str) -> tuple[str, ...]:
    value = getattr(content, field)
    match value:
        case str():
            return paragraphs(value)
        case types_pb2.Date():
            day = to_date(value)
            return (chinese_date(day),) if day else ()
        case forms.PsychologicalTest():
            return _psychological_test(value)
        case int():
            return _number(content, field, value)
    if field == "milestones":
        return tuple(f"{point.age_years}岁：{' '.join(paragraphs(point.event))}" for point in value)
    if field == "members":
        return ()  # printed as a table
    return tuple(line for text in value for line in paragraphs(text))


def _number(content: Any, field: str, value: int) -> tuple[str, ...]:
    if field == "band":
        band = term("RiskBand", value)
        return (band,) if band else ()
    # A score of zero is a score wherever an instrument was used.
    return (f"{value}分",) if value or content.instrument else ()


def _psychological_test(test: forms.PsychologicalTest) -> tuple[str, ...]:
    if not test.ByteSize():
        return ()
    parts = (
        ("测评工具", test.instrument),
        ("测评日期", chinese_date(to_date(test.tested_on))),
        ("测评人", test.examiner),
        ("结果", test.result),
    )
    return ("；".join(f"{label}：{' '.join(paragraphs(text))}" for label, text in parts if text),)
