"""Load, fold, decide, append: the one way a command becomes events."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from guanhu.command.v1 import command_pb2
from guanhu.types.v1 import types_pb2
from services.kernel import telemetry, validate
from services.kernel.clock import Clock
from services.kernel.codec import EventCodec
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import (
    IllegalState,
    KeyTaken,
    Refusal,
    RequestMismatch,
    Unavailable,
    VersionConflict,
)
from services.kernel.glance import Memory, glancing
from services.kernel.header import act_of, header_of
from services.kernel.identity import Principal
from services.kernel.journal import Append, Appended, Draft, Journal
from services.kernel.personal import Opened

CONFLICT_RETRIES_MAX = 5
STREAM_EVENTS_MAX = 2_000

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Call:
    """What the handler needs to know of the call: who calls, in which case, in which trace."""

    principal: Principal
    trace_parent: str = ""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[State]):
    """A folded stream."""

    state: State
    version: int
    position: int


class Handler(Generic[State]):
    """Handles the commands of one kind of aggregate."""

    def __init__(
        self, journal: Journal, decider: Decider[State], codec: EventCodec, clock: Clock, request_key: Callable[[], bytes]
    ) -> None:
        self.decider = decider
        self._journal = journal
        self._codec = codec
        self._clock = clock
        self._request_key = request_key
        self._nothing = Loaded(decider.initial, 0, 0)
        self._folded: Memory[str, Loaded[State]] = Memory()

    def load(self, key: str) -> Loaded[State]:
        """Folds the stream of one aggregate; version 0 and the initial state where there is none."""
        stream = self.stream(key)
        return self._folded.get(stream, lambda: self._fold(stream))

    def _fold(self, stream: str) -> Loaded[State]:
        # Only what was recorded since is read: the cost of a command does not grow with its stream.
        known = self._folded.last(stream) or self._nothing
        state, version, position = known.state, known.version, known.position
        for row in self._journal.read_stream(stream, after=version, limit=STREAM_EVENTS_MAX):
            state = self.decider.evolve(state, self._codec.clear(row))
            version, position = row.version, row.position
        return Loaded(state, version, position) if version > known.version else known

    def load_on(self, known: Mapping[str, Loaded[State]]) -> dict[str, Loaded[State]]:
        """Folds what was recorded since in many streams, by key, with one reading; for matching, where one each is too slow."""
        loaded = {self.stream(key): folded for key, folded in known.items()}
        rows = self._journal.read_streams({stream: folded.version for stream, folded in loaded.items()})
        for row in rows:
            state = self.decider.evolve(loaded[row.stream].state, self._codec.clear(row))
            loaded[row.stream] = Loaded(state, row.version, row.position)
        return {key: loaded[self.stream(key)] for key in known}

    def opened(self, key: str) -> list[Opened]:
        """The events of one aggregate with the personal fields that there are keys for; admit the reader before."""
        rows = self._journal.read_stream(self.stream(key), after=0, limit=STREAM_EVENTS_MAX)
        return [self._codec.open(row) for row in rows]

    def stream(self, key: str) -> str:
        """Name of the aggregate's stream."""
        return f"{self.decider.category}-{key}"

    def execute(
        self,
        key: str,
        command: Any,
        call: Call,
        *,
        authorise: Callable[[State], None],
        facts: Callable[[State], Facts] = lambda _: Facts(),
        case_id: Callable[[State], str] = lambda _: "",
        decide: Callable[[Any, State, Act, Facts], Sequence[Message]] | None = None,
    ) -> command_pb2.Receipt:
        """Decides on a command and records what was decided, exactly once.

        `authorise` is asked before anything is decided and raises a refusal. `decide` replaces the decider's own where a
        decision needs something that only the service has, such as a document that was made for it.

        Raises:
            Invalid: the request is malformed, or its act lies in the future.
            VersionConflict: the stream is not at `expected_version`, or others were faster again and again.
            RequestMismatch: the request id was used for another request.
        """
        validate.check(command)
        head: command_pb2.CommandHead = command.head
        act = act_of(head, call.principal, self._clock.now())

        def decided(loaded: Loaded[State]) -> Sequence[Message]:
            authorise(loaded.state)
            events = (decide or self.decider.decide)(command, loaded.state, act, facts(loaded.state))
            _not_full(loaded, events)
            return events

        def append(loaded: Loaded[State], events: Sequence[Message]) -> Append:
            return self._append(key, loaded, command, events, act, call, case_id)

        if not head.validate_only and not head.expected_version:
            receipt = self._glance(key, decided, append)
            if receipt is not None:
                return receipt
        answered = self._answered(call.principal.caller, head, self._digest(command))
        if answered is not None:
            authorise(self.load(key).state)
            return answered
        for _ in range(CONFLICT_RETRIES_MAX):
            loaded = self.load(key)
            if head.expected_version and head.expected_version != loaded.version:
                authorise(loaded.state)
                raise VersionConflict
            events = decided(loaded)
            if head.validate_only:
                return command_pb2.Receipt(version=loaded.version, validated=True, rules=_rules(events))
            if not events:
                return command_pb2.Receipt(version=loaded.version, position=loaded.position)
            try:
                return self._record(loaded, append(loaded, events))
            except (KeyTaken, VersionConflict):
                if head.expected_version:
                    raise
        raise VersionConflict

    def _glance(
        self,
        key: str,
        decided: Callable[[Loaded[State]], Sequence[Message]],
        append: Callable[[Loaded[State], Sequence[Message]], Append],
    ) -> command_pb2.Receipt | None:
        """Decides on what is remembered and records it, without a look at what is stored; None where it takes more care."""
        loaded = self._folded.last(self.stream(key)) or self._nothing
        try:
            with glancing():
                events = decided(loaded)
        except Refusal:
            return None
        if not events:
            return None
        try:
            return self._record(loaded, append(loaded, events))
        except (KeyTaken, VersionConflict):
            return None

    def _record(self, loaded: Loaded[State], append: Append) -> command_pb2.Receipt:
        with telemetry.span("journal append"):
            done = self._journal.append(append)
        return self._recorded(loaded, append, done)

    def _recorded(self, loaded: Loaded[State], append: Append, done: Appended) -> command_pb2.Receipt:
        if not done.replayed:
            state = loaded.state
            for draft in append.drafts:
                # As it is stored: a state never holds what is personal.
                state = self.decider.evolve(state, self._codec.clear(draft))
            self._folded.keep(append.stream, Loaded(state, done.version, done.position), time.monotonic())
        receipt = command_pb2.Receipt.FromString(done.answer)
        receipt.version, receipt.position, receipt.replayed = done.version, done.position, done.replayed
        return receipt

    def execute_all(
        self, commands: Sequence[tuple[str, Any]], call: Call, *, case_id: Callable[[State], str]
    ) -> list[command_pb2.Receipt | Refusal]:
        """Decides on commands of the service itself, each by key on a stream of its own, and records all in one append.

        What is recorded stands in the order of the commands. Each is judged by itself: where one is refused, or its stream
        moved on meanwhile, the refusal stands in its place.

        Raises:
            Unavailable: the journal cannot be reached.
        """
        answers: list[command_pb2.Receipt | Refusal] = []
        appends: list[tuple[int, Loaded[State], Append]] = []
        for key, command in commands:
            loaded = self.load(key)
            act = act_of(command.head, call.principal, self._clock.now())
            answers.append(command_pb2.Receipt(version=loaded.version, position=loaded.position))
            try:
                events = self.decider.decide(command, loaded.state, act, Facts())
                _not_full(loaded, events)
            except Refusal as refusal:
                answers[-1] = refusal
                continue
            if events:
                append = self._append(key, loaded, command, events, act, call, case_id)
                appends.append((len(answers) - 1, loaded, append))
        outcomes = self._journal.append_many([append for _, _, append in appends])
        for (place, loaded, append), outcome in zip(appends, outcomes, strict=True):
            if isinstance(outcome, Refusal) and not isinstance(outcome, Unavailable):
                answers[place] = outcome
            elif isinstance(outcome, Exception):
                raise outcome
            else:
                answers[place] = self._recorded(loaded, append, outcome)
        return answers

    def _append(
        self,
        key: str,
        loaded: Loaded[State],
        command: Any,
        events: Sequence[Message],
        act: Act,
        call: Call,
        case_id: Callable[[State], str],
    ) -> Append:
        head: command_pb2.CommandHead = command.head
        receipt = command_pb2.Receipt(rules=_rules(events))
        return Append(
            stream=self.stream(key),
            expected_version=loaded.version,
            drafts=self._drafts(key, loaded, events, act, head, call, case_id),
            caller=call.principal.caller,
            request_id=head.request_id,
            request_hash=self._digest(command),
            answer=receipt.SerializeToString(),
            key=next(filter(None, map(self.decider.key, events)), ""),
        )

    def _digest(self, command: Message) -> bytes:
        # Keyed, because a bare hash over a name or an ID number could be guessed.
        body = command.SerializeToString(deterministic=True)
        return hmac.new(self._request_key(), body, hashlib.sha256).digest()

    def _answered(self, caller: str, head: command_pb2.CommandHead, digest: bytes) -> command_pb2.Receipt | None:
        stored = self._journal.find_request(caller, head.request_id)
        if stored is None:
            return None
        if not hmac.compare_digest(stored.hash, digest):
            raise RequestMismatch
        receipt = command_pb2.Receipt.FromString(stored.answer)
        receipt.version, receipt.position, receipt.replayed = stored.version, stored.position, True
        return receipt

    def _drafts(
        self,
        key: str,
        loaded: Loaded[State],
        events: Sequence[Message],
        act: Act,
        head: command_pb2.CommandHead,
        call: Call,
        case_id: Callable[[State], str],
    ) -> tuple[Draft, ...]:
        state = loaded.state
        for event in events:
            state = self.decider.evolve(state, event)
        case, stream = case_id(state), self.stream(key)
        return tuple(
            self._codec.draft(
                event, stream, number, header_of(event, act, head, call.trace_parent, case, self._codec.schema_sha256)
            )
            for number, event in enumerate(events, start=loaded.version + 1)
        )


def _not_full(loaded: Loaded[Any], events: Sequence[Message]) -> None:
    if loaded.version + len(events) > STREAM_EVENTS_MAX:
        raise IllegalState("STREAM_FULL", f"a stream holds {STREAM_EVENTS_MAX} events at most")


def _rules(events: Sequence[Message]) -> list[types_pb2.RuleResult]:
    return [rule for event in events for rule in getattr(event, "rules", ())]
