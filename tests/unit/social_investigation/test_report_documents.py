"""The report as PDF/A and DOCX: complete, literal, the same bytes each time, and refused where a glyph is missing."""

import io
from collections.abc import Iterator
from typing import Any

import docx
import pypdf
import pytest

from guanhu.social_investigation.v1 import forms_pb2 as forms
from services.social_investigation.report import docx as editable
from services.social_investigation.report import pdf
from services.social_investigation.report.document import Document, build
from services.social_investigation.report.glyphs import MissingGlyph
from services.social_investigation.report.labels import SECTION_FIELDS
from tests.unit.social_investigation.report_fixture import CONTACTS, ISSUE, LETTER, MINOR, SCHOOL_RECORD, full_report


def document(report: forms.Report | None = None) -> Document:
    return build(report or full_report(), LETTER, ISSUE, CONTACTS, [SCHOOL_RECORD])


def squeezed(text: str) -> str:
    return "".join(text.split())


def pdf_text(content: bytes) -> str:
    return squeezed("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages))


def docx_text(content: bytes) -> str:
    file: Any = docx.Document(io.BytesIO(content))
    cells = (cell.text for table in file.tables for row in table.rows for cell in row.cells)
    return squeezed("".join([*(paragraph.text for paragraph in file.paragraphs), *cells]))


def printed(value: Any) -> Iterator[str]:
    for field, item in value.ListFields():
        for part in item if field.is_repeated else [item]:
            if isinstance(part, str) and not field.name.endswith(("_id", "_ids")):
                yield part


@pytest.fixture(scope="module")
def rendered() -> bytes:
    return pdf.render(document())


def test_every_text_of_every_section_is_printed(rendered: bytes) -> None:
    report = full_report()
    text, word = pdf_text(rendered), docx_text(editable.render(document()))
    for field, _ in SECTION_FIELDS.values():
        for part in printed(getattr(report, field)):
            # The extracted PDF text has page numbers inside long texts, so their beginnings are looked for.
            assert squeezed(part)[:18] in text
            assert squeezed(part) in word


def test_the_same_report_is_the_same_bytes(rendered: bytes) -> None:
    assert pdf.render(document()) == rendered
    assert editable.render(document()) == editable.render(document())


def test_the_pdf_says_that_it_is_pdf_a(rendered: bytes) -> None:
    metadata = pypdf.PdfReader(io.BytesIO(rendered)).xmp_metadata
    assert metadata is not None
    raw = metadata.stream.get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in raw
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in raw


def test_signatures_seal_and_provenance_are_on_the_paper(rendered: bytes) -> None:
    text = pdf_text(rendered)
    for expected in (
        "试验县青禾社会工作服务中心（盖章）",
        "2026年3月13日",
        "赵某丙",
        "孙某戊",
        "来源：访谈第1号",
        "“学籍证明”",
    ):
        assert squeezed(expected) in text


def test_an_omitted_section_says_why(rendered: bytes) -> None:
    report = full_report()
    report.ClearField("personality")
    report.omitted.add(section=forms.REPORT_SECTION_PERSONALITY, reason="本人不同意心理测评")
    assert "本节未填写。原因：本人不同意心理测评" in pdf_text(pdf.render(document(report)))
    assert "本节未填写。原因：本人不同意心理测评" in docx_text(editable.render(document(report)))


def test_markup_in_a_field_is_printed_and_never_read() -> None:
    report = full_report()
    report.family.structure = '#panic("x") *粗* $a$ <b> #read("/etc/passwd")'
    assert squeezed('#panic("x")*粗*$a$<b>') in pdf_text(pdf.render(document(report)))


def test_a_character_without_glyph_is_refused_by_its_number_alone() -> None:
    report = full_report()
    report.basic_facts.name = f"{MINOR}\U0001f600"
    with pytest.raises(MissingGlyph) as refused:
        pdf.render(document(report))
    assert str(refused.value) == "no glyph for U+1F600"
