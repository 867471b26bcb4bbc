"""E-mail to a functional mailbox of the agency, over TLS, through the relay of the operator."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.notify.channels import Outgoing, Result
from services.notify.subscription import State as Subscriptions

TIMEOUT_S = 10.0
STARTTLS, TLS = "starttls", "tls"


@dataclass(frozen=True, slots=True)
class Relay:
    """The relay: `security` is "starttls" or "tls"; mail never leaves in clear."""

    host: str
    port: int
    sender: str
    security: str = STARTTLS
    user: str = ""
    password_file: str = ""
    ca_file: str = ""


class MailChannel:
    """Sends what the agency reads, in both languages; the message's id is that of the obligation."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._tls = ssl.create_default_context(cafile=relay.ca_file or None)

    def send(self, message: Outgoing, to: Subscriptions) -> Result:
        """Tries once."""
        mailbox = to.endpoints[subscriptions.CHANNEL_EMAIL].endpoint.address
        if mailbox.rpartition("@")[2] not in to.hosts:
            return Result(events.ATTEMPT_OUTCOME_FORBIDDEN)
        try:
            self._deliver(self._letter(message, mailbox))
        except smtplib.SMTPRecipientsRefused as refused:
            return Result(events.ATTEMPT_OUTCOME_REFUSED, next(iter(refused.recipients.values()))[0])
        except smtplib.SMTPResponseException as refused:
            return Result(events.ATTEMPT_OUTCOME_REFUSED, refused.smtp_code)
        except TimeoutError:
            return Result(events.ATTEMPT_OUTCOME_TIMED_OUT)
        except (OSError, smtplib.SMTPException):
            return Result(events.ATTEMPT_OUTCOME_UNREACHABLE)
        return Result(events.ATTEMPT_OUTCOME_DELIVERED, 250)

    def close(self) -> None:
        """Nothing is kept open."""

    def _letter(self, message: Outgoing, mailbox: str) -> EmailMessage:
        owed = message.owed
        letter = EmailMessage()
        letter["From"] = self._relay.sender
        letter["To"] = mailbox
        letter["Subject"] = f"观护通知 {owed.handoff_id}".strip()
        # The same at every attempt: a mailbox that de-duplicates by it shows the message once.
        letter["Message-ID"] = f"<{owed.obligation_id}@{self._relay.sender.rpartition('@')[2]}>"
        letter["Date"] = message.at
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(f"{owed.text_zh}\n\n{owed.text_en}\n\n{owed.obligation_id}\n")
        return letter

    def _deliver(self, letter: EmailMessage) -> None:
        relay = self._relay
        if relay.security == TLS:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(relay.host, relay.port, timeout=TIMEOUT_S, context=self._tls)
        else:
            connection = smtplib.SMTP(relay.host, relay.port, timeout=TIMEOUT_S)
        with connection as smtp:
            if relay.security == STARTTLS:
                # Raises where the relay does not offer it: mail never leaves in clear.
                smtp.starttls(context=self._tls)
            if relay.user:
                smtp.login(relay.user, Path(relay.password_file).read_text(encoding="utf-8").strip())
            smtp.send_message(letter)
