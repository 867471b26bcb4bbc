"""A load of whole stories at two processes: what one of them does not answer, the other is asked with the same request."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any

import grpc
from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_service_pb2 as clocks
from guanhu.intake.v1 import intake_service_pb2 as intake
from services.demo.client import Client
from services.demo.process import READY_S, ServiceProcess
from services.kernel.clock import SystemClock
from services.kernel.dates import from_datetime
from tests.contract.agencies import CYL, SWO, head, open_case, referral
from tests.contract.investigations import PROCURATOR, commission
from tests.fault.under_load import AGAIN

LEAGUE = (CYL, "league-1", "CYL_OFFICER")
QUESTIONING = "DL-QUEST-12H"
# The law gives twelve hours; a clock that began so long ago, but for this, is due while the test runs.
DUE_IN = timedelta(seconds=2)
BEGAN = timedelta(hours=12) - DUE_IN
# The organ had its case before it questioned anybody.
OPENED = timedelta(days=2)
LOOK_S = 0.02


class Caller(Client):
    """Calls the first of several processes until it does not answer, and then the next."""

    def __init__(self, processes: Sequence[ServiceProcess]) -> None:
        self._clients = [process.client() for process in processes]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for client in self._clients:
            client.__exit__(kind, error, traceback)

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
        """Calls until somebody answers."""
        while True:
            try:
                return self._clients[0].call(service, name, request, uscc, officer, role, trace_parent=trace_parent)
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                self._clients = [*self._clients[1:], self._clients[0]]
                time.sleep(LOOK_S)


@dataclass
class Stories:
    """Threads that play one story after another; half of them ask one process first, half the other."""

    processes: Sequence[ServiceProcess]
    threads: int = 4
    told: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator["Stories"]:
        """Plays while the context lasts; at its end every thread finishes its story."""
        workers = [threading.Thread(target=self._work, args=(number,)) for number in range(self.threads)]
        for worker in workers:
            worker.start()
        try:
            yield self
        finally:
            self._stop.set()
            for worker in workers:
                worker.join()

    def wait_for(self, more: int) -> None:
        """Waits until so many more stories were played."""
        goal, ends = len(self.told) + more, time.monotonic() + READY_S
        while len(self.told) < goal:
            assert not self.failed, self.failed
            assert time.monotonic() < ends, f"only {len(self.told)} of {goal} stories were played"
            self._stop.wait(LOOK_S)

    def _work(self, number: int) -> None:
        processes = list(self.processes) if number % 2 else list(reversed(self.processes))
        with Caller(processes) as caller:
            while not self._stop.is_set():
                try:
                    self.told.append(story(caller))
                except grpc.RpcError as error:
                    call: Any = error
                    self.failed.append(f"{call.code()} {call.details()}")
                    return


def story(client: Client) -> str:
    """A case with a clock that is over in a moment, a referral that opens an investigation, and one that the organ opens."""
    now = SystemClock().now()
    case = open_case(client, occurred_at=from_datetime(now - OPENED))
    question(client, case.case_id)
    content = referral(case)
    submit = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
    client.call("intake", "SubmitReferral", submit, *PROCURATOR)
    accept = intake.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO)
    client.call("intake", "AcceptReferral", accept, *LEAGUE)
    commission(client, case, now)
    return case.case_id


def question(client: Client, case_id: str) -> None:
    """Sets a clock that is over in a moment."""
    began = from_datetime(SystemClock().now() - BEGAN)
    clock = clocks.SetDeadlineRequest(
        head=head(occurred_at=began), service="intake", stream=f"case-{case_id}", rule_id=QUESTIONING
    )
    client.call("deadline", "SetDeadline", clock, *PROCURATOR)
