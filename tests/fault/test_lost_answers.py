"""An append whose answer is lost, and a server that goes away: nothing twice, nothing lost, nobody waits for ever."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from services.kernel import batch
from services.kernel.errors import Unavailable
from services.kernel.journal import Append, Journal
from services.kernel.postgres import Embedded
from services.kernel.recorder import JournalApplicationRecorder
from tests.contract.journal_server import append_to, new_directory, new_schema, opened, running_server

SOCKET_NAME = ".s.PGSQL.5432"


class AnswerSwallower:
    """A proxy that lets a statement through and then, instead of its answer, hangs up."""

    def __init__(self, server_directory: str) -> None:
        self.directory = new_directory()
        self.needle, self.left, self.swallowed = b"", 0, 0
        self._server = str(Path(server_directory) / SOCKET_NAME)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.directory / SOCKET_NAME))
        self._listener.listen()
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def swallow(self, needle: str, times: int) -> None:
        """Swallow the next answers to statements that carry the needle."""
        self.needle, self.left = needle.encode(), times

    def close(self) -> None:
        # close alone would leave the accepting thread where it waits.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                self._ends += (client, server)
                server.connect(self._server)
                lost = threading.Event()
                for ends in ((client, server, True), (server, client, False)):
                    pump = threading.Thread(target=self._pump, args=(*ends, lost), daemon=True)
                    self._threads.append(pump)
                    pump.start()

    def _pump(self, source: socket.socket, sink: socket.socket, from_client: bool, lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while received := source.recv(1 << 20):
                if from_client and self.left and self.needle in received:
                    self.left -= 1
                    lost.set()
                if not from_client and lost.is_set():
                    # The server answers a lone statement only after its commit, so the effect is there.
                    self.swallowed += 1
                    break
                sink.sendall(received)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def server() -> Iterator[Embedded]:
    with running_server() as server:
        yield server


@pytest.fixture
def proxy(server: Embedded) -> Iterator[AnswerSwallower]:
    proxy = AnswerSwallower(unquote(server.url.rpartition("host=")[2]))
    yield proxy
    proxy.close()


@pytest.fixture
def schema(server: Embedded) -> str:
    return new_schema(server.url)


@pytest.fixture
def journal(proxy: AnswerSwallower, schema: str) -> Iterator[Journal]:
    with opened(f"postgresql://postgres@/postgres?host={proxy.directory}", schema) as journal:
        yield journal


def test_lost_commit_answer_is_found_again_by_the_request(journal: Journal, proxy: AnswerSwallower) -> None:
    append = append_to("case-a")
    proxy.swallow(append.request_id, times=1)
    assert journal.append(append).answer == b"answer"
    assert (proxy.swallowed, journal.head()) == (1, 1)


def test_caller_told_that_the_outcome_is_unknown_gets_the_first_answer_on_repeat(
    journal: Journal, proxy: AnswerSwallower
) -> None:
    append = append_to("case-a")
    proxy.swallow(append.request_id, times=batch.ATTEMPTS)
    with pytest.raises(Unavailable):
        journal.append(append)
    repeat = journal.append(append_to("case-a", request_id=append.request_id, answer=b"another"))
    assert (repeat.answer, repeat.position, repeat.replayed) == (b"answer", 1, True)
    assert (proxy.swallowed, journal.head()) == (batch.ATTEMPTS, 1)


def test_append_without_a_request_is_never_sent_twice(journal: Journal, proxy: AnswerSwallower) -> None:
    proxy.swallow("stream-of-the-library", times=1)
    with pytest.raises(OperationalError):
        JournalApplicationRecorder(journal).insert_events([StoredEvent("stream-of-the-library", 1, "topic", b"")])
    assert (proxy.swallowed, journal.head()) == (1, 1)


def test_server_restart_refuses_within_bounds_and_heals(server: Embedded, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "RECONNECT_TIMEOUT_S", 1.0)
    with opened(server.url, schema) as journal:
        before: list[Append] = [append_to(f"case-{n}") for n in range(3)]
        for append in before:
            journal.append(append)
        server.kill()
        during = append_to("case-during")
        with pytest.raises(Unavailable):
            journal.append(during)
        server.start()
        for append in (during, *before):
            append_until_available(journal, append)
        assert [row.position for row in journal.read(0, 10)] == [1, 2, 3, 4]


def append_until_available(journal: Journal, append: Append) -> None:
    for _ in range(20):
        with contextlib.suppress(Unavailable):
            journal.append(append)
            return
    pytest.fail("the journal did not heal")
