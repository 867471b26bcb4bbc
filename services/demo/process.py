"""A whole service in a process of its own, for fault tests and benchmarks."""

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from services.demo.client import Client
from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority

ROOT = Path(__file__).parents[2]
READY_S = 30.0


def free_address() -> str:
    """An address of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class ServiceProcess:
    """`python -m services up` over a database; killed and started again at the same address.

    `module` may name another program that serves like it; `settings` come on top of the environment.
    """

    def __init__(
        self,
        database_url: str,
        state: Path,
        address: str = "",
        module: Sequence[str] = ("services", "up"),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.address = address or free_address()
        self._state = state
        self._module = module
        self._environment = {
            **os.environ,
            "GUANHU_DATABASE_URL": database_url,
            "GUANHU_STATE_FOLDER": str(state),
            "GUANHU_LISTEN": self.address,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "gen"))),
            **(settings or {}),
        }
        self._process: subprocess.Popen[str] | None = None
        self._drain: threading.Thread | None = None
        self.lines: list[str] = []

    def start(self) -> float:
        """Starts and waits until it serves; returns the seconds that it took."""
        began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._module], env=self._environment, cwd=ROOT, text=True,
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

    @property
    def pid(self) -> int:
        """Process id of the running service."""
        assert self._process is not None
        return self._process.pid

    def client(self) -> Client:
        """A client with identities of the service's own authority."""
        return Client(self.address, DevAuthority.create_or_load(self._state / "authority", SystemClock()))

    def fsck(self) -> subprocess.CompletedProcess[str]:
        """Runs fsck over the same database."""
        command = [sys.executable, "-m", "services", "fsck"]
        return subprocess.run(command, env=self._environment, cwd=ROOT, capture_output=True, text=True, check=False)
