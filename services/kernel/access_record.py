"""The access log: who read what and why, and who was refused. Ids only, never a personal value."""

from dataclasses import astuple, dataclass, fields

from psycopg import sql
from psycopg_pool import ConnectionPool


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One read, or one refusal."""

    agency: str
    officer: str
    role: str
    on_behalf_of: str
    action: str
    resource_type: str
    resource_id: str
    case_id: str
    purpose: str
    legal_basis: str
    document_number: str
    allowed: bool
    reason: str
    policy_sha256: str
    trace_parent: str


class AccessLog:
    """Writes entries; each is committed before `record` returns, so that no data leaves unrecorded."""

    def __init__(self, pool: ConnectionPool, schema: str) -> None:
        self._pool = pool
        names = [field.name for field in fields(AccessEntry)]
        self._insert = sql.SQL("insert into {}.access_records ({}) values ({})").format(
            sql.Identifier(schema),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(sql.Placeholder() for _ in names),
        )

    def record(self, entry: AccessEntry) -> None:
        """Writes one entry.

        Raises:
            psycopg.Error: nothing was written; the read must not go on.
        """
        with self._pool.connection() as conn:
            conn.execute(self._insert, astuple(entry))
