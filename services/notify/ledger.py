"""The delivery ledger: the system's own commands on many obligations at once, recorded in as few transactions as there are
rounds. Agencies' commands go through the kernel's handler, on the same streams and by the same decider.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from google.protobuf.message import Message

from guanhu.journal.v1 import record_pb2
from services.kernel.clock import Clock
from services.kernel.codec import EventCodec
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import VersionConflict
from services.kernel.journal import Append, Appended, Journal
from services.notify import metrics
from services.notify.obligation import DECIDER, Command, State

ACTOR = "guanhu:notify"
ROUNDS_MAX = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """An obligation as the journal has it."""

    state: State
    version: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to: the events, the state after them, and the position of the last (0 where there are none)."""

    events: tuple[Message, ...]
    state: State
    position: int


class Ledger:
    """Decides on obligations by their id. Two instances may work on one obligation: the later one decides again."""

    def __init__(self, journal: Journal, codec: EventCodec, clock: Clock) -> None:
        self._journal = journal
        self._codec = codec
        self._clock = clock

    def load(self, obligation_ids: Sequence[str]) -> dict[str, Loaded]:
        """Folds many obligations with one query."""
        loaded = {obligation_id: Loaded(DECIDER.initial, 0) for obligation_id in obligation_ids}
        streams = [_stream(DECIDER, obligation_id) for obligation_id in loaded]
        for row in self._journal.select("where stream = any(%s) order by stream, version", streams):
            obligation_id = row.stream.partition("-")[2]
            state = DECIDER.evolve(loaded[obligation_id].state, self._codec.clear(row))
            loaded[obligation_id] = Loaded(state, row.version)
        return loaded

    def execute(self, commands: Mapping[str, Command]) -> dict[str, Done]:
        """Decides on one command for each obligation and records what was decided.

        Raises:
            Unavailable: the journal is away; what was recorded is found by the next attempt, which decides on it.
            VersionConflict: others were faster again and again.
        """
        done: dict[str, Done] = {}
        for _ in range(ROUNDS_MAX):
            left = {obligation_id: command for obligation_id, command in commands.items() if obligation_id not in done}
            if not left:
                return done
            done |= self._round(left)
        raise VersionConflict

    def exists(self, decider: Decider[Any], key: str) -> bool:
        """Whether a stream of another kind has an event."""
        return bool(self._journal.read_stream(_stream(decider, key), limit=1))

    def first(self, decider: Decider[Any], key: str) -> tuple[datetime, Any] | None:
        """The first event of a stream of another kind and when it was recorded; None where there is none."""
        rows = self._journal.read_stream(_stream(decider, key), limit=1)
        if not rows:
            return None
        return to_datetime(record_pb2.Header.FromString(rows[0].header).recorded_at), self._codec.clear(rows[0])

    def record(self, decider: Decider[Any], key: str, command: Message) -> None:
        """Decides on a command that begins a stream of another kind; a stream that is there already stays as it is."""
        if self.exists(decider, key):
            return
        act = self._act()
        events = decider.decide(command, decider.initial, act, Facts())
        [outcome] = self._journal.append_many([self._append(_stream(decider, key), 0, events, act)])
        if not isinstance(outcome, Appended | VersionConflict):
            raise outcome

    def _round(self, commands: Mapping[str, Command]) -> dict[str, Done]:
        act = self._act()
        done: dict[str, Done] = {}
        waiting: list[tuple[str, Append, Done]] = []
        for obligation_id, loaded in self.load(list(commands)).items():
            events = tuple(DECIDER.decide(commands[obligation_id], loaded.state, act, Facts()))
            state = loaded.state
            for event in events:
                state = DECIDER.evolve(state, event)
            decided = Done(events, state, 0)
            if not events:
                done[obligation_id] = decided
                continue
            owed = state.owed
            assert owed is not None
            stream, case_id, handoff_id = _stream(DECIDER, obligation_id), owed.cause.case_id, owed.handoff_id
            # Whatever the service does about a message it does because of the event that demands it.
            cause = record_pb2.Causation(origin=owed.cause.origin, position=owed.cause.position)
            append = self._append(stream, loaded.version, events, act, case_id, handoff_id, cause)
            waiting.append((obligation_id, append, decided))
        outcomes = self._journal.append_many([append for _, append, _ in waiting])
        for (obligation_id, _, decided), outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Appended):
                done[obligation_id] = Done(decided.events, decided.state, outcome.position)
                metrics.count(decided.events, decided.state, act.recorded_at)
            elif not isinstance(outcome, VersionConflict):
                raise outcome
        return done

    def _act(self) -> Act:
        now = self._clock.now()
        return Act(now, now, agency=ACTOR, role="SYSTEM", by_service=True)

    def _append(
        self,
        stream: str,
        version: int,
        events: Sequence[Message],
        act: Act,
        case_id: str = "",
        rule_id: str = "",
        causation: record_pb2.Causation | None = None,
    ) -> Append:
        header = record_pb2.Header(
            recorded_at=from_datetime(act.recorded_at),
            occurred_at=from_datetime(act.occurred_at),
            actor=record_pb2.Actor(agency=act.agency, role=act.role),
            basis=record_pb2.LegalBasis(rule_id=rule_id),
            request_id=str(uuid.uuid4()),
            correlation_id=case_id,
            causation=causation,
            schema_sha256=self._codec.schema_sha256,
        )
        drafts = tuple(self._codec.draft(event, stream, number, header) for number, event in enumerate(events, version + 1))
        # For the journal's own sake only: the request id is fresh, so that nothing is ever compared with the hash.
        digest = sha256(b"".join(draft.payload for draft in drafts)).digest()
        return Append(stream, version, drafts, act.agency, header.request_id, digest)


def _stream(decider: Decider[Any], key: str) -> str:
    return f"{decider.category}-{key}"
