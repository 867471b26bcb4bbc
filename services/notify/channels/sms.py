"""Text messages to a duty telephone. Providers differ by province: each is a class with this one method."""

import json
import os
from pathlib import Path
from typing import Protocol

from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.notify.channels import Outgoing, Result
from services.notify.subscription import State as Subscriptions


class SmsProvider(Protocol):
    """Hands a text to the network."""

    def submit(self, number: str, text: str, message_id: str) -> None:
        """Submits once; the same id again is the same message.

        Raises:
            OSError: the provider can't be reached; TimeoutError where it did not answer in time.
        """
        ...


class FileSms:
    """Writes each text into a file of its own, named by its id, for a gateway that fetches them from a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    def submit(self, number: str, text: str, message_id: str) -> None:
        """Writes the file whole or not at all."""
        written = self._folder / f".{message_id}"
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"id": message_id, "to": number, "text": text}, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        written.replace(self._folder / f"{message_id}.json")


class SmsChannel:
    """Sends the Chinese text."""

    def __init__(self, provider: SmsProvider) -> None:
        self._provider = provider

    def send(self, message: Outgoing, to: Subscriptions) -> Result:
        """Tries once."""
        number = to.endpoints[subscriptions.CHANNEL_SMS].endpoint.address
        try:
            self._provider.submit(number, message.owed.text_zh, message.owed.obligation_id)
        except TimeoutError:
            return Result(events.ATTEMPT_OUTCOME_TIMED_OUT)
        except OSError:
            return Result(events.ATTEMPT_OUTCOME_UNREACHABLE)
        return Result(events.ATTEMPT_OUTCOME_DELIVERED)

    def close(self) -> None:
        """Nothing is kept open."""
