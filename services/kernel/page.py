"""Pages of a list: how many, and where the next one begins."""

import base64
from datetime import datetime

from services.kernel.errors import Invalid, Violation

DEFAULT, MAX = 50, 200


def size(asked: int, *, default: int = DEFAULT, most: int = MAX) -> int:
    """Rows of a page.

    Raises:
        Invalid: more than `most` are asked for.
    """
    if asked > most:
        raise Invalid(Violation("page_size", f"is more than {most}"))
    return asked or default


def token(at: datetime, last: str) -> str:
    """Stands for the last row of a page: its instant and its id."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{last}".encode()).decode()


def cursor(page_token: str) -> tuple[datetime, str] | None:
    """What a token stands for; None for the first page.

    Raises:
        Invalid: the token is none of ours.
    """
    if not page_token:
        return None
    try:
        at, _, last = base64.urlsafe_b64decode(page_token).decode().partition("|")
        if not last.isprintable():
            raise ValueError("a row's id is printable; a NUL would fail in the database")
        return datetime.fromisoformat(at), last
    except ValueError:
        raise Invalid(Violation("page_token", "is none of ours")) from None
