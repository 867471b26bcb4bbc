"""Leadership: of all processes of a service, one runs each follower; when it dies another takes over.

A lead is an advisory lock of PostgreSQL, held by a connection that this process keeps for nothing else: the server lets it
go as soon as the connection is gone. Two leaders at once, during a partition, would still do no harm: a follower claims its
position in the transaction that stores its effects.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import psycopg
import structlog

# A dead leader is noticed by the server within two heartbeats when its machine answers, else by the keepalives below.
HEARTBEAT_S = 1.0
_SESSION = {
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "2",
    # A session that waits for its next heartbeat is at work.
    "idle_session_timeout": "0",
}


class Led(Protocol):
    """What one process at a time may run."""

    def start(self) -> None:
        """Starts it; it was stopped or never started."""
        ...

    def stop(self) -> None:
        """Stops it and returns when it does nothing any more."""
        ...


class Leadership:
    """Runs each of `candidates`, by name, while this process leads it."""

    def __init__(self, database_url: str, service: str, candidates: Mapping[str, Led]) -> None:
        self._url = database_url
        self.service = service
        self._candidates = candidates
        self._leading: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = structlog.get_logger("guanhu.leader")

    @property
    def leading(self) -> frozenset[str]:
        """Names of what this process runs now."""
        return frozenset(self._leading)

    def start(self) -> None:
        """Starts to stand for the lead of every candidate."""
        self._thread = threading.Thread(target=self._run, name=f"lead-{self.service}", daemon=True)
        self._thread.start()

    def resign(self) -> None:
        """Has the lead given up soon; `stop` waits for it."""
        self._stop.set()

    def stop(self) -> None:
        """Stops what this process leads and lets it go."""
        self.resign()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, application_name=f"lead {self.service}") as conn:
                    self._settle(conn)
                    self._stand(conn)
            except psycopg.OperationalError as error:
                self._log.info("lead lost", service=self.service, error=type(error).__name__)
            finally:
                # Only when this process does nothing any more may the lock be thought free.
                self._step_down()
            self._stop.wait(HEARTBEAT_S)

    def _settle(self, conn: psycopg.Connection) -> None:
        for setting, value in _SESSION.items():
            conn.execute("select set_config(%s, %s, false)", [setting, value])

    def _stand(self, conn: psycopg.Connection) -> None:
        while not self._stop.is_set():
            for name, candidate in self._candidates.items():
                if name not in self._leading and self._won(conn, name):
                    self._leading.add(name)
                    candidate.start()
            # Also the heartbeat: it fails when the server is gone, and with it every lock.
            conn.execute("select 1")
            self._stop.wait(HEARTBEAT_S)
        self._step_down()

    def _won(self, conn: psycopg.Connection, name: str) -> bool:
        key = f"guanhu lead {self.service} {name}"
        found = conn.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", [key]).fetchone()
        return bool(found and found[0])

    def _step_down(self) -> None:
        # Together: each may have to wait for an answer, and a pod has only so long.
        if self._leading:
            with ThreadPoolExecutor(len(self._leading)) as stopping:
                list(stopping.map(lambda name: self._candidates[name].stop(), sorted(self._leading)))
        self._leading.clear()
