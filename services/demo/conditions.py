"""What a case says of clocks and messages, in short: how a clock stands, and which agency must have been told of what.

A condition on a clock is a question like those of `holds`, so that it is asked and compared like them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import FileDescriptor

from guanhu.appropriate_adult.v1 import adult_events_pb2, assignment_events_pb2, callout_events_pb2
from guanhu.deadline.v1 import deadline_events_pb2
from guanhu.deadline.v1 import deadline_service_pb2 as deadlines
from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import case_events_pb2, person_events_pb2, referral_events_pb2
from guanhu.notify.v1 import obligation_events_pb2
from guanhu.options.v1 import options_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2
from services.demo.casefile import BadCase, CaseFile, Node, Step, day, only
from services.kernel.deadline_rules import RULES

# The service whose journal holds the clocks of a stream of this kind.
_SERVICES = {"case": "intake", "investigation": "social_investigation", "assignment": "appropriate_adult"}
_STREAM = re.compile(rf"=stream\.({'|'.join(_SERVICES)})\.(?:id|kept)\.\w+")
_HANDOFF = re.compile(r"HO-\d{2}")
_EXPECTED = ("status", "due_on", "left", "late")
_FILES: tuple[FileDescriptor, ...] = tuple(
    module.DESCRIPTOR
    for module in (
        adult_events_pb2,
        assignment_events_pb2,
        callout_events_pb2,
        deadline_events_pb2,
        agency_events_pb2,
        case_events_pb2,
        person_events_pb2,
        referral_events_pb2,
        obligation_events_pb2,
        investigation_events_pb2,
    )
)
# Full names of events by their names, and Chinese labels by their full names.
EVENTS: Mapping[str, str] = {
    name: message.full_name
    for file in _FILES
    for name, message in file.message_types_by_name.items()
    if message.GetOptions().Extensions[options_pb2.title]
}
LABELS: Mapping[str, str] = {
    message.full_name: message.GetOptions().Extensions[options_pb2.title]
    for file in _FILES
    for message in file.message_types_by_name.values()
}


@dataclass(frozen=True, slots=True)
class Telling:
    """An agency must have been told of an event; by a hand-off of domain/07 §7.2 where one is named."""

    line: int
    agency: str
    event: str
    handoff: str

    @property
    def words(self) -> str:
        """What must have been told, for a message."""
        by = f" by {self.handoff}" if self.handoff else ""
        return f"{self.agency} was not told of {self.event.rpartition('.')[2]}{by}"


@dataclass(frozen=True, slots=True)
class ClockPlace:
    """Where a clock stands, and the officer who asks for it."""

    officer: str
    service: str
    stream: Node
    deadline_id: str


def questions(step: Step) -> Iterator[Node]:
    """Every question that must hold after a step, those on clocks among them."""
    yield from step.holds
    yield from map(_question, step.clocks)


def telling(case: CaseFile, node: Node) -> Telling:
    """What a member of `told` says.

    Raises:
        BadCase: no agency of the file, no event, or no hand-off.
    """
    only(node, {"who", "event", "handoff"})
    who, event = node.get("who"), node.get("event")
    if who.text() not in case.agencies:
        raise BadCase(who.line, f"agency '{who.text()}' is not among the agencies")
    if event.text() not in EVENTS:
        raise BadCase(event.line, f"there is no event {event.text()}")
    handoff = node.mapping().get("handoff")
    if handoff is not None and not _HANDOFF.fullmatch(handoff.text()):
        raise BadCase(handoff.line, "no hand-off; write for example HO-07")
    return Telling(node.line, who.text(), EVENTS[event.text()], handoff.text() if handoff is not None else "")


def place(node: Node, *more: str) -> ClockPlace:
    """Which clock a member of `clocks` or `explain` names; `more` are the keys that it may have besides.

    Raises:
        BadCase: it names none.
    """
    only(node, {"clock", "of", "as", *more})
    clock, stream = node.get("clock"), node.get("of")
    if clock.text().partition("#")[0] not in RULES:
        raise BadCase(clock.line, f"'{clock.text()}' is no deadline of the law pages")
    found = _STREAM.fullmatch(stream.text())
    if found is None:
        raise BadCase(stream.line, f"no stream with clocks; write =stream.KIND.id.NAME, where KIND is {', '.join(_SERVICES)}")
    return ClockPlace(node.get("as").text(), _SERVICES[found[1]], stream, clock.text())


def _question(node: Node) -> Node:
    found = place(node, *_EXPECTED)
    shows = dict(_shown(node))
    if not shows:
        raise BadCase(node.line, f"a condition on a clock says one of {', '.join(_EXPECTED)}")
    fields = {"service": Node(found.service, node.line), "stream": found.stream, "deadline_id": node.get("clock")}
    members = {
        "ask": Node("deadline.ExplainDeadline", node.line),
        "as": node.get("as"),
        "with": Node(fields, node.line),
        "shows": Node(shows, node.line),
    }
    return Node(members, node.line)


def _shown(node: Node) -> Iterator[tuple[str, Node]]:
    members = node.mapping()
    if status := members.get("status"):
        known = [name.removeprefix("DEADLINE_STATUS_") for name in deadlines.DeadlineStatus.keys()[1:]]
        if status.text() not in known:
            raise BadCase(status.line, f"'{status.text()}' is not one of {', '.join(known)}")
        yield "deadline.status", status
    if due_on := members.get("due_on"):
        yield "deadline.due_on", Node(day(due_on).isoformat(), due_on.line)
    for unit, number in members["left"].mapping().items() if "left" in members else ():
        if unit not in deadline_events_pb2.Length.DESCRIPTOR.fields_by_name:
            raise BadCase(number.line, f"'{unit}' is no unit of time")
        yield f"deadline.remaining.{unit}", number
    if late := members.get("late"):
        if late.text() not in {"true", "false"}:
            raise BadCase(late.line, "write true or false")
        yield "deadline.late", Node("true" if late.text() == "true" else "", late.line)
