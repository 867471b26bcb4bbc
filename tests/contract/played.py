"""A published case played against running services, and how to ask about it as one of its officers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from services.demo.casefile import CaseFile, read
from services.demo.client import Client
from services.demo.player import Played, Player
from services.kernel.host import Running
from services.notify.views import Obligations

CASES = Path(__file__).parents[1] / "cases"
SETTLED_WITHIN_S = 20.0
DELIVERED_WITHIN_S = 1.0
ROUNDS_MAX = 50


@dataclass(frozen=True)
class Told:
    """A case that was played to its end and has settled."""

    case: CaseFile
    played: Played
    client: Client
    running: Running

    @property
    def case_id(self) -> str:
        """The case's id in this run."""
        return self.played.id_of("case")

    @property
    def investigation(self) -> str:
        """Stream of the case's investigation."""
        return f"investigation-{self.played.kept['investigation']}"

    def ask(self, service: str, method: str, request: Message, officer: str) -> Any:
        """Calls as an officer of the case file."""
        who = self.case.officers[officer]
        return self.client.call(service, method, request, self.case.agencies[who.agency].uscc, who.name, who.role)


def play(running: Running, client: Client, file: str) -> Told:
    """Plays a case file and waits until everything that it caused was taken in everywhere."""
    case = read(CASES / file)
    played = Player(case, client, lambda *_: None).play()
    settle(running)
    return Told(case, played, client, running)


def delivering(running: Running) -> bool:
    """Whether messages are due at an agency; waits a moment for them to be delivered."""
    notify = running.services["notify"]
    assert notify.journal is not None
    head = notify.journal.head()
    due = Obligations(notify.views["obligations"], running.resources.pool).recipients_due(running.resources.clock.now())
    if due:
        notify.journal.wait(head, DELIVERED_WITHIN_S)
    return bool(due)


def settle(running: Running) -> None:
    """Waits until every follower holds all of its journal and no journal grows any more."""
    followers = [follower for service in running.services.values() for follower in service.all_followers()]
    before: list[int] = []
    for _ in range(ROUNDS_MAX):
        heads = [follower.feed.head() for follower in followers]
        # Policies append elsewhere what they take in: a whole round must pass in which nothing grew.
        if heads == before and not delivering(running):
            return
        for follower, head in zip(followers, heads, strict=True):
            assert follower.wait(head, SETTLED_WITHIN_S), f"{follower.name} stands still at {follower.position()} of {head}"
        before = heads
    raise AssertionError("the journals do not stop growing")
