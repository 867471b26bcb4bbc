"""Plays a case file step by step against running services, and checks what must hold after."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import intake_service_pb2 as intakepb
from guanhu.types.v1 import types_pb2
from services.demo.casefile import CaseFile, Node, Step
from services.demo.check import check, question, refers_to_nothing
from services.demo.client import Client, method, request_class
from services.demo.conditions import Telling, questions, telling
from services.demo.inbox import inbox
from services.demo.message import fill
from services.kernel.rpc import reason_of

# How long a condition may take to become true: policies work behind the command.
HOLDS_WITHIN_S = 15.0
POLL_S = 0.05
_AGENCIES = uuid.UUID("6f1d0a9e-5a44-4d0c-9d0b-3c8d6b8f2a10")


class CaseFailed(Exception):
    """The services did something else than the case says."""


@dataclass
class Played:
    """What a played case leaves behind."""

    run: uuid.UUID
    steps: int = 0
    refusals: int = 0
    conditions: int = 0
    kept: dict[str, str] = field(default_factory=dict)

    def id_of(self, name: str) -> str:
        """The id that `=id.NAME` stands for in this run."""
        return str(uuid.uuid5(self.run, name))


class Player:
    """Plays one case; every run has ids of its own, so that a case can be played again and again."""

    def __init__(self, case: CaseFile, client: Client, tell: Callable[[Step, str], None]) -> None:
        self._case = case
        self._client = client
        self._tell = tell
        self.played = Played(uuid.uuid4())

    def play(self) -> Played:
        """Plays all steps.

        Raises:
            BadCase: the file asks for something that does not exist.
            CaseFailed: a step was refused or accepted against the file, or a condition does not hold.
        """
        check(self._case)
        for name in self._case.agencies:
            self._register(name)
        for step in self._case.steps:
            self._play(step)
        return self.played

    def _register(self, name: str) -> None:
        agency = self._case.agencies[name]
        request = intakepb.RegisterAgencyRequest(agency=agency_events_pb2.Agency())
        fill(request.agency, agency.entry, self.resolve)
        # The same entry is the same command: an agency that another case registered stays as it is.
        request.head.request_id = str(uuid.uuid5(_AGENCIES, request.agency.SerializeToString(deterministic=True).hex()))
        try:
            self._client.call("intake", "RegisterAgency", request)
        except grpc.RpcError as error:
            if reason_of(error) != "AGENCY_EXISTS":
                raise CaseFailed(f"agency {name}: {reason_of(error)}") from error

    def _play(self, step: Step) -> None:
        found = method(step.service, step.method)
        assert found is not None
        request = request_class(found)()
        fill(request, step.fields, self.resolve)
        self._complete(request, str(step.line), step.at)
        outcome = "OK"
        try:
            answer = self._call(step.service, step.method, request, step.officer)
        except grpc.RpcError as error:
            outcome = reason_of(error)
            answer = None
            if outcome != step.refused:
                raise CaseFailed(f"line {step.line}: {step.method} was refused: {outcome} {error.details()}") from error
            self.played.refusals += 1
        if answer is not None and step.refused:
            raise CaseFailed(f"line {step.line}: {step.method} was accepted; the case expects {step.refused}")
        self.played.steps += 1
        self._tell(step, outcome)
        for hold in questions(step):
            self._hold(hold, step)
            self.played.conditions += 1
        for node in step.told:
            self._hear(telling(self._case, node))
            self.played.conditions += 1

    def _complete(self, request: Any, name: str, at: datetime) -> None:
        """Fills what the file need not say: request id, time of the act, purpose."""
        fields = request.DESCRIPTOR.fields_by_name
        if "head" in fields:
            if not request.head.request_id:
                request.head.request_id = str(uuid.uuid5(self.played.run, f"step:{name}"))
            if not request.head.HasField("occurred_at"):
                request.head.occurred_at.FromDatetime(at)
        if "purpose" in fields and not request.HasField("purpose"):
            request.purpose.code = types_pb2.PURPOSE_CODE_CASE_HANDLING
            request.purpose.legal_basis = "CPL Art. 279"

    def _call(self, service: str, name: str, request: Message, officer: str) -> Any:
        who = self._case.officers[officer]
        uscc = self._case.agencies[who.agency].uscc
        return self._client.call(service, name, request, uscc, who.name, who.role)

    def _hold(self, hold: Node, step: Step) -> None:
        deadline = time.monotonic() + HOLDS_WITHIN_S
        for wrong in self._asked(hold, step):
            if not wrong:
                return
            if time.monotonic() > deadline:
                raise CaseFailed(f"line {hold.line}: {wrong}")
            time.sleep(POLL_S)

    def _hear(self, must: Telling) -> None:
        """Waits until the agency finds in its inbox what it must have been told."""
        uscc = self._case.agencies[must.agency].uscc
        deadline = time.monotonic() + HOLDS_WITHIN_S
        while not any(
            message.cause.type == must.event and must.handoff in {"", message.handoff_id}
            for message in inbox(self._client, uscc, self.played.id_of("case"))
        ):
            if time.monotonic() > deadline:
                raise CaseFailed(f"line {must.line}: {must.words}")
            time.sleep(POLL_S)

    def _asked(self, hold: Node, step: Step) -> Iterator[str]:
        """Asks again and again; yields what is wrong, or "" when the condition holds."""
        asked = question(self._case, hold)
        found = method(asked.service, asked.name)
        assert found is not None
        while True:
            request: Any = request_class(found)()
            fill(request, asked.fields, self.resolve)
            self._complete(request, f"{step.line}:{hold.line}", step.at)
            try:
                shown = MessageToDict(
                    self._call(asked.service, asked.name, request, asked.officer), preserving_proto_field_name=True
                )
            except grpc.RpcError as error:
                yield f"{asked.name}: {reason_of(error)}"
                continue
            yield self._compare(hold, shown)

    def _compare(self, hold: Node, shown: dict[str, Any]) -> str:
        members = hold.mapping()
        for path, expected in members["shows"].mapping().items() if "shows" in members else ():
            value, wanted = _at(shown, path), self.resolve(expected)
            if not (value == wanted or value.endswith(f"_{wanted}")):
                return f"{path} is {value or 'empty'}, expected {wanted}"
        for name, kept in members["keep"].mapping().items() if "keep" in members else ():
            value = _at(shown, kept.text())
            if not value:
                return f"{kept.text()} is empty"
            self.played.kept[name] = value
        return ""

    def resolve(self, node: Node) -> str:
        """What a reference stands for; any other text stands for itself."""
        text = node.text()
        kind, dot, name = text[1:].partition(".")
        if not text.startswith("=") or not dot:
            return text
        if kind == "id":
            return self.played.id_of(name)
        if kind == "agency" and name in self._case.agencies:
            return self._case.agencies[name].uscc
        if kind == "kept" and name in self.played.kept:
            return self.played.kept[name]
        category, _, within = name.partition(".")
        if kind == "stream" and "." in within:
            return f"{category}-{self.resolve(Node(f'={within}', node.line))}"
        raise refers_to_nothing(node)


def _at(shown: Any, path: str) -> str:
    """The value at a dotted path such as `investigations.0.status`; a list's `count` is its length."""
    for part in path.split("."):
        if isinstance(shown, list):
            if part == "count":
                return str(len(shown))
            shown = shown[int(part)] if part.isdigit() and int(part) < len(shown) else {}
        elif isinstance(shown, dict):
            shown = shown.get(part, {})
    if isinstance(shown, dict) and set(shown) == {"year", "month", "day"}:
        return f"{shown['year']:04}-{shown['month']:02}-{shown['day']:02}"
    if isinstance(shown, bool):
        return str(shown).lower()
    return "" if shown == {} else str(shown)
