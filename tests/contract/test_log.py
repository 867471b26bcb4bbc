"""A line of the log holds listed keys only, and its words are fixed: no value can slip in through either."""

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import structlog

from services.kernel.log import KEYS

SERVICES = Path(__file__).parents[2] / "services"
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "say"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a logger in the code, with its place."""
    for path in sorted(SERVICES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (_is_logger(node.func) or _is_chosen(node.func)):
                yield f"{path.name}:{node.lineno}", node


def _is_logger(function: ast.expr) -> bool:
    if not (isinstance(function, ast.Attribute) and function.attr in LEVELS):
        return False
    owner = function.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name in {"_log", "logger"}


def _is_chosen(function: ast.expr) -> bool:
    # A method of a logger that was picked by its level before.
    return isinstance(function, ast.Name) and function.id == "say"


def test_a_key_that_is_not_listed_never_reaches_a_line(log_lines: io.StringIO) -> None:
    structlog.get_logger("guanhu.test").info("call", method="M", name="高小六", reason="R", request={"name": "高小六"})
    line = json.loads(log_lines.getvalue())
    assert set(line) <= KEYS
    assert (line["method"], line["reason"]) == ("M", "R")
    assert "高小六" not in json.dumps(line, ensure_ascii=False)


def test_the_logger_of_grpc_says_nothing(log_lines: io.StringIO) -> None:
    assert not logging.getLogger("grpc._server").isEnabledFor(logging.CRITICAL)


def test_every_key_that_the_code_logs_is_listed() -> None:
    found = {place: {str(keyword.arg) for keyword in call.keywords} for place, call in calls()}
    assert len(found) > 5
    assert {place: keys - KEYS for place, keys in found.items() if keys - KEYS} == {}


def test_the_words_of_a_line_are_a_constant() -> None:
    assert [place for place, call in calls() if not (call.args and isinstance(call.args[0], ast.Constant))] == []
