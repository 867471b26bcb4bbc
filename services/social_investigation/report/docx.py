"""The report as an editable DOCX in the same order as the PDF; the same document gives the same bytes."""

import io
import zipfile
from datetime import UTC, datetime, time
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from services.social_investigation.report.document import Document
from services.social_investigation.report.sections import Section, Table

# Official families; a machine without them substitutes, which an editable copy may bear and the PDF may not.
BODY, HEADING, TITLE, LABEL = "FangSong", "SimHei", "SimHei", "KaiTi"
BODY_SIZE, NOTE_SIZE, TITLE_SIZE = Pt(16), Pt(12), Pt(22)
INDENT = Pt(32)
# The oldest instant that the ZIP format can tell; a real one would make each rendering other bytes.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def render(document: Document) -> bytes:
    """The DOCX."""
    file: Any = docx.Document()
    _page(file, document)
    _paragraph(file, document.marking, font=HEADING)
    _paragraph(file, document.title, font=TITLE, size=TITLE_SIZE, align=WD_ALIGN_PARAGRAPH.CENTER)
    _paragraph(file, document.report_no, align=WD_ALIGN_PARAGRAPH.CENTER)
    _paragraph(file, f"{document.addressee}：")
    _table(file, Table("", (), document.header))
    for section in document.sections:
        _section(file, section)
    _paragraph(file, document.annex_heading, font=HEADING, heading=True)
    for annex in document.annexes:
        _paragraph(file, f"{annex.number}．{annex.text}", indent=True)
        if annex.sha256:
            _paragraph(file, f"SHA-256：{annex.sha256}", size=NOTE_SIZE)
    if not document.annexes:
        _paragraph(file, "无。", indent=True)
    _paragraph(file, document.closing_heading, font=HEADING, heading=True)
    _paragraph(file, document.closing, indent=True)
    for line in document.signatures:
        _paragraph(file, f"{line.part}：{line.person}  {line.remark or '（签名）'}")
    _paragraph(file, f"{document.seal}（盖章）", align=WD_ALIGN_PARAGRAPH.RIGHT)
    _paragraph(file, document.issued_text, align=WD_ALIGN_PARAGRAPH.RIGHT)
    buffer = io.BytesIO()
    file.save(buffer)
    return _without_times(buffer.getvalue())


def _page(file: Any, document: Document) -> None:
    page = file.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.top_margin, page.bottom_margin = Mm(37), Mm(35)
    page.left_margin, page.right_margin = Mm(28), Mm(26)
    style = file.styles["Normal"]
    style.font.name, style.font.size = BODY, BODY_SIZE
    style.element.rPr.rFonts.set(qn("w:eastAsia"), BODY)
    properties = file.core_properties
    # What the library fills in by itself, such as its own name and the present time, is replaced.
    properties.author = properties.last_modified_by = document.seal
    properties.title, properties.comments, properties.revision = document.title, "", 1
    properties.created = properties.modified = datetime.combine(document.issued_on, time(), UTC).replace(tzinfo=None)


def _section(file: Any, section: Section) -> None:
    _paragraph(file, section.heading, font=HEADING, heading=True)
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
        _paragraph(file, f"{table.caption}：", font=LABEL, indent=True)
        _table(file, table)
    if section.source:
        _paragraph(file, section.source, size=NOTE_SIZE, indent=True)


def _table(file: Any, table: Table) -> None:
    rows = ([table.columns] if table.columns else []) + [tuple(row) for row in table.rows]
    if not rows:
        return
    grid = file.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for number, row in enumerate(rows):
        cells = grid.add_row().cells
        for place, (cell, text) in enumerate(zip(cells, row, strict=True)):
            labels = number == 0 if table.columns else place == 0
            _run(cell.paragraphs[0], text, HEADING if labels else BODY, NOTE_SIZE)


def _paragraph(
    file: Any,
    text: str,
    *,
    font: str = BODY,
    size: Any = BODY_SIZE,
    align: Any = None,
    indent: bool = False,
    heading: bool = False,
) -> Any:
    paragraph = file.add_paragraph()
    paragraph.alignment = align
    paragraph.paragraph_format.first_line_indent = INDENT if indent else None
    paragraph.paragraph_format.space_after = Pt(0)
    paragraph.paragraph_format.line_spacing = Pt(29)
    paragraph.paragraph_format.keep_with_next = heading
    if text:
        _run(paragraph, text, font, size)
    return paragraph


def _run(paragraph: Any, text: str, font: str, size: Any) -> None:
    run = paragraph.add_run(text)
    run.font.name, run.font.size = font, size
    run._element.rPr.rFonts.set(qn("w:eastAsia"), font)


def _without_times(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return buffer.getvalue()
