"""Watches what a process says while it is attacked: its log lines, spans and metrics, and what its database stores."""

import io
import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import structlog
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from psycopg import sql

from services.kernel import log


@dataclass
class Heard:
    """Everything that was said, as text."""

    lines: io.StringIO = field(default_factory=io.StringIO)
    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)

    def log_text(self) -> str:
        """The lines of structlog and of the standard library's logging."""
        return self.lines.getvalue()

    def span_text(self) -> str:
        """The finished spans with all that they carry."""
        return "\n".join(span.to_json() for span in self.spans.get_finished_spans())

    def metrics_text(self) -> str:
        """Every instrument with the attributes of its points."""
        found = self.metrics.get_metrics_data()
        return found.to_json() if found else ""


class OwnIds(IdGenerator):
    """Ids that leave the module `random` alone: the provider outlives the attack, and hypothesis watches that module."""

    def generate_span_id(self) -> int:
        return secrets.randbits(64) or 1

    def generate_trace_id(self) -> int:
        return secrets.randbits(128) or 1


@contextmanager
def listening() -> Iterator[Heard]:
    """Collects what this process says; the loggers stay as a service configures them, only that every level is heard."""
    heard = Heard()
    log.configure("DEBUG")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(heard.lines))
    handler = logging.StreamHandler(heard.lines)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    # A process has one provider of each for its whole life: after the shutdown below it drops what it is given.
    tracing = TracerProvider(id_generator=OwnIds())
    tracing.add_span_processor(SimpleSpanProcessor(heard.spans))
    trace.set_tracer_provider(tracing)
    metering = MeterProvider(metric_readers=[heard.metrics])
    metrics.set_meter_provider(metering)
    try:
        yield heard
    finally:
        tracing.shutdown()
        metering.shutdown()
        root.removeHandler(handler)
        root.setLevel(level)
        log.configure("WARNING")


def columns_that_hold(conn: psycopg.Connection, marks: Sequence[str]) -> list[str]:
    """Columns of any table in any schema in which one of the texts stands, in clear UTF-8."""
    columns = conn.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns"
        " join information_schema.tables using (table_schema, table_name)"
        " where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')"
        " and data_type in ('text', 'character varying', 'bytea', 'json', 'jsonb', 'ARRAY', 'xml')"
    ).fetchall()
    found = []
    for schema, table, column, kind in columns:
        value = (
            sql.Identifier(column)
            if kind == "bytea"
            else sql.SQL("convert_to({}::text, 'UTF8')").format(sql.Identifier(column))
        )
        query = sql.SQL("select exists (select from {} where {})").format(
            sql.Identifier(schema, table),
            sql.SQL(" or ").join(sql.SQL("position(%s::bytea in {}) > 0").format(value) for _ in marks),
        )
        row = conn.execute(query, [mark.encode() for mark in marks]).fetchone()
        if row and row[0]:
            found.append(f"{schema}.{table}.{column}")
    return found


def server_log(conn: psycopg.Connection) -> str:
    """The database server's own log, where it runs on this machine from the wheel."""
    row = conn.execute("select current_setting('data_directory')").fetchone()
    file = Path(row[0] if row else "") / "server.log"
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
