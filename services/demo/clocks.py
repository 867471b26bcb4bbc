"""The clocks of a played case, as the agencies that take part in it see them: a table, and explanations in full."""

from collections.abc import Callable, Iterator
from typing import Any

from guanhu.deadline.v1 import deadline_events_pb2 as events
from guanhu.deadline.v1 import deadline_service_pb2 as deadlines
from guanhu.options.v1 import options_pb2
from guanhu.types.v1 import types_pb2
from services.demo.casefile import CaseFile, Node
from services.demo.client import Client
from services.demo.conditions import place
from services.demo.table import table
from services.kernel.dates import to_date, to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.explain_words import length

SERVICES = ("intake", "social_investigation", "appropriate_adult")
HEADS = ("期限", "规则", "届满", "状态", "依据")
LATE = "（逾期）"
_PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_CASE_HANDLING, legal_basis="CPL Art. 279")
_PAGE = 200

Explained = tuple[deadlines.Deadline, deadlines.ExplainDeadlineResponse]


class CaseClocks:
    """Asks the running services for the clocks of one case, as its agencies and officers."""

    def __init__(self, case: CaseFile, case_id: str, client: Client) -> None:
        self._case = case
        self._case_id = case_id
        self._client = client

    def lines(self) -> Iterator[str]:
        """The table of all clocks that any agency of the case sees, each with what happened to it; nothing without clocks.

        Raises:
            grpc.RpcError: a call was refused or the service is away.
        """
        found = self._found()
        if not found:
            return
        rows = [_row(clock, explained) for clock, explained in found]
        first, *rest = table(HEADS, rows)
        yield first
        for line, (_, explained) in zip(rest, found, strict=True):
            yield line
            yield from (f"  · {happened.zh}" for happened in _of(explained, deadlines.EXPLANATION_PART_HISTORY))

    def explanations(self, resolve: Callable[[Node], str]) -> Iterator[str]:
        """The whole explanation of each clock that the case names, in Chinese.

        Raises:
            grpc.RpcError: a call was refused or the service is away.
        """
        for node in self._case.explain:
            asked = place(node)
            officer = self._case.officers[asked.officer]
            uscc = self._case.agencies[officer.agency].uscc
            explained = self._explain(asked.service, resolve(asked.stream), asked.deadline_id, uscc, officer.name, officer.role)
            yield f"{explained.deadline.name_zh}（{asked.deadline_id}）说明"
            yield from (f"  {line.zh}" for line in explained.lines)

    def _found(self) -> list[Explained]:
        found: dict[tuple[str, str], Explained] = {}
        for service in SERVICES:
            for agency in self._case.agencies.values():
                for clock in self._listed(service, agency.uscc):
                    key = (clock.stream, clock.deadline_id)
                    if key not in found:
                        found[key] = clock, self._explain(service, *key, agency.uscc)
        return sorted(found.values(), key=_begun)

    def _listed(self, service: str, uscc: str) -> Iterator[deadlines.Deadline]:
        token = ""
        while True:
            request = deadlines.ListDeadlinesRequest(
                purpose=_PURPOSE,
                service=service,
                case_id=self._case_id,
                include_closed=True,
                page_size=_PAGE,
                page_token=token,
            )
            page = self._client.call("deadline", "ListDeadlines", request, uscc)
            yield from page.deadlines
            token = page.next_page_token
            if not token:
                return

    def _explain(self, service: str, stream: str, deadline_id: str, *caller: str) -> deadlines.ExplainDeadlineResponse:
        request = deadlines.ExplainDeadlineRequest(purpose=_PURPOSE, service=service, stream=stream, deadline_id=deadline_id)
        answer: deadlines.ExplainDeadlineResponse = self._client.call("deadline", "ExplainDeadline", request, *caller)
        return answer


def _row(clock: deadlines.Deadline, explained: deadlines.ExplainDeadlineResponse) -> tuple[str, ...]:
    value = deadlines.DeadlineStatus.DESCRIPTOR.values_by_number[clock.status]
    status = value.GetOptions().Extensions[options_pb2.label] + (LATE if clock.late else "")
    source = next(iter(_of(explained, deadlines.EXPLANATION_PART_SOURCE)))
    return clock.name_zh, clock.deadline_id, _ends(clock), status, source.zh.removeprefix("依据：")


def _ends(clock: deadlines.Deadline) -> str:
    if on := to_date(clock.due_on):
        return str(on)
    if clock.HasField("due_at"):
        return f"{to_datetime(clock.due_at).astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M}"
    return f"剩余{length(clock.remaining or events.Length()).zh}"


def _of(explained: deadlines.ExplainDeadlineResponse, part: int) -> Iterator[Any]:
    return (line for line in explained.lines if line.part == part)


def _begun(one: Explained) -> tuple[int, str, int]:
    """The place of a clock in the table: as its service has set them."""
    clock, explained = one
    return SERVICES.index(clock.service), clock.stream, explained.lines[0].version
