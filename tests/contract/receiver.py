"""An agency's system that takes webhooks: real HTTPS with a certificate of its own authority, and Guanhu's code nowhere.

It verifies signatures by the text of Standard Webhooks alone, and de-duplicates by `webhook-id` as that text asks for.
"""

import base64
import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID

# An instant long before any test, and one long after: the certificates are checked against the machine's clock.
_FROM, _TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=36_500)


@dataclass(frozen=True)
class Certificates:
    """An authority, and a server's certificate for `localhost` from it."""

    ca_file: Path
    chain_file: Path


def make_certificates(folder: Path) -> Certificates:
    """Writes an authority's certificate and a server's chain with its key."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver's authority")])
    ca = _certificate(ca_name, ca_name, ca_key.public_key(), ca_key, ca=True)
    server = _certificate(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")]), ca_name, key.public_key(), ca_key, ca=False
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made = Certificates(folder / "receiver-ca.pem", folder / "receiver.pem")
    made.ca_file.write_bytes(ca.public_bytes(pem))
    made.chain_file.write_bytes(private + server.public_bytes(pem))
    return made


def _certificate(
    subject: x509.Name, issuer: x509.Name, public: Any, signer: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_TO)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def verified(headers: Mapping[str, str], body: bytes, public_key: str) -> bool:
    """Whether one of the signatures is by the key ("whpk_…") over id, timestamp and body."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for signature in headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        if version == "v1a":
            try:
                key.verify(base64.b64decode(value), signed)
            except InvalidSignature:
                continue
            return True
    return False


@dataclass
class Receiver:
    """What the agency's system has seen. `answer` gives status and headers, or None to keep the caller waiting."""

    port: int = 0
    answer: Callable[[str], tuple[int, dict[str, str]] | None] = lambda _: (204, {})
    calls: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    effects: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """Where it takes webhooks."""
        return f"https://localhost:{self.port}/hooks"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]] | None:
        """Takes one call in; an event has its effect once, and only when the answer says so."""
        found = self.answer(path)
        with self.changed:
            self.calls.append((path, headers, body))
            if found is not None and 200 <= found[0] < 300:
                self.effects.setdefault(headers["webhook-id"], json.loads(body))
            self.changed.notify_all()
        return found

    def wait(self, condition: Callable[["Receiver"], bool], timeout_s: float = 30.0) -> None:
        """Waits until a condition holds."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), timeout_s), f"{len(self.calls)} calls"


@contextmanager
def receiving(certificates: Certificates, port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens until the context ends; with `port` it comes back where another one was."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found = receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            if found is None:
                receiver.ended.wait(30)
                self.close_connection = True
                return
            status, headers = found
            self.send_response(status)
            for name, value in {"content-length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def get_request(self) -> tuple[Any, Any]:
            plain, address = super().get_request()
            plain.settimeout(30)
            return tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A caller that went away is no news."""

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.chain_file)
    server = Server(("127.0.0.1", port), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
