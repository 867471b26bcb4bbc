"""Structured logs: one line a call, JSON when nobody watches. Only listed keys are written, so that no value slips in."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace

# What a line may hold. Anything else is dropped: a personal value must not reach a log through a forgotten argument.
KEYS = frozenset(
    [
        "event",
        "level",
        "timestamp",
        "logger",
        "method",
        "caller",
        "code",
        "reason",
        "ms",
        "reference",
        "error",
        "file",
        "line",
        "follower",
        "stream",
        "clock",
        "position",
        "origin",
        "service",
        "address",
        "port",
        "version",
        "trace_id",
        "span_id",
        "view",
        "generation",
        "events",
        "url",
        "path",
        "seconds",
        "signal",
    ]
)


def configure(level: str = "INFO") -> None:
    """Sets structlog up for the whole process."""
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _trace_ids,
            _listed_keys_only,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # grpcio and others log through the standard library, exceptions with their text included: keep them silent.
    logging.getLogger("grpc").setLevel(logging.CRITICAL + 1)


def _trace_ids(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = f"{context.trace_id:032x}"
        line["span_id"] = f"{context.span_id:016x}"
    return line


def _listed_keys_only(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in [key for key in line if key not in KEYS]:
        del line[key]
    return line
