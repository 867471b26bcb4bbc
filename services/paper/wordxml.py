"""What the official layout needs of WordprocessingML and python-docx has no words for."""

from typing import Any

from docx.oxml import OxmlElement
from docx.oxml.ns import qn

TWIPS_PER_POINT = 20


def element(parent: Any, name: str, **attributes: object) -> Any:
    """Appends an element such as "w:lang" with attributes of the same namespace."""
    made = OxmlElement(name)
    for key, value in attributes.items():
        made.set(qn(f"w:{key}"), str(value))
    parent.append(made)
    return made


def fonts(properties: Any, family: str) -> None:
    """Sets the family of Chinese text; python-docx only sets that of Latin text."""
    properties.get_or_add_rFonts().set(qn("w:eastAsia"), family)


def chinese(style: Any) -> None:
    """Marks text as Chinese of the mainland: otherwise programs choose Japanese shapes of punctuation."""
    element(style.element.get_or_add_rPr(), "w:lang", val="en-US", eastAsia="zh-CN")


def tighten(style: Any, twips: int) -> None:
    """Sets characters closer together by twentieths of a point."""
    properties = style.element.get_or_add_rPr()
    # The schema orders these elements: spacing comes before the size of the font.
    properties.find(qn("w:sz")).addprevious(element(properties, "w:spacing", val=-twips))


def indent_characters(paragraph: Any, characters: int) -> None:
    """A first-line indent in characters, beside the one in points for programs that know no characters."""
    paragraph._p.get_or_add_pPr().get_or_add_ind().set(qn("w:firstLineChars"), str(characters * 100))


def line_grid(section: Any, pitch_points: float) -> None:
    """A grid of lines; one of characters too would tear the text apart in LibreOffice."""
    for old in section._sectPr.findall(qn("w:docGrid")):
        section._sectPr.remove(old)
    element(section._sectPr, "w:docGrid", type="lines", linePitch=round(pitch_points * TWIPS_PER_POINT))


def off_grid(paragraph: Any) -> None:
    """Lets smaller lines stand closer than the grid of the page."""
    properties = paragraph._p.get_or_add_pPr()
    made = element(properties, "w:snapToGrid", val="0")
    # The schema orders these elements: this one comes before spacing, indent and alignment.
    later = [qn(name) for name in ("w:spacing", "w:ind", "w:jc")]
    following = next((child for child in properties if child.tag in later), None)
    if following is not None:
        following.addprevious(made)


def page_number(paragraph: Any, make_run: Any) -> None:
    """The number of the page between dashes, as a field; `make_run(text)` makes a run in the font of page numbers."""
    make_run("— ")
    for kind in ("begin", "PAGE", "end"):
        run = make_run("")._r
        if kind == "PAGE":
            element(run, "w:instrText").text = kind
        else:
            element(run, "w:fldChar", fldCharType=kind)
    make_run(" —")


def unsplit(row: Any) -> None:
    """Keeps a row of a table on one page."""
    element(row._tr.get_or_add_trPr(), "w:cantSplit")
