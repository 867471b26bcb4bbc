"""The report as an editable DOCX in the same order as the PDF; the same document gives the same bytes."""

import io
import zipfile
from datetime import UTC, datetime, time
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Mm, Pt

from services.social_investigation.report import wordxml
from services.social_investigation.report.document import Document
from services.social_investigation.report.sections import Section, Table

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


def render(document: Document) -> bytes:
    """The DOCX."""
    file: Any = docx.Document()
    _page(file, document)
    _paragraph(file, document.marking, font=HEADING, align=LEFT)
    _paragraph(file, "")
    _paragraph(file, document.title, font=TITLE, size=TITLE_SIZE, align=CENTRE)
    _paragraph(file, document.report_no, align=CENTRE)
    _paragraph(file, "")
    _paragraph(file, f"{document.addressee}：", align=LEFT)
    _table(file, Table("", (), document.header), (LABEL_WIDTH, TEXT_WIDTH - LABEL_WIDTH))
    for section in document.sections:
        _section(file, section)
    _paragraph(file, document.annex_heading, font=HEADING, indent=True, together=True)
    for annex in document.annexes:
        _paragraph(file, f"{annex.number}．{annex.text}", indent=True, together=bool(annex.sha256))
        if annex.sha256:
            _paragraph(file, f"SHA-256：{annex.sha256}", size=HASH_SIZE, align=LEFT, indent=True)
    if not document.annexes:
        _paragraph(file, "无。", indent=True)
    _closing(file, document)
    buffer = io.BytesIO()
    file.save(buffer)
    return _without_times(buffer.getvalue())


def _page(file: Any, document: Document) -> None:
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
        paragraph = footer.paragraphs[0]
        paragraph.alignment = align
        paragraph.paragraph_format.left_indent = paragraph.paragraph_format.right_indent = PAGE_NUMBER_SIZE
        wordxml.page_number(paragraph, lambda text, into=paragraph: _run(into, text, BODY, PAGE_NUMBER_SIZE))
    properties = file.core_properties
    # What the library fills in by itself, such as its own name and the present time, is replaced.
    properties.author = properties.last_modified_by = document.seal
    properties.title, properties.comments, properties.revision = document.title, "", 1
    properties.created = properties.modified = datetime.combine(document.issued_on, time(), UTC).replace(tzinfo=None)


def _closing(file: Any, document: Document) -> None:
    """Everything from the last heading on stays together, so that a seal never stands alone on a page."""
    _paragraph(file, document.closing_heading, font=HEADING, indent=True, together=True)
    _paragraph(file, document.closing, indent=True, together=True)
    _paragraph(file, "", together=True)
    for line in document.signatures:
        text = f"{line.part}：{line.person}  {line.remark or '（签名）'}"
        _paragraph(file, text, align=LEFT, together=True)
    _paragraph(file, "", together=True)
    _paragraph(file, f"{document.seal}（盖章）", align=RIGHT, together=True)
    date = _paragraph(file, document.issued_text, align=RIGHT)
    date.paragraph_format.right_indent = DATE_FROM_RIGHT


def _section(file: Any, section: Section) -> None:
    _paragraph(file, section.heading, font=HEADING, indent=True, together=True)
    if section.statement:
        _paragraph(file, section.statement, indent=True)
    if section.omitted:
        _paragraph(file, f"本节未填写。原因：{section.omitted}", indent=True)
    for label, lines in section.items:
        paragraph = _paragraph(file, "", indent=True)
        _run(paragraph, f"{label}：", LABEL, BODY_SIZE)
        if len(lines) == 1:
            _run(paragraph, lines[0], BODY, BODY_SIZE)
        else:
            for line in lines:
                _paragraph(file, line, indent=True)
    for table in section.tables:
        _paragraph(file, f"{table.caption}：", font=LABEL, indent=True, together=True)
        _table(file, table, (TEXT_WIDTH // len(table.columns),) * len(table.columns))
    if section.source:
        _paragraph(file, section.source, size=NOTE_SIZE, indent=True)


def _table(file: Any, table: Table, widths: tuple[int, ...]) -> None:
    rows = ([table.columns] if table.columns else []) + [tuple(row) for row in table.rows]
    if not rows:
        return
    grid = file.add_table(rows=0, cols=len(widths), style="Table Grid")
    grid.autofit = False
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width
    for number, texts in enumerate(rows):
        row = grid.add_row()
        wordxml.unsplit(row)
        for place, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
            cell.width = widths[place]
            labels = number == 0 if table.columns else place == 0
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.line_spacing = TABLE_LINE
            wordxml.off_grid(paragraph)
            _run(paragraph, text, HEADING if labels else BODY, NOTE_SIZE)


def _paragraph(
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
    paragraph = file.add_paragraph()
    paragraph.alignment = align
    if indent:
        paragraph.paragraph_format.first_line_indent = INDENT
        wordxml.indent_characters(paragraph, INDENT_CHARACTERS)
    paragraph.paragraph_format.space_after = Pt(0)
    paragraph.paragraph_format.line_spacing = NOTE_LINE if size < BODY_SIZE else LINE
    paragraph.paragraph_format.keep_with_next = together
    paragraph.paragraph_format.keep_together = together
    if size < BODY_SIZE:
        wordxml.off_grid(paragraph)
    if text:
        _run(paragraph, text, font, size)
    return paragraph


def _run(paragraph: Any, text: str, font: str, size: Any) -> Any:
    run = paragraph.add_run(text)
    run.font.name, run.font.size = font, size
    wordxml.fonts(run._element.get_or_add_rPr(), font)
    return run


def _without_times(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return buffer.getvalue()
