"""Waits for SIGTERM or SIGINT without ever missing one.

A signal that arrives just before a thread begins to wait for a lock, or in another thread, does not end that wait. What the
signal writes into a socket stays there until it is read.
"""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def interruption() -> Iterator[Callable[[], object]]:
    """Yields a function that returns once a signal has come since the context began; for the main thread."""
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
        descriptor = signal.set_wakeup_fd(writer.fileno())
        try:
            yield lambda: reader.recv(1)
        finally:
            signal.set_wakeup_fd(descriptor)
            for number, handler in before.items():
                signal.signal(number, handler)
