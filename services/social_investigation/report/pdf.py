"""The report as PDF/A-3b in the layout of GB/T 9704: the same document gives the same bytes on every issue."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import typst

from services.social_investigation.report.document import Document
from services.social_investigation.report.fonts import Typefaces, choose

TEMPLATE = Path(__file__).with_name("report.typ")
STANDARD = "a-3b"
# Characters that the template itself prints: page numbers, punctuation, labels.
TEMPLATE_TEXT = "— 0123456789 —：（）、。附件无本节未填写原因签名盖章SHA-256"


def render(document: Document, font_folder: Path | None = None) -> bytes:
    """The PDF. `font_folder` holds the office's own licensed fonts (GUANHU_REPORT_FONTS).

    Raises:
        MissingGlyph: a character that no permitted font can print.
    """
    fields = asdict(document)
    fields["issued_on"] = [document.issued_on.year, document.issued_on.month, document.issued_on.day]
    faces = choose((*texts(fields), TEMPLATE_TEXT), font_folder)
    # Texts reach the template as JSON and are set as strings; nothing of them is ever read as markup.
    compiler: Any = typst.compile_with_warnings
    result, warnings = compiler(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        format="pdf",
        font_paths=[str(folder) for folder in faces.folders],
        ignore_system_fonts=True,
        pdf_standards=[STANDARD],
        # The day on the paper, not the day of printing: the same report is the same bytes for ever.
        timestamp=int(datetime.combine(document.issued_on, time(), UTC).timestamp()),
        sys_inputs={"document": json.dumps(fields, ensure_ascii=False), "fonts": json.dumps(_families(faces))},
    )
    if warnings or not isinstance(result, bytes):
        # A warning here is an unknown font or glyph; its message may quote the text, so it is not repeated.
        raise RuntimeError(f"the report template gave {len(warnings)} warnings")
    return result


def texts(value: Any) -> Iterator[str]:
    """Every string inside a structure of mappings and sequences, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from texts(part)


def _families(faces: Typefaces) -> dict[str, str]:
    return {"body": faces.body, "title": faces.title, "heading": faces.heading, "label": faces.label}
