"""Signed calls to a system of the agency: Standard Webhooks headers around a CloudEvent that holds ids, type and position.

The receiver fetches the content with its own rights. Redirects are not followed; sizes and times are limited.
"""

import contextlib
import http.client
import io
import json
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.dates import to_datetime
from services.notify.channels import Outgoing, Result
from services.notify.channels.egress import Egress, Forbidden
from services.notify.signing import SigningKeys
from services.notify.subscription import State as Subscriptions

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 64 * 1024
IDLE_S = 20.0
_HTTPS_PORT = 443


def body_of(message: Outgoing) -> bytes:
    """The CloudEvent (specification 1.0, structured JSON); the same bytes at every attempt."""
    owed = message.owed
    event = {
        "specversion": "1.0",
        "id": owed.obligation_id,
        "source": f"/guanhu/{owed.cause.origin}",
        "type": owed.cause.type,
        "subject": owed.cause.stream,
        "time": to_datetime(owed.cause.recorded_at).isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "obligation_id": owed.obligation_id,
            "position": message.position,
            "case_id": owed.cause.case_id,
            "cause": {"origin": owed.cause.origin, "position": owed.cause.position},
            "handoff_id": owed.handoff_id,
            "acknowledge_by": to_datetime(owed.acknowledge_by).isoformat() if owed.HasField("acknowledge_by") else "",
        },
    }
    return json.dumps(event, sort_keys=True).encode()


class WebhookChannel:
    """Calls an agency's system; a connection is kept between calls, and its address was checked when it was made."""

    def __init__(self, keys: SigningKeys, egress: Egress, ca_file: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._keys = keys
        self._egress = egress
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context(cafile=ca_file or None)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def send(self, message: Outgoing, to: Subscriptions) -> Result:
        """Tries once."""
        endpoint = to.endpoints[subscriptions.CHANNEL_WEBHOOK]
        key = self._keys.key(endpoint.key_reference, endpoint.key_version)
        url = urlsplit(endpoint.endpoint.address)
        if key is None or url.hostname not in to.hosts:
            return Result(events.ATTEMPT_OUTCOME_FORBIDDEN)
        body, at = body_of(message), int(message.at.timestamp())
        headers = {
            "content-type": "application/cloudevents+json; charset=utf-8",
            "user-agent": "guanhu-notify",
            "webhook-id": message.owed.obligation_id,
            "webhook-timestamp": str(at),
            "webhook-signature": key.sign(message.owed.obligation_id, at, body),
        }
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        try:
            return self._exchange(endpoint.endpoint.address, path, body, headers)
        except Forbidden:
            return Result(events.ATTEMPT_OUTCOME_FORBIDDEN)
        except TimeoutError:
            return Result(events.ATTEMPT_OUTCOME_TIMED_OUT)
        except (OSError, http.client.HTTPException):
            return Result(events.ATTEMPT_OUTCOME_UNREACHABLE)

    def close(self) -> None:
        """Closes the kept connections."""
        with self._lock:
            kept, self._kept = self._kept, {}
        for one in kept.values():
            one.connection.close()

    def _exchange(self, address: str, path: str, body: bytes, headers: dict[str, str]) -> Result:
        deadline = time.monotonic() + self._timeout_s
        kept = self._take(address)
        if kept is not None:
            try:
                return self._call(kept, address, path, body, headers, deadline)
            except (ConnectionError, http.client.RemoteDisconnected, ssl.SSLError):
                # The receiver closed the kept connection; sent again it carries the same id.
                kept.close()
        return self._call(self._opened(address, deadline), address, path, body, headers, deadline)

    def _call(
        self, connection: "_Connection", address: str, path: str, body: bytes, headers: dict[str, str], deadline: float
    ) -> Result:
        try:
            connection.until(deadline)
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            whole = len(answer.read(ANSWER_BYTES_MAX + 1)) <= ANSWER_BYTES_MAX
            answer.close()
        except BaseException:
            connection.close()
            raise
        if whole and not answer.will_close:
            self._keep(address, connection)
        else:
            connection.close()
        return Result(_outcome(answer.status), answer.status)

    def _opened(self, address: str, deadline: float) -> "_Connection":
        url = urlsplit(address)
        assert url.hostname is not None
        port = url.port or _HTTPS_PORT
        plain = self._egress.connect(url.hostname, port, deadline - time.monotonic())
        plain.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            secure = self._tls.wrap_socket(plain, server_hostname=url.hostname)
        except BaseException:
            plain.close()
            raise
        return _Connection(url.hostname, port, secure)

    def _take(self, address: str) -> "_Connection | None":
        with self._lock:
            kept = self._kept.pop(address, None)
        if kept is None:
            return None
        if kept.until < time.monotonic():
            kept.connection.close()
            return None
        return kept.connection

    def _keep(self, address: str, connection: "_Connection") -> None:
        with self._lock:
            before = self._kept.pop(address, None)
            self._kept[address] = _Kept(connection, time.monotonic() + IDLE_S)
        if before is not None:
            before.connection.close()


@dataclass(frozen=True, slots=True)
class _Kept:
    connection: "_Connection"
    until: float


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that is there already; it is never opened again by itself."""

    auto_open = 0

    def __init__(self, host: str, port: int, secure: ssl.SSLSocket) -> None:
        super().__init__(host, port)
        self._timed = _TimedSocket(secure)
        self.sock: Any = self._timed

    def until(self, deadline: float) -> None:
        """Everything that follows must have ended by then."""
        self._timed.deadline = deadline


class _TimedSocket:
    """A socket with one deadline for all that is sent and read: a receiver that drips bytes gains no time."""

    def __init__(self, secure: ssl.SSLSocket) -> None:
        self._secure = secure
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        self.arm()
        self._secure.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def receive_into(self, buffer: Any) -> int:
        self.arm()
        return self._secure.recv_into(buffer)

    def arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._secure.settimeout(left)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._secure.shutdown(socket.SHUT_RDWR)
        self._secure.close()


class _Reader(io.RawIOBase):
    def __init__(self, source: _TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)


def _outcome(status: int) -> "events.AttemptOutcome.ValueType":
    if 200 <= status < 300:
        return events.ATTEMPT_OUTCOME_DELIVERED
    return events.ATTEMPT_OUTCOME_REDIRECTED if 300 <= status < 400 else events.ATTEMPT_OUTCOME_REFUSED
