"""Checks all that a case file says before the first command is sent: names, fields, values, references, conditions."""

import uuid
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from guanhu.directory.v1 import agency_events_pb2
from services.demo.casefile import BadCase, CaseFile, Node, Step, only
from services.demo.client import method, request_class
from services.demo.conditions import place, questions, telling
from services.demo.message import Resolve, fill

# Stands for ids and kept values that only a play has.
_SOME_ID = str(uuid.UUID(int=0))


@dataclass(frozen=True, slots=True)
class Question:
    """What a condition asks, and as whom."""

    service: str
    name: str
    officer: str
    fields: Node


def check(case: CaseFile) -> None:
    """Raises BadCase for the first mistake."""
    kept: set[str] = set()
    shape = _shape(case, kept)
    for agency in case.agencies.values():
        fill(agency_events_pb2.Agency(), agency.entry, shape)
    for step in case.steps:
        fill(request_class(_method(step))(), step.fields, shape)
        for hold in questions(step):
            _check_hold(case, hold, shape)
            if "keep" in hold.mapping():
                kept |= set(hold.get("keep").mapping())
        for node in step.told:
            telling(case, node)
    for node in case.explain:
        shape(place(node).stream)
        _known_officer(case, node.get("as"))


def question(case: CaseFile, hold: Node) -> Question:
    """What a condition asks.

    Raises:
        BadCase: it asks nothing, nobody, or for something that is no query.
    """
    only(hold, {"ask", "as", "with", "shows", "keep"})
    asked = hold.get("ask")
    service, _, name = asked.text().partition(".")
    found = method(service, name)
    if found is None:
        raise BadCase(asked.line, f"there is no {asked.text()}")
    if "head" in found.input_type.fields_by_name or found.server_streaming:
        raise BadCase(asked.line, f"{asked.text()} is no query; a condition only asks")
    officer = hold.get("as")
    _known_officer(case, officer)
    if not {"shows", "keep"} & set(hold.mapping()):
        raise BadCase(hold.line, "a condition shows or keeps something")
    return Question(service, name, officer.text(), hold.mapping().get("with", Node({}, hold.line)))


def refers_to_nothing(node: Node) -> BadCase:
    """The mistake of a reference that stands for nothing."""
    return BadCase(
        node.line,
        f"'{node.text()}' refers to nothing; write =id.NAME, =agency.NAME, =kept.NAME, or =stream.KIND. before id or kept",
    )


def _known_officer(case: CaseFile, officer: Node) -> None:
    if officer.text() not in case.officers:
        raise BadCase(officer.line, f"officer '{officer.text()}' is not among the officers")


def _method(step: Step) -> MethodDescriptor:
    found = method(step.service, step.method)
    if found is None:
        raise BadCase(step.line, f"there is no {step.service}.{step.method}")
    if found.client_streaming:
        raise BadCase(step.line, f"{step.method} takes a stream, which a step cannot send")
    return found


def _check_hold(case: CaseFile, hold: Node, shape: Resolve) -> None:
    asked = question(case, hold)
    found = method(asked.service, asked.name)
    assert found is not None
    fill(request_class(found)(), asked.fields, shape)
    members = hold.mapping()
    for expected in members["shows"].mapping().values() if "shows" in members else ():
        shape(expected)
    for path in members["keep"].mapping().values() if "keep" in members else ():
        path.text()


def _shape(case: CaseFile, kept: set[str]) -> Resolve:
    def resolve(node: Node) -> str:
        text = node.text()
        kind, dot, name = text[1:].partition(".")
        if not text.startswith("=") or not dot:
            return text
        if (kind == "id" and name) or (kind == "kept" and name in kept):
            return _SOME_ID
        if kind == "agency" and name in case.agencies:
            return case.agencies[name].uscc
        category, _, within = name.partition(".")
        if kind == "stream" and "." in within:
            return f"{category}-{resolve(Node(f'={within}', node.line))}"
        raise refers_to_nothing(node)

    return resolve
