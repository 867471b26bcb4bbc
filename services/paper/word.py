"""The parts of an editable DOCX in the official layout; the same calls give the same bytes."""

import io
import zipfile
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Mm, Pt

from services.paper import wordxml

# Official families (GB/T 9704); a machine without them substitutes, which an editable copy may bear and the PDF may not.
BODY, HEADING, TITLE, LABEL = "仿宋_GB2312", "黑体", "方正小标宋简体", "楷体_GB2312"
BODY_SIZE, NOTE_SIZE, HASH_SIZE, TITLE_SIZE, PAGE_NUMBER_SIZE = Pt(16), Pt(12), Pt(9), Pt(22), Pt(14)
INDENT_CHARACTERS = 2
INDENT = Pt(16 * INDENT_CHARACTERS)
# 22 lines in 225 mm, and 28 characters of 16 pt in 156 mm once each is set a quarter of a point closer.
LINE = Pt(28.95)
NOTE_LINE, TABLE_LINE = Pt(21), Pt(18)
CLOSER_TWIPS = 5
TEXT_WIDTH, LABEL_WIDTH = Mm(156), Mm(40)
# The page number lies 7 mm below the text and is 5 mm high.
FOOTER_DISTANCE = Mm(35 - 7 - 5)
# 成文日期 stands four characters from the right edge.
DATE_FROM_RIGHT = Pt(64)
# The oldest instant that the ZIP format can tell; a real one would make each rendering other bytes.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
LEFT, CENTRE, RIGHT = WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT


def opened(title: str, author: str, issued_on: date) -> Any:
    """An empty file with the official page, fonts and page numbers."""
    file: Any = docx.Document()
    page = file.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.top_margin, page.bottom_margin = Mm(37), Mm(35)
    page.left_margin, page.right_margin = Mm(28), Mm(26)
    page.footer_distance = FOOTER_DISTANCE
    wordxml.line_grid(page, LINE.pt)
    style = file.styles["Normal"]
    style.font.name, style.font.size = BODY, BODY_SIZE
    wordxml.fonts(style.element.rPr, BODY)
    wordxml.chinese(style)
    wordxml.tighten(style, CLOSER_TWIPS)
    # Page numbers stand on the outer side: right on odd pages, left on even ones.
    file.settings.odd_and_even_pages_header_footer = True
    for footer, align in ((page.footer, RIGHT), (page.even_page_footer, LEFT)):
        line = footer.paragraphs[0]
        line.alignment = align
        line.paragraph_format.left_indent = line.paragraph_format.right_indent = PAGE_NUMBER_SIZE
        wordxml.page_number(line, lambda text, into=line: run(into, text, BODY, PAGE_NUMBER_SIZE))
    properties = file.core_properties
    # What the library fills in by itself, such as its own name and the present time, is replaced.
    properties.author = properties.last_modified_by = author
    properties.title, properties.comments, properties.revision = title, "", 1
    properties.created = properties.modified = datetime.combine(issued_on, time(), UTC).replace(tzinfo=None)
    return file


def table(file: Any, columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """A table whose header row, or without one its first column, is set as labels."""
    lines = [*([columns] if columns else []), *rows]
    if not lines:
        return
    grid = file.add_table(rows=0, cols=len(widths), style="Table Grid")
    grid.autofit = False
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width
    for number, cells in enumerate(lines):
        row = grid.add_row()
        wordxml.unsplit(row)
        for place, (cell, text) in enumerate(zip(row.cells, cells, strict=True)):
            cell.width = widths[place]
            labels = number == 0 if columns else place == 0
            line = cell.paragraphs[0]
            line._p.insert(0, deepcopy(_cell_format()))
            run(line, text, HEADING if labels else BODY, NOTE_SIZE)


def paragraph(
    file: Any,
    text: str,
    *,
    font: str = BODY,
    size: Any = BODY_SIZE,
    align: Any = WD_ALIGN_PARAGRAPH.JUSTIFY,
    indent: bool = False,
    together: bool = False,
) -> Any:
    """A paragraph; `together` keeps it on one page with the next one."""
    made = file.add_paragraph()
    made._p.insert(0, deepcopy(_paragraph_format(align, size < BODY_SIZE, indent, together)))
    if text:
        run(made, text, font, size)
    return made


# Formats are few, and each is built of many elements: built once and copied, a report takes less than half the time.
@cache
def _paragraph_format(align: Any, small: bool, indent: bool, together: bool) -> Any:
    made = docx.Document().add_paragraph()
    made.alignment = align
    if indent:
        made.paragraph_format.first_line_indent = INDENT
        wordxml.indent_characters(made, INDENT_CHARACTERS)
    made.paragraph_format.space_after = Pt(0)
    made.paragraph_format.line_spacing = NOTE_LINE if small else LINE
    made.paragraph_format.keep_with_next = together
    made.paragraph_format.keep_together = together
    if small:
        wordxml.off_grid(made)
    return made._p.pPr


@cache
def _cell_format() -> Any:
    made = docx.Document().add_paragraph()
    made.paragraph_format.line_spacing = TABLE_LINE
    wordxml.off_grid(made)
    return made._p.pPr


@cache
def _run_format(font: str, size: Any) -> Any:
    made = docx.Document().add_paragraph().add_run()
    made.font.name, made.font.size = font, size
    wordxml.fonts(made._element.get_or_add_rPr(), font)
    return made._element.rPr


def sealed(file: Any, name: str, issued_text: str) -> None:
    """署名 with the place of the seal, and the date."""
    paragraph(file, f"{name}（盖章）", align=RIGHT, together=True)
    paragraph(file, issued_text, align=RIGHT).paragraph_format.right_indent = DATE_FROM_RIGHT


def run(line: Any, text: str, font: str, size: Any) -> Any:
    """A run of text at the end of a paragraph."""
    made = line.add_run(text)
    made._element.insert(0, deepcopy(_run_format(font, size)))
    return made


def finished(file: Any) -> bytes:
    """The bytes of the file, without any time of making."""
    buffer, plain = io.BytesIO(), io.BytesIO()
    file.save(buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(plain, "w") as target:
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return plain.getvalue()
