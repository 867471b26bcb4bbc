"""Calls every RPC with well-formed, boundary, mutated and random bytes, as callers of every kind, and judges the answers."""

import importlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from guanhu.options.v1 import options_pb2
from services.demo.client import Client, method
from services.kernel.devauthority import DevAuthority
from services.kernel.rpc import ERROR_DOMAIN
from tests.fault.wire import Requests

ROOT = Path(__file__).parents[2]
# What personal fields hold: each begins with one of these, and each of these stands nowhere else.
NAME_MARK, NUMBER_MARK = "金丝雀Kx9qZ", "73194628051739462"
MARKS = (NAME_MARK, "Kx9qZ", "金丝雀", NUMBER_MARK)
# Enough that each kind of mutation meets each RPC a few times; the boundaries, several thousand, come on top.
MUTATED, WELL_FORMED, REPEATED, NOISE = 8, 12, 6, 4
CALL_S = 10.0

# How many variants are tried of a command before it is sent in earnest, and of how many commands of a kind.
AHEAD, AHEAD_COMMANDS = 40, 2

Metadata = tuple[tuple[str, str], ...]
# An agency, an officer and a role.
Who = tuple[str, str, str]


@dataclass(frozen=True)
class Identity:
    """A caller: `who` is its agency, officer and role; and the channel and what is sent along."""

    name: str
    who: Who
    channel: grpc.Channel
    metadata: Metadata


@dataclass
class Verdict:
    """What the calls of one RPC came to; `problems` holds what must not have been."""

    calls: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def methods() -> list[MethodDescriptor]:
    """Every method of every service of the protocol, from the generated descriptors."""
    modules = sorted((ROOT / "gen").rglob("*_service_pb2.py"))
    names = [".".join(path.relative_to(ROOT / "gen").with_suffix("").parts) for path in modules]
    services = (s for name in names for s in importlib.import_module(name).DESCRIPTOR.services_by_name.values())
    return [found for service in services for found in service.methods]


