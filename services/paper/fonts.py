"""Which font prints which part of a paper: the office's licensed official fonts, else the bundled Noto."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pylopdf_fonts_zh_cn

from services.paper.glyphs import MissingGlyph, coverage, missing

BUNDLED_FOLDER = Path(pylopdf_fonts_zh_cn.serif_path()).parent
SERIF = "Noto Serif SC"
SANS = "Noto Sans SC"

# Role -> official families in order of preference under the names their files carry; the bundled family is last.
OFFICIAL: Mapping[str, tuple[str, ...]] = {
    "body": ("FangSong_GB2312", "仿宋_GB2312", "FangSong", "仿宋", SERIF),
    "title": ("FZXiaoBiaoSong-B05S", "方正小标宋简体", "FZXiaoBiaoSong-B05", SERIF),
    "heading": ("SimHei", "黑体", SANS),
    "label": ("KaiTi_GB2312", "楷体_GB2312", "KaiTi", "楷体", SANS),
}


@dataclass(frozen=True, slots=True)
class Typefaces:
    """The family of each role and the folders that hold them."""

    body: str
    title: str
    heading: str
    label: str
    folders: tuple[Path, ...]


def choose(texts: Iterable[str], office_folder: Path | None = None) -> Typefaces:
    """One family per role that covers the whole text.

    A family that lacks a character is passed over for its whole role: glyphs of two fonts within one name look like
    a forgery.

    Raises:
        MissingGlyph: even the bundled fonts lack a character.
    """
    folders = (office_folder, BUNDLED_FOLDER) if office_folder else (BUNDLED_FOLDER,)
    families: dict[str, frozenset[int]] = {}
    for folder in reversed(folders):
        families |= coverage(folder)
    lines = tuple(texts)
    chosen = {role: _first_covering(candidates, families, lines) for role, candidates in OFFICIAL.items()}
    return Typefaces(folders=folders, **chosen)


def _first_covering(candidates: tuple[str, ...], families: Mapping[str, frozenset[int]], texts: tuple[str, ...]) -> str:
    lacking: frozenset[int] = frozenset()
    for family in candidates:
        if family not in families:
            continue
        lacking = missing(texts, families[family])
        if not lacking:
            return family
    raise MissingGlyph(lacking)
