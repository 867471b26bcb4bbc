"""The workload: whole cases from referral to closed investigation, different each time and the same for the same seed.

Its pattern is a case file (`tests/cases/c08-haidian-2021.yaml`), played once on paper: each step that is not refused becomes
a request with placeholders. A story replaces ids, request ids and names, and repeats or leaves out fieldwork, as chance of
the seed says. Requests are kept as bytes, so that a load costs its clients little.
"""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from google.protobuf.message import Message

from guanhu.directory.v1 import agency_events_pb2
from services.demo.casefile import Node, Step, read
from services.demo.client import method, request_class
from services.demo.message import fill
from services.kernel.policy import derived_id

PATTERN = Path(__file__).parents[1] / "tests" / "cases" / "c08-haidian-2021.yaml"
# Fieldwork that a story may hold more or less of, by the method.
REPEATED = {"RecordInterview": (0, 2), "RecordVisit": (0, 1), "RecordDocument": (0, 1)}
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "一二三四五六七八九十甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥"
_PATTERN_NAME = "段小一"
_REQUEST = "request"
_RECORDS = re.compile(r"id\.(contact|family_assessment)")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends a request."""

    uscc: str
    officer: str
    role: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a story, encoded."""

    service: str
    method: str
    identity: Identity
    data: bytes


@dataclass(frozen=True, slots=True)
class Story:
    """One case; `calls` are to be sent in order, each after the answer to the one before."""

    referral_id: str
    case_id: str
    investigation_id: str
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class _Template:
    service: str
    method: str
    identity: Identity
    data: bytes


class Workload:
    """Stories of a seed, by number; the same number is the same story."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._case = read(PATTERN)
        self._names: dict[str, str] = {}
        self._templates = [self._template(step) for step in self._case.steps if _measured(step)]

    def agencies(self) -> Iterator[agency_events_pb2.Agency]:
        """The directory that the stories need."""
        for agency in self._case.agencies.values():
            message = agency_events_pb2.Agency()
            fill(message, agency.entry, self._resolve)
            yield message

    def story(self, number: int) -> Story:
        """One case from registration to closing."""
        chance = Random(f"{self._seed}:{number}")
        ids = {name: _uuid(chance) for name in self._names}
        ids["kept.investigation"] = derived_id("opening", "intake", ids["id.referral"])
        swaps = [(self._names[name].encode(), value.encode()) for name, value in ids.items()]
        swaps.append((_PATTERN_NAME.encode(), _name(chance).encode()))
        calls = [
            self._call(template, swaps, chance, extra=turn > 0)
            for template in self._templates
            for turn in range(_turns(template.method, chance))
        ]
        return Story(ids["id.referral"], ids["id.case"], ids["kept.investigation"], calls)

    def _call(self, template: _Template, swaps: list[tuple[bytes, bytes]], chance: Random, *, extra: bool) -> Call:
        data = template.data
        if extra:
            # The same work on another day is another record.
            for name in filter(_RECORDS.match, self._names):
                data = data.replace(self._names[name].encode(), _uuid(chance).encode())
        for placeholder, value in swaps:
            data = data.replace(placeholder, value)
        data = data.replace(_placeholder(_REQUEST).encode(), _uuid(chance).encode())
        return Call(template.service, template.method, template.identity, data)

    def _template(self, step: Step) -> _Template:
        found = method(step.service, step.method)
        assert found is not None
        request: Message = request_class(found)()
        fill(request, step.fields, self._resolve)
        request.head.request_id = _placeholder(_REQUEST)  # type: ignore[attr-defined]
        request.head.occurred_at.FromDatetime(step.at)  # type: ignore[attr-defined]
        officer = self._case.officers[step.officer]
        identity = Identity(self._case.agencies[officer.agency].uscc, officer.name, officer.role)
        return _Template(step.service, step.method, identity, request.SerializeToString())

    def _resolve(self, node: Node) -> str:
        text = node.text()
        kind, _, name = text[1:].partition(".")
        if not text.startswith("="):
            return text
        if kind == "agency":
            return self._case.agencies[name].uscc
        return self._names.setdefault(text[1:], _placeholder(text[1:]))


def _measured(step: Step) -> bool:
    # The organ's own clocks run beside the job: with them figures of earlier releases could not be compared.
    return not step.refused and step.service != "deadline"


def _placeholder(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def _uuid(chance: Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def _name(chance: Random) -> str:
    # As long as the pattern's name in bytes, so that the encoded lengths stay right.
    return chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=len(_PATTERN_NAME) - 1))


def _turns(name: str, chance: Random) -> int:
    low, high = REPEATED.get(name, (0, 0))
    return 1 + chance.randint(low, high)
