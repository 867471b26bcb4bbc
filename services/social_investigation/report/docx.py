"""The report as an editable DOCX in the same order as the PDF; the same document gives the same bytes."""

from typing import Any

from services.paper.word import (
    BODY,
    BODY_SIZE,
    CENTRE,
    HASH_SIZE,
    HEADING,
    LABEL,
    LABEL_WIDTH,
    LEFT,
    NOTE_SIZE,
    TEXT_WIDTH,
    TITLE,
    TITLE_SIZE,
    finished,
    opened,
    paragraph,
    run,
    sealed,
    table,
)
from services.social_investigation.report.document import Document
from services.social_investigation.report.sections import Section


def render(document: Document) -> bytes:
    """The DOCX."""
    file = opened(document.title, document.seal, document.issued_on)
    paragraph(file, document.marking, font=HEADING, align=LEFT)
    paragraph(file, "")
    paragraph(file, document.title, font=TITLE, size=TITLE_SIZE, align=CENTRE)
    paragraph(file, document.report_no, align=CENTRE)
    paragraph(file, "")
    paragraph(file, f"{document.addressee}：", align=LEFT)
    table(file, (), document.header, (LABEL_WIDTH, TEXT_WIDTH - LABEL_WIDTH))
    for section in document.sections:
        _section(file, section)
    paragraph(file, document.annex_heading, font=HEADING, indent=True, together=True)
    for annex in document.annexes:
        paragraph(file, f"{annex.number}．{annex.text}", indent=True, together=bool(annex.sha256))
        if annex.sha256:
            paragraph(file, f"SHA-256：{annex.sha256}", size=HASH_SIZE, align=LEFT, indent=True)
    if not document.annexes:
        paragraph(file, "无。", indent=True)
    _closing(file, document)
    return finished(file)


def _closing(file: Any, document: Document) -> None:
    """Everything from the last heading on stays together, so that a seal never stands alone on a page."""
    paragraph(file, document.closing_heading, font=HEADING, indent=True, together=True)
    paragraph(file, document.closing, indent=True, together=True)
    paragraph(file, "", together=True)
    for line in document.signatures:
        text = f"{line.part}：{line.person}  {line.remark or '（签名）'}"
        paragraph(file, text, align=LEFT, together=True)
    paragraph(file, "", together=True)
    sealed(file, document.seal, document.issued_text)


def _section(file: Any, section: Section) -> None:
    paragraph(file, section.heading, font=HEADING, indent=True, together=True)
    if section.statement:
        paragraph(file, section.statement, indent=True)
    if section.omitted:
        paragraph(file, f"本节未填写。原因：{section.omitted}", indent=True)
    for label, lines in section.items:
        item = paragraph(file, "", indent=True)
        run(item, f"{label}：", LABEL, BODY_SIZE)
        if len(lines) == 1:
            run(item, lines[0], BODY, BODY_SIZE)
        else:
            for line in lines:
                paragraph(file, line, indent=True)
    for grid in section.tables:
        paragraph(file, f"{grid.caption}：", font=LABEL, indent=True, together=True)
        table(file, grid.columns, grid.rows, (TEXT_WIDTH // len(grid.columns),) * len(grid.columns))
    if section.source:
        paragraph(file, section.source, size=NOTE_SIZE, indent=True)
