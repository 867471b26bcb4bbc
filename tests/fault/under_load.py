"""A whole service in a process of its own, and a load of commands whose acknowledgements are remembered."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psycopg

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import person_events_pb2 as persons
from services.demo.client import Client
from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority
from tests.conftest import free_address
from tests.contract.agencies import PROC, date, head, new_id, register_agencies

ROOT = Path(__file__).parents[2]
READY_S = 30.0
# What a caller repeats with the same request_id: the server was away, or nobody knows what became of the command.
AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}


class ServiceProcess:
    """`python -m services up` over a database; killed and started again at the same address.

    `settings` are environment variables; `command` may name another module that serves.
    """

    def __init__(self, database_url: str, state: Path, *, command: Sequence[str] = ("services", "up"), **settings: str) -> None:
        self.address = free_address()
        self._state = state
        self._command = [sys.executable, "-m", *command]
        self._environment = {
            **os.environ,
            **settings,
            "GUANHU_DATABASE_URL": database_url,
            "GUANHU_STATE_FOLDER": str(state),
            "GUANHU_LISTEN": self.address,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "gen"))),
        }
        self._process: subprocess.Popen[str] | None = None
        self._drain: threading.Thread | None = None
        self.lines: list[str] = []

    def start(self) -> float:
        """Starts and waits until it serves; returns the seconds that it took."""
        began = time.monotonic()
        self._process = subprocess.Popen(
            self._command, env=self._environment, cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self._process.stdout is not None
        while select.select([self._process.stdout], [], [], READY_S)[0]:
            line = self._process.stdout.readline()
            self.lines.append(line)
            if not line:
                break
            if '"ready"' in line:
                self._drain = threading.Thread(target=self._read_rest, args=(self._process.stdout,), daemon=True)
                self._drain.start()
                return time.monotonic() - began
        self.kill()
        raise AssertionError("".join(self.lines[-20:]))

    def _read_rest(self, output: Any) -> None:
        # An unread pipe would stop the service once it is full.
        self.lines.extend(output)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._end()

    def _end(self) -> int:
        assert self._process is not None and self._process.stdout is not None
        code = self._process.wait(timeout=60)
        if self._drain is not None:
            self._drain.join()
            self._drain = None
        self._process.stdout.close()
        return code

    def cpu_seconds(self) -> float:
        """Processor time that the process has used so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # utime and stime, proc_pid_stat(5), counted after the command's name.
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def client(self) -> Client:
        """A client with identities of the service's own authority."""
        return Client(self.address, DevAuthority.create_or_load(self._state / "authority", SystemClock()))

    def fsck(self) -> subprocess.CompletedProcess[str]:
        """Runs fsck over the same database."""
        command = [sys.executable, "-m", "services", "fsck"]
        return subprocess.run(command, env=self._environment, cwd=ROOT, capture_output=True, text=True, check=False)


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
