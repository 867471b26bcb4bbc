"""A form as a neutral structure of texts, and its two prints: both the PDF and the DOCX print exactly this and nothing else."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from services.paper import word
from services.paper.typeset import typeset

MARKING = "未成年人信息 保密"
TEMPLATE = Path(__file__).with_name("form.typ")
# What the template itself prints: page numbers, punctuation, the place of a signature and of a seal.
TEMPLATE_TEXT = "— 0123456789 —：．（签名）（盖章）"
# As many as a line has characters.
SLIP_DASHES = 28


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; one that is not `indented` begins at the edge."""

    text: str
    indented: bool = True


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """Numbered lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels and what is said under them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with a header; `shares` are the widths of its columns against one another."""

    columns: tuple[str, ...]
    shares: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line to sign: the part, the person, and a remark where it is signed already."""

    part: str
    person: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """What stays on one page: the last words, the lines to sign, the seal where there is one, and the date."""

    text: str = ""
    signatures: tuple[Line, ...] = ()
    seal: str = ""
    issued_text: str = ""


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip below a dashed line, which is kept by who issued the form."""

    title: str
    text: str
    signatures: tuple[Line, ...]


Block = Paragraph | Heading | Points | Facts | Grid | Closing | Slip


@dataclass(frozen=True, slots=True)
class Form:
    """Everything that is printed, in order; `author` stands in the properties of the file."""

    organ: str
    title: str
    number: str
    addressee: str
    author: str
    issued_on: date
    blocks: tuple[Block, ...]
    marking: str = MARKING


def pdf(form: Form, font_folder: Path | None = None) -> bytes:
    """The form as PDF/A-3b.

    Raises:
        MissingGlyph: a character that no permitted font can print.
    """
    fields = {**asdict(form), "seal": form.author, "blocks": list(_fields(form))}
    return typeset(TEMPLATE, fields, TEMPLATE_TEXT, form.issued_on, font_folder)


def docx(form: Form) -> bytes:
    """The form as an editable DOCX."""
    file = word.opened(form.title, form.author, form.issued_on)
    word.paragraph(file, form.marking, font=word.HEADING, align=word.LEFT)
    word.paragraph(file, form.organ, font=word.TITLE, size=word.TITLE_SIZE, align=word.CENTRE)
    word.paragraph(file, form.title, font=word.TITLE, size=word.TITLE_SIZE, align=word.CENTRE)
    if form.number:
        word.paragraph(file, form.number, align=word.RIGHT)
    if form.addressee:
        word.paragraph(file, f"{form.addressee}：", align=word.LEFT)
    for block in form.blocks:
        _write(file, block)
    return word.finished(file)


def _fields(form: Form) -> Iterator[dict[str, Any]]:
    # The kind selects how the template sets a block.
    for block in form.blocks:
        yield {"kind": type(block).__name__.lower(), **asdict(block)}


def _write(file: Any, block: Block) -> None:
    match block:
        case Paragraph():
            word.paragraph(file, block.text, indent=block.indented)
        case Heading():
            word.paragraph(file, block.text, font=word.HEADING, indent=True, together=True)
        case Points():
            for number, line in enumerate(block.lines, start=1):
                word.paragraph(file, f"{number}．{line}", indent=True)
        case Facts():
            word.table(file, (), block.rows, (word.LABEL_WIDTH, word.TEXT_WIDTH - word.LABEL_WIDTH))
        case Grid():
            whole = sum(block.shares)
            word.table(file, block.columns, block.rows, [word.TEXT_WIDTH * share // whole for share in block.shares])
        case Closing():
            _close(file, block)
        case Slip():
            word.paragraph(file, "┄" * SLIP_DASHES, align=word.LEFT, together=True)
            word.paragraph(file, block.title, font=word.HEADING, align=word.CENTRE, together=True)
            _close(file, Closing(block.text, block.signatures))


def _close(file: Any, block: Closing) -> None:
    if block.text:
        word.paragraph(file, block.text, indent=True, together=True)
    for line in block.signatures:
        text = f"{line.part}：{line.person}  {line.remark or '（签名）'}"
        word.paragraph(file, text, align=word.LEFT, together=bool(block.seal))
    if block.seal:
        word.paragraph(file, "", together=True)
        word.sealed(file, block.seal, block.issued_text)
