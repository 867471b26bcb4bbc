"""PDF/A-3b from a template and texts: the same texts give the same bytes on every issue."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import typst

from services.paper.fonts import Typefaces, choose

# Templates of services import the official layout from here by its path below this folder.
ROOT = Path(__file__).parents[1]
STANDARD = "a-3b"


def typeset(
    template: Path, fields: Mapping[str, Any], template_text: str, issued_on: date, font_folder: Path | None = None
) -> bytes:
    """The PDF. `template_text` holds what the template itself prints; `font_folder` the office's own licensed fonts.

    Raises:
        MissingGlyph: a character that no permitted font can print.
    """
    document = {**fields, "issued_on": [issued_on.year, issued_on.month, issued_on.day]}
    faces = choose((*texts(document), template_text), font_folder)
    # Texts reach the template as JSON and are set as strings; nothing of them is ever read as markup.
    compiler: Any = typst.compile_with_warnings
    result, warnings = compiler(
        str(template),
        root=str(ROOT),
        format="pdf",
        font_paths=[str(folder) for folder in faces.folders],
        ignore_system_fonts=True,
        pdf_standards=[STANDARD],
        # The day on the paper, not the day of printing: the same paper is the same bytes for ever.
        timestamp=int(datetime.combine(issued_on, time(), UTC).timestamp()),
        sys_inputs={"document": json.dumps(document, ensure_ascii=False), "fonts": json.dumps(_families(faces))},
    )
    if warnings or not isinstance(result, bytes):
        # A warning here is an unknown font or glyph; its message may quote the text, so it is not repeated.
        raise RuntimeError(f"the template gave {len(warnings)} warnings")
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
