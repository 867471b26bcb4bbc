"""Reads back what stands on a printed paper."""

import io
from typing import Any

import docx
import pypdf


def squeezed(text: str) -> str:
    """The text without any white space: lines break where the layout wants it."""
    return "".join(text.split())


def pages_of(content: bytes) -> list[str]:
    """The text of each page of a PDF."""
    return [squeezed(page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def pdf_text(content: bytes) -> str:
    """The text of a PDF."""
    return "".join(pages_of(content))


def docx_text(content: bytes) -> str:
    """The text of a DOCX, paragraphs first and tables after."""
    file: Any = docx.Document(io.BytesIO(content))
    cells = (cell.text for table in file.tables for row in table.rows for cell in row.cells)
    return squeezed("".join([*(paragraph.text for paragraph in file.paragraphs), *cells]))


def conformance(content: bytes) -> str:
    """What the PDF says of its standard."""
    metadata = pypdf.PdfReader(io.BytesIO(content)).xmp_metadata
    assert metadata is not None
    return metadata.stream.get_data().decode()
