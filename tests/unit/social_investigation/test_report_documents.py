"""The report as PDF/A and DOCX: complete, literal, the same bytes each time, and refused where a glyph is missing."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pypdf
import pytest

from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from services.paper.glyphs import MissingGlyph
from services.social_investigation.report import docx as editable
from services.social_investigation.report import pdf
from services.social_investigation.report.document import Document, build
from services.social_investigation.report.labels import SECTION_FIELDS
from tests.unit.paper.reading import conformance, docx_text, pdf_text, squeezed
from tests.unit.social_investigation.report_fixture import CONTACTS, ISSUE, LETTER, MINOR, SCHOOL_RECORD, day, full_report


def document(report: forms.Report | None = None) -> Document:
    return build(report or full_report(), LETTER, ISSUE, CONTACTS, [SCHOOL_RECORD])


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
    assert "<pdfaid:part>3</pdfaid:part>" in conformance(rendered)
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in conformance(rendered)


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


def lines_of(page: pypdf.PageObject) -> list[tuple[float, float, str]]:
    """The lines of a page from its top: height above the lower edge and left end in points, and the text."""
    found: dict[float, tuple[float, str]] = {}

    def visit(text: str, place: Any, _: Any, __: Any, ___: Any) -> None:
        if text.strip():
            height = round(place[5], 1)
            left, before = found.get(height, (place[4], ""))
            found[height] = (min(left, place[4]), before + text.strip())

    page.extract_text(visitor_text=visit)
    return [(height, *found[height]) for height in sorted(found, reverse=True)]


def points(millimetres: float) -> float:
    return millimetres / 25.4 * 72


def test_gb_9704_a_page_has_22_lines_of_28_characters_between_the_official_margins() -> None:
    report = full_report()
    report.growth.narrative = "调" * 28 * 80
    pages = pypdf.PdfReader(io.BytesIO(pdf.render(document(report)))).pages
    # Pages that the narrative fills from top to bottom; the last line of a page is its number.
    solid = [lines for lines in map(lines_of, pages) if {text for _, _, text in lines[:-1]} == {"调" * 28}]
    assert len(solid) == 2
    for *body, (_, number_left, number) in solid:
        assert len(body) == 22
        # The baseline of a line lies 0.8 of a character below its top.
        assert body[0][0] == pytest.approx(points(297 - 37) - 0.8 * 15.79, abs=0.5)
        assert body[0][0] - body[-1][0] == pytest.approx(21 * 28.99, abs=0.5)
        # 28 mm on the side of the binding, and the page number on the other side.
        odd = int(number.strip("— ")) % 2 == 1
        assert body[0][1] == pytest.approx(points(28 if odd else 26), abs=0.5)
        assert (number_left > points(105)) is odd


def test_the_seal_never_stands_on_a_page_of_its_own() -> None:
    for filler in range(0, 700, 28):
        report = full_report()
        report.recommendation.other = "调" * filler
        last = pypdf.PdfReader(io.BytesIO(pdf.render(document(report)))).pages[-1].extract_text()
        assert "本报告作为办理案件和教育未成年人的参考" in squeezed(last)
        assert "（盖章）" in squeezed(last)


def test_consents_and_visits_are_told_apart_in_the_annexes() -> None:
    consent = events.ConsentRecorded(
        by=events.APPLICANT_MINOR, scope=events.CONSENT_SCOPE_PSYCHOLOGICAL_TEST, on=day(2026, 3, 4)
    )
    withdrawn = events.ConsentRecorded(
        by=events.APPLICANT_LEGAL_REPRESENTATIVE, scope=events.CONSENT_SCOPE_CONTACT_SCHOOL, on=day(2026, 3, 5), withdrawn=True
    )
    visits = frozenset({CONTACTS[2].contact_id})
    paper = build(full_report(), LETTER, ISSUE, CONTACTS, [SCHOOL_RECORD], [consent, withdrawn], visits)
    texts = [annex.text for annex in paper.annexes]
    assert texts[0].startswith("访谈第1号调查笔录（")
    assert texts[2].startswith("走访第3号记录（")
    assert "未成年人同意心理测评的记录（2026年3月4日）" in texts
    assert "法定代理人撤回同意联系学校的记录（2026年3月5日）" in texts
    assert any("走访第3号（教师" in section.source for section in paper.sections)


def test_the_editable_copy_names_the_official_fonts_and_counts_its_pages() -> None:
    content = editable.render(document())
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        styles, body = parts.read("word/styles.xml").decode(), parts.read("word/document.xml").decode()
        footers = [parts.read(name).decode() for name in parts.namelist() if "footer" in name and name.endswith(".xml")]
    assert 'w:eastAsia="zh-CN"' in styles
    for family in ("仿宋_GB2312", "黑体", "方正小标宋简体", "楷体_GB2312"):
        assert f'w:eastAsia="{family}"' in body
    assert len(footers) == 2
    assert all("PAGE" in footer for footer in footers)
    assert "w:cantSplit" in body
    assert 'w:firstLineChars="200"' in body


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
