"""Reads a case file: YAML whose every mistake is answered with its line and the reason. `docs/cases.md` has the format."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.identifier import is_uscc

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")


class BadCase(Exception):
    """A case file can't be played: `line` (from 1) and the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file with its line: text, a sequence of nodes, or a mapping of names to nodes."""

    value: Any
    line: int

    def text(self) -> str:
        """The value as text.

        Raises:
            BadCase: it is a list or a mapping.
        """
        if not isinstance(self.value, str):
            raise BadCase(self.line, "text is expected here")
        return self.value

    def mapping(self) -> Mapping[str, "Node"]:
        """The value as a mapping."""
        if not isinstance(self.value, dict):
            raise BadCase(self.line, "a mapping is expected here")
        return self.value

    def sequence(self) -> Sequence["Node"]:
        """The value as a list."""
        if not isinstance(self.value, list):
            raise BadCase(self.line, "a list is expected here")
        return self.value

    def get(self, name: str) -> "Node":
        """A member of the mapping.

        Raises:
            BadCase: there is none of this name.
        """
        found = self.mapping().get(name)
        if found is None:
            raise BadCase(self.line, f"'{name}' is missing")
        return found


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency of the case; `entry` becomes its entry in the directory."""

    name: str
    uscc: str
    entry: Node


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who acts: an officer of an agency in one role."""

    name: str
    agency: str
    role: str


@dataclass(frozen=True, slots=True)
class Step:
    """One command or query: who, on which date, what, and what must hold after."""

    line: int
    at: datetime
    officer: str
    service: str
    method: str
    fields: Node
    refused: str
    holds: tuple[Node, ...]
    note: str
    clocks: tuple[Node, ...] = ()
    told: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A whole case; `explain` names the clocks that the play explains in full."""

    case: str
    title: str
    agencies: Mapping[str, Agency]
    officers: Mapping[str, Officer]
    steps: Sequence[Step]
    explain: tuple[Node, ...] = ()


def read(path: Path) -> CaseFile:
    """Reads and checks a case file.

    Raises:
        BadCase: with the line and the reason of the first mistake.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadCase(1, "the file is not UTF-8") from error
    file = _node(_composed(text))
    only(file, {"case", "title", "source", "agencies", "officers", "steps", "clocks", "told", "explain"})
    agencies = dict(_agencies(file.get("agencies")))
    officers = dict(_officers(file.get("officers"), agencies))
    steps = [_step(node, officers) for node in file.get("steps").sequence()]
    if not steps:
        raise BadCase(file.get("steps").line, "a case has one step at least")
    # What must hold at the end must hold after the last step.
    last = steps[-1]
    steps[-1] = replace(last, clocks=(*last.clocks, *_list(file, "clocks")), told=(*last.told, *_list(file, "told")))
    case = file.get("case")
    if not _FOLDER.fullmatch(case.text()):
        raise BadCase(case.line, "a case has a short name of letters, digits, - and _: it becomes a folder")
    return CaseFile(case.text(), file.get("title").text(), agencies, officers, steps, _list(file, "explain"))


def _composed(text: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadCase(line, f"no YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        raise BadCase(text.count("\n", 0, error.position) + 1, f"no YAML: {error.reason}") from error
    if root is None:
        raise BadCase(1, "the file is empty")
    return root


def _node(node: yaml.Node, within: tuple[yaml.Node, ...] = ()) -> Node:
    line = node.start_mark.line + 1
    if node in within:
        raise BadCase(line, "a value holds itself")
    if isinstance(node, yaml.MappingNode):
        return Node(_members(node, (*within, node)), line)
    if isinstance(node, yaml.SequenceNode):
        return Node([_node(item, (*within, node)) for item in node.value], line)
    return Node(str(node.value), line)


def _members(node: yaml.MappingNode, within: tuple[yaml.Node, ...]) -> dict[str, Node]:
    """Members of a mapping; `<<` brings those of another mapping, which the mapping's own replace."""
    inherited: dict[str, Node] = {}
    members: dict[str, Node] = {}
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            inherited |= _node(value, within).mapping()
            continue
        name = str(key.value)
        line = key.start_mark.line + 1
        if name in members:
            raise BadCase(line, f"'{name}' stands twice")
        # A member stands where its name stands, also where its value begins below or comes from an anchor.
        members[name] = replace(_node(value, within), line=line)
    return {**inherited, **members}


def only(node: Node, names: set[str]) -> None:
    """Raises BadCase for a member of the mapping that is none of the names."""
    for name, member in node.mapping().items():
        if name not in names:
            raise BadCase(member.line, f"'{name}' is unknown here; known are {', '.join(sorted(names))}")


def _named(node: Node) -> Iterator[tuple[str, Node]]:
    for name, member in node.mapping().items():
        if not _NAME.fullmatch(name):
            raise BadCase(member.line, f"'{name}' is no name: small letters, digits and _ only")
        yield name, member


def _agencies(node: Node) -> Iterator[tuple[str, Agency]]:
    for name, entry in _named(node):
        uscc = entry.get("uscc").text()
        if not is_uscc(uscc):
            raise BadCase(entry.get("uscc").line, "no unified social credit code (check character)")
        yield name, Agency(name, uscc, entry)


def _officers(node: Node, agencies: Mapping[str, Agency]) -> Iterator[tuple[str, Officer]]:
    for name, entry in _named(node):
        only(entry, {"agency", "role"})
        agency = entry.get("agency").text()
        if agency not in agencies:
            raise BadCase(entry.get("agency").line, f"agency '{agency}' is not among the agencies")
        yield name, Officer(name, agency, entry.get("role").text())


def _step(node: Node, officers: Mapping[str, Officer]) -> Step:
    only(node, {"at", "as", "do", "with", "refused", "holds", "clocks", "told", "note"})
    officer = node.get("as").text()
    if officer not in officers:
        raise BadCase(node.get("as").line, f"officer '{officer}' is not among the officers")
    service, dot, method = node.get("do").text().partition(".")
    if not dot:
        raise BadCase(node.get("do").line, "write service.Method, for example intake.OpenCase")
    members = node.mapping()
    return Step(
        line=node.line,
        at=instant(node.get("at")),
        officer=officer,
        service=service,
        method=method,
        fields=members.get("with", Node({}, node.line)),
        refused=members["refused"].text() if "refused" in members else "",
        holds=_list(node, "holds"),
        note=members["note"].text() if "note" in members else "",
        clocks=_list(node, "clocks"),
        told=_list(node, "told"),
    )


def _list(node: Node, name: str) -> tuple[Node, ...]:
    """The items of a list that may be left away."""
    found = node.mapping().get(name)
    return tuple(found.sequence()) if found is not None else ()


def day(node: Node) -> date:
    """The day.

    Raises:
        BadCase: there is none.
    """
    try:
        return date.fromisoformat(node.text())
    except ValueError as error:
        raise BadCase(node.line, "no date; write for example 2021-08-02") from error


def instant(node: Node) -> datetime:
    """The instant, in China Standard Time.

    Raises:
        BadCase: there is none, or it names a time zone of its own.
    """
    try:
        found = datetime.fromisoformat(node.text())
    except ValueError as error:
        raise BadCase(node.line, "no instant; write for example 2021-08-02 09:30") from error
    if found.tzinfo is not None:
        raise BadCase(node.line, "times are China Standard Time; write no zone")
    return found.replace(tzinfo=CHINA_STANDARD_TIME)
