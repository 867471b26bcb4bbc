"""A load of commands whose acknowledgements are remembered."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import psycopg

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import person_events_pb2 as persons
from services.demo.process import READY_S, ServiceProcess
from tests.contract.agencies import PROC, date, head, new_id, register_agencies

# What a caller repeats with the same request_id: the server was away, or nobody knows what became of the command.
AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}


@dataclass
class Load:
    """Threads that register persons one after another, each until it is acknowledged, and remember every receipt."""

    service: ServiceProcess
    threads: int = 8
    repeat: bool = True
    acknowledged: dict[str, int] = field(default_factory=dict)
    requests: dict[str, Any] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator["Load"]:
        """Loads while the context lasts; at its end every thread finishes what it has begun."""
        with self.service.client() as client:
            register_agencies(client)
        workers = [threading.Thread(target=self._work) for _ in range(self.threads)]
        for worker in workers:
            worker.start()
        try:
            yield self
        finally:
            self._stop.set()
            for worker in workers:
                worker.join()

    def wait_for(self, more: int) -> None:
        """Waits until so many more commands are acknowledged."""
        goal, ends = len(self.acknowledged) + more, time.monotonic() + READY_S
        while len(self.acknowledged) < goal:
            assert time.monotonic() < ends, f"only {len(self.acknowledged)} of {goal} commands were acknowledged"
            self._stop.wait(0.005)

    def _work(self) -> None:
        with self.service.client() as client:
            while not self._stop.is_set():
                request = registration()
                self.requests[request.details.person_id] = request
                while True:
                    try:
                        receipt = client.call(
                            "intake", "RegisterPerson", request, PROC, "procurator-1", "CASE_PROCURATOR"
                        ).receipt
                    except grpc.RpcError as error:
                        if error.code() not in AGAIN:
                            self.unexpected.append(f"{error.code()} {error.details()}")
                            return
                        if not self.repeat:
                            break
                        self._stop.wait(0.02)
                        continue
                    self.acknowledged[request.details.person_id] = receipt.position
                    break


def registration() -> intake.RegisterPersonRequest:
    """A command that comes to one event."""
    return intake.RegisterPersonRequest(
        head=head(),
        details=persons.PersonDetails(person_id=new_id(), name="某某", birth_date=date(2010, 1, 2)),
        part=persons.PERSON_PART_MINOR,
        identity_status=persons.IDENTITY_STATUS_SELF_STATED,
        age_basis=persons.AGE_BASIS_HOUSEHOLD_REGISTER,
    )


def recorded(database_url: str) -> dict[str, list[int]]:
    """What the journal holds: persons with the positions of their events, read without any of our code."""
    found: dict[str, list[int]] = {}
    with psycopg.connect(database_url) as conn:
        rows = conn.execute("select stream, position from intake.events where stream like 'person-%' order by position")
        for stream, position in rows:
            found.setdefault(stream.partition("-")[2], []).append(position)
    return found


def seconds_until_ready(lines: list[str]) -> float:
    """What the service itself says that its start took."""
    [ready] = [json.loads(line) for line in lines if '"ready"' in line][-1:]
    return float(ready["seconds"])
