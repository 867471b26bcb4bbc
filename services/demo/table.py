"""Tables in a terminal, where a Chinese character is two columns wide."""

import unicodedata
from collections.abc import Iterator, Sequence

_WIDE = frozenset("WF")
GAP = "  "


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, the heads first; the last column is not filled up."""
    lines = [heads, *rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell + " " * (wide - width(cell)) for cell, wide in zip(line, widths, strict=True)]
        yield GAP.join(cells).rstrip()


def width(text: str) -> int:
    """Columns of a text."""
    return sum(2 if unicodedata.east_asian_width(character) in _WIDE else 1 for character in text)
