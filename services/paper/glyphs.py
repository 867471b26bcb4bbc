"""Glyph coverage: a paper with a box in place of a name is never issued."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont

FONT_SUFFIXES = frozenset({".otf", ".ttf", ".ttc", ".otc"})


class MissingGlyph(Exception):
    """No permitted font can print a character. Names the code points only: the text around them is personal."""

    def __init__(self, code_points: Iterable[int]) -> None:
        self.code_points = tuple(sorted(set(code_points)))
        super().__init__("no glyph for " + ", ".join(f"U+{point:04X}" for point in self.code_points))


def missing(texts: Iterable[str], covered: frozenset[int]) -> frozenset[int]:
    """The code points of the texts that are not covered."""
    wanted = {ord(character) for text in texts for character in text}
    return frozenset(wanted - covered)


@lru_cache(maxsize=8)
def coverage(folder: Path) -> dict[str, frozenset[int]]:
    """Code points by font family, for every font file in the folder, under every name that a font gives itself."""
    families: dict[str, frozenset[int]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in FONT_SUFFIXES:
            continue
        for font in _faces(path):
            covered = frozenset(font.getBestCmap() or {})
            for family in _family_names(font):
                families[family] = families.get(family, frozenset()) | covered
            font.close()
    return families


def _faces(path: Path) -> list[TTFont]:
    if path.suffix.lower() in {".ttc", ".otc"}:
        return list(TTCollection(path, lazy=True).fonts)
    return [TTFont(path, lazy=True)]


def _family_names(font: TTFont) -> set[str]:
    # Name ids 1 and 16: family and typographic family; Chinese fonts carry a Chinese and a Latin name.
    return {record.toUnicode() for record in font["name"].names if record.nameID in (1, 16)}