def documented() -> Mapping[str, frozenset[str]]:
    """The codes that docs/reasons.md gives for each reason."""
    rows = (line.split("|") for line in (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8").splitlines())
    cells = [[cell.strip() for cell in row[1:3]] for row in rows if len(row) > 3]
    return {
        reason.strip("`"): frozenset(code.strip("` ") for code in codes.split(","))
        for reason, codes in cells
        if reason.startswith("`")
    }


def plant(message: Any) -> None:
    """Marks every personal text of a message; a code of digits alone would be no code any more."""
    for field_, value in message.ListFields():
        personal = field_.GetOptions().Extensions[options_pb2.personal]
        if field_.message_type is not None:
            for item in value if field_.is_repeated else [value]:
                plant(item)
        elif personal and isinstance(value, str) and not value.isdigit():
            setattr(message, field_.name, f"{NAME_MARK}{value}")
        elif personal and field_.is_repeated and all(isinstance(item, str) for item in value):
            value[:] = [f"{NAME_MARK}{item}" for item in value]


def lift(message: Any) -> None:
    """Takes the marks out of an answer, so that a case's conditions see what the case says."""
    for field_, value in message.ListFields():
        if field_.message_type is not None:
            for item in value if field_.is_repeated else [value]:
                lift(item)
        elif isinstance(value, str):
            setattr(message, field_.name, value.replace(NAME_MARK, ""))


class MarkingClient(Client):
    """A client whose personal values are marked. It remembers what it sent, and shows each command before it is sent."""

    def __init__(self, address: str, authority: DevAuthority) -> None:
        super().__init__(address, authority)
        self.sent: dict[str, list[tuple[bytes, Who]]] = {}
        self.before: Callable[[MethodDescriptor, bytes, Who], None] = lambda *_: None

    def call(
        self,
        service: str,
        name: str,
        request: Message,
        uscc: str = "",
        officer: str = "",
        role: str = "",
        *,
        trace_parent: str = "",
    ) -> Any:
        """As the client does, with marks."""
        plant(request)
        found, data, who = method(service, name), request.SerializeToString(), (uscc, officer, role)
        assert found is not None
        if "head" in found.input_type.fields_by_name:
            self.before(found, data, who)
        self.sent.setdefault(name, []).append((data, who))
        answer = super().call(service, name, request, uscc, officer, role, trace_parent=trace_parent)
        for message in answer if isinstance(answer, list) else [answer]:
            lift(message)
        return answer


class Attack:
    """Attacks the RPCs of one server; `sent` grows while a case is played, by the names of methods."""

    def __init__(self, identities: Sequence[Identity], requests: Requests, sent: Mapping[str, list[tuple[bytes, Who]]]) -> None:
        self.verdicts = {found.full_name: Verdict() for found in methods()}
        self._identities = identities
        self._requests = requests
        self._sent = sent
        self._documented = documented()

    def ahead(self, found: MethodDescriptor, data: bytes, who: Who) -> None:
        """Sends variants of a command that is about to be sent in earnest, by its own caller, to be checked only."""
        if len(self._sent.get(found.name, ())) >= AHEAD_COMMANDS:
            return
        caller = next(identity for identity in self._identities if identity.who == who)
        variants = list(self._requests.boundaries(found.input_type, NAME_MARK.encode()))
        for label, variant in self._requests.some(variants, AHEAD):
            self._try(found, f"ahead, {label}", self._requests.checked_only(found.input_type, data + variant), caller)

    def on(self, found: MethodDescriptor) -> None:
        """Attacks one RPC: every other call comes from one who has called it in earnest, where anybody has."""
        sent = self._sent.get(found.name, [])
        earnest = [caller for caller in self._identities if caller.who in {who for _, who in sent}] or self._identities
        pairs = zip(itertools.cycle(earnest), itertools.cycle(self._identities), strict=True)
        turn = itertools.chain.from_iterable(pairs)
        for label, data in self._examples(found, [data for data, _ in sent]):
            self._try(found, label, data, next(turn))

    def _examples(self, found: MethodDescriptor, sent: list[bytes]) -> Iterator[tuple[str, bytes]]:
        kind, requests = found.input_type, self._requests
        valid = [requests.valid(kind).SerializeToString() for _ in range(WELL_FORMED)]
        known = sent or valid
        # What was sent in earnest is sent again as it was, then as another command, then changed.
        yield from (("sent before", data) for data in sent[:REPEATED])
        yield from (("sent anew", requests.fresh(kind, data)) for data in sent[:REPEATED])
        yield from (("id used before", requests.changed(kind, data)) for data in sent[:REPEATED] * 2)
        yield from (("well-formed", data) for data in valid)
        yield from (("mutated", requests.fresh(kind, requests.mutated(requests.pick(known)))) for _ in range(MUTATED))
        yield from (("mutated", requests.mutated(requests.pick(known))) for _ in range(MUTATED))
        yield from (("noise", requests.noise()) for _ in range(NOISE))
        for label, data in requests.boundaries(kind, NAME_MARK.encode()):
            yield label, requests.fresh(kind, requests.pick(known)) + data

    def _try(self, found: MethodDescriptor, label: str, data: bytes, caller: Identity) -> None:
        verdict = self.verdicts[found.full_name]
        label = f"{label} as {caller.name}"
        began = time.monotonic()
        self._judge(verdict, found, label, *self._call(found, data, caller))
        verdict.calls += 1
        if (took := time.monotonic() - began) > CALL_S:
            verdict.problems.append(f"{label}: took {took:.0f} s")

    def _call(self, found: MethodDescriptor, data: bytes, caller: Identity) -> tuple[list[Any], grpc.RpcError | None]:
        path = f"/{found.containing_service.full_name}/{found.name}"
        read = message_factory.GetMessageClass(found.output_type).FromString
        try:
            metadata = caller.metadata
            if found.client_streaming:
                both = caller.channel.stream_stream(path, request_serializer=None, response_deserializer=read)
                return list(both(iter([data, data]), timeout=CALL_S, metadata=metadata)), None
            if found.server_streaming:
                stream = caller.channel.unary_stream(path, request_serializer=None, response_deserializer=read)
                return list(stream(data, timeout=CALL_S, metadata=metadata)), None
            unary = caller.channel.unary_unary(path, request_serializer=None, response_deserializer=read)
            return [unary(data, timeout=CALL_S, metadata=metadata)], None
        except grpc.RpcError as error:
            return [], error

    def _judge(self, verdict: Verdict, found: MethodDescriptor, label: str, answers: list[Any], refusal: Any) -> None:
        code = refusal.code().name if refusal is not None else "OK"
        verdict.codes[code] += 1
        if refusal is None:
            # A stream that answers item by item refuses in its answers.
            for answer in answers if found.client_streaming else ():
                if answer.reason:
                    verdict.reasons[answer.reason] += 1
                    self._expect(verdict, answer.reason in self._documented, f"{label}: item refused with {answer.reason}")
                    self._expect(verdict, not _marks(answer.message), f"{label}: a personal value in an item's message")
            return
        try:
            status = rpc_status.from_call(refusal)
        except ValueError:
            verdict.problems.append(f"{label}: the status is at odds with itself: {refusal.details()}")
            return
        info = error_details_pb2.ErrorInfo()
        has_info = status is not None and any(detail.Unpack(info) for detail in status.details)
        self._expect(verdict, has_info, f"{label}: {code} without a reason: {refusal.details()}")
        verdict.reasons[info.reason] += 1
        if has_info:
            known = self._documented.get(info.reason, frozenset())
            self._expect(verdict, code in known, f"{label}: {info.reason} came as {code}, documented is {sorted(known)}")
            self._expect(verdict, info.domain == ERROR_DOMAIN, f"{label}: the domain is {info.domain}")
        trailers = " ".join(f"{key} {value!r}" for key, value in refusal.trailing_metadata() or ())
        said = f"{refusal.details()} {status} {trailers}"
        self._expect(verdict, not _marks(said), f"{label}: a personal value in the status")
        raw = b" ".join(value for _, value in refusal.trailing_metadata() or () if isinstance(value, bytes))
        self._expect(verdict, not any(mark.encode() in raw for mark in MARKS), f"{label}: a personal value in the trailers")

    @staticmethod
    def _expect(verdict: Verdict, holds: bool, problem: str) -> None:
        if not holds:
            verdict.problems.append(problem)


def _marks(text: str) -> list[str]:
    return [mark for mark in MARKS if mark in text]
