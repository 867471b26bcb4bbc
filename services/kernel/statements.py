"""SQL texts whose schema is known only at run time, composed once and not at every execution."""

from functools import lru_cache
from typing import LiteralString

from psycopg import sql


@lru_cache(4_096)
def statement(text: LiteralString, *tables: tuple[str, ...]) -> bytes:
    """The text with the qualified names of `tables` in the places of its `{}`; values go by placeholders as ever."""
    return sql.SQL(text).format(*(sql.Identifier(*names) for names in tables)).as_bytes()
