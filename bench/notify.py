"""Deliveries a second to a healthy receiver while another one is dead.

The receivers run in processes of their own, and audit, which follows by itself, not at all. Messages wait at a healthy agency
whose receiver is not there yet, and as many at one whose receiver takes connections and never answers; then the healthy one
comes, and the time from its first message to its last is what counts.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figure import AT_LEAST, Bar, Figure
from services.builders import BUILDERS
from services.demo.process import ServiceProcess, free_address
from tests.contract.agencies import CYL, SWO
from tests.contract.journal_server import running_server
from tests.contract.notices import LOOPBACK
from tests.contract.receiver import Certificates, Receiver, make_certificates, receiving
from tests.fault.telling_load import Telling

MESSAGES = 2_000
PER_SECOND_MIN = 200
LIMIT_S = 600.0


def receive(folder: Path, port: int, count: int) -> int:
    """Takes messages until there are enough and prints how fast they came; with a count of 0 it never answers."""
    certificates = Certificates(folder / "receiver-ca.pem", folder / "receiver.pem")
    with receiving(certificates, port) as receiver:
        if not count:
            receiver.answer = lambda _: None
        print("ready", flush=True)
        receiver.wait(lambda r: bool(r.effects), LIMIT_S)
        began = time.monotonic()
        receiver.wait(lambda r: len(r.effects) >= count, LIMIT_S)
        seconds = time.monotonic() - began
        print(json.dumps({"seconds": seconds}), flush=True)
    return 0


@contextmanager
def process(folder: Path, port: int, count: int) -> Iterator["subprocess.Popen[str]"]:
    """A receiver in a process of its own, ready."""
    command = [sys.executable, "-m", "bench.notify", "receive", str(folder), str(port), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            yield child
        finally:
            child.kill()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    # utime and stime, proc_pid_stat(5), counted after the command's name.
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures(messages: int = MESSAGES) -> Iterator[Figure]:
    """Measures once."""
    healthy_port, dead_port = (int(free_address().rpartition(":")[2]) for _ in range(2))
    with tempfile.TemporaryDirectory(prefix="guanhu-notify-") as name, running_server() as server:
        folder = Path(name)
        folder.chmod(0o755)
        certificates = make_certificates(folder)
        service = ServiceProcess(
            server.url,
            folder / "state",
            module=("tests.fault.some_services", *(name for name in BUILDERS if name != "audit")),
            settings={"GUANHU_NOTIFY_NETWORKS": LOOPBACK, "GUANHU_NOTIFY_CA": str(certificates.ca_file)},
        )
        service.start()
        try:
            telling = Telling(service, {CYL: Receiver(healthy_port), SWO: Receiver(dead_port)})
            telling.listen()
            with process(folder, dead_port, 0):
                telling.refer(2 * messages)
                with process(folder, healthy_port, messages) as healthy:
                    assert healthy.stdout is not None
                    before = cpu_seconds(service.pid)
                    seconds = json.loads(healthy.stdout.readline())["seconds"]
                    # What a busy machine does not distort: the service's own work for one message.
                    cpu_ms = 1000 * (cpu_seconds(service.pid) - before) / messages
                    print(f"  {messages} messages, {cpu_ms:.2f} ms of processor each", file=sys.stderr, flush=True)
        finally:
            service.kill()
    yield Figure("deliveries_beside_a_dead_receiver", messages / seconds, "msg/s", Bar(AT_LEAST, PER_SECOND_MIN))


if __name__ == "__main__":
    sys.exit(receive(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
