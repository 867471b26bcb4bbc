"""A relay for mail, as an agency's provider runs one."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller

from services.demo.process import free_address
from tests.contract.receiver import Certificates


@dataclass
class Mailbox:
    """What an SMTP server was given; `refuses` is its answer where it takes nothing."""

    port: int
    letters: list[tuple[list[str], bytes]] = field(default_factory=list)
    refuses: str = ""

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        """Takes a letter in, over TLS only."""
        if session.ssl is None:
            return "530 mail in clear"
        if self.refuses:
            return self.refuses
        self.letters.append((envelope.rcpt_tos, envelope.content))
        return "250 taken"


@contextmanager
def taking_mail(certificates: Certificates) -> Iterator[Mailbox]:
    """A server that takes mail until the context ends."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.chain_file)
    mailbox = Mailbox(int(free_address().rpartition(":")[2]))
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, tls_context=tls, require_starttls=True)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
