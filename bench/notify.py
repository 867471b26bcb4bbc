"""Deliveries a second to a healthy receiver while another one is dead.

python -m bench.notify [MESSAGES]; the receivers run in processes of their own, and audit, which follows by itself, not at all.
Messages wait at a healthy agency whose receiver is not there yet, and as many at one whose receiver takes connections and
never answers; then the healthy one comes, and the time from its first message to its last is what counts.
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

from services.builders import BUILDERS
from services.demo.process import ServiceProcess, free_address
from services.kernel import host
from tests.contract.agencies import CYL, SWO
from tests.contract.journal_server import running_server
from tests.contract.receiver import Certificates, Receiver, make_certificates, receiving
from tests.fault.telling_load import Telling

MESSAGES = 2_000
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
        print(json.dumps({"messages": count, "seconds": round(seconds, 2), "per_second": round(count / seconds)}), flush=True)
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


def main() -> int:
    """Measures once."""
    if sys.argv[1:2] == ["serve"]:
        return host.run({name: build for name, build in BUILDERS.items() if name != "audit"})
    if sys.argv[1:2] == ["receive"]:
        return receive(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    healthy_port, dead_port = (int(free_address().rpartition(":")[2]) for _ in range(2))
    with tempfile.TemporaryDirectory(prefix="guanhu-notify-") as name, running_server() as server:
        folder = Path(name)
        folder.chmod(0o755)
        certificates = make_certificates(folder)
        service = ServiceProcess(
            server.url,
            folder / "state",
            module=("bench.notify", "serve"),
            settings={"GUANHU_NOTIFY_NETWORKS": "127.0.0.0/8,::1/128", "GUANHU_NOTIFY_CA": str(certificates.ca_file)},
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
                    measured = json.loads(healthy.stdout.readline())
                    # What a busy machine does not distort: the service's own work for one message.
                    measured["cpu_ms_each"] = round(1000 * (cpu_seconds(service.pid) - before) / messages, 2)
                    print(json.dumps(measured))
        finally:
            service.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
