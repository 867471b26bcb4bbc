"""The report as PDF/A-3b in the layout of GB/T 9704: the same document gives the same bytes on every issue."""

from dataclasses import asdict
from pathlib import Path

from services.paper.typeset import typeset
from services.social_investigation.report.document import Document

TEMPLATE = Path(__file__).with_name("report.typ")
# Characters that the template itself prints: page numbers, punctuation, labels.
TEMPLATE_TEXT = "— 0123456789 —：（）、。附件无本节未填写原因签名盖章SHA-256"


def render(document: Document, font_folder: Path | None = None) -> bytes:
    """The PDF. `font_folder` holds the office's own licensed fonts (GUANHU_REPORT_FONTS).

    Raises:
        MissingGlyph: a character that no permitted font can print.
    """
    return typeset(TEMPLATE, asdict(document), TEMPLATE_TEXT, document.issued_on, font_folder)
