"""Load, fold, decide, append: the one way a command becomes events."""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from guanhu.command.v1 import command_pb2
from guanhu.journal.v1 import record_pb2
from guanhu.options.v1 import options_pb2
from guanhu.types.v1 import types_pb2
from services.kernel import law, telemetry, validate
from services.kernel.clock import Clock
from services.kernel.codec import EventCodec
from services.kernel.dates import from_date, from_datetime, to_datetime
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import (
    IllegalState,
    Invalid,
    KeyTaken,
    Refusal,
    RequestMismatch,
    Unavailable,
    VersionConflict,
    Violation,
)
from services.kernel.identity import Principal
from services.kernel.journal import Append, Draft, Journal
from services.kernel.personal import Opened

CONFLICT_RETRIES_MAX = 5
STREAM_EVENTS_MAX = 2_000
RECENT_STREAMS_MAX = 2_000
CLOCK_SKEW = timedelta(seconds=30)

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
        self._recent: dict[str, Loaded[State]] = {}

    def load(self, key: str) -> Loaded[State]:
        """Folds the stream of one aggregate; version 0 and the initial state where there is none."""
        stream = self.stream(key)
        # Only what was recorded since is read: the cost of a command does not grow with its stream.
        known = self._recent.get(stream) or Loaded(self.decider.initial, 0, 0)
        state, version, position = known.state, known.version, known.position
        for row in self._journal.read_stream(stream, after=version, limit=STREAM_EVENTS_MAX):
            state = self.decider.evolve(state, self._codec.clear(row))
            version, position = row.version, row.position
        loaded = Loaded(state, version, position)
        if version > known.version:
            if len(self._recent) >= RECENT_STREAMS_MAX:
                self._recent.clear()
            self._recent[stream] = loaded
        return loaded

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
        act = self._act(head, call)
        caller = call.principal.caller
        digest = self._digest(command)
        answered = self._answered(caller, head, digest)
        if answered is not None:
            authorise(self.load(key).state)
            return answered
        for _ in range(CONFLICT_RETRIES_MAX):
            loaded = self.load(key)
            authorise(loaded.state)
            if head.expected_version and head.expected_version != loaded.version:
                raise VersionConflict
            events = (decide or self.decider.decide)(command, loaded.state, act, facts(loaded.state))
            rules = [rule for event in events for rule in getattr(event, "rules", ())]
            if head.validate_only:
                return command_pb2.Receipt(version=loaded.version, validated=True, rules=rules)
            _not_full(loaded, events)
            if not events:
                return command_pb2.Receipt(version=loaded.version, position=loaded.position, rules=rules)
            append = self._append(key, loaded, command, events, act, call, case_id)
            try:
                with telemetry.span("journal append"):
                    done = self._journal.append(append)
            except KeyTaken:
                continue
            except VersionConflict:
                if head.expected_version:
                    raise
                continue
            return _receipt(done.answer, done.version, done.position, replayed=done.replayed)
        raise VersionConflict

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
        appends: list[tuple[int, Append]] = []
        for key, command in commands:
            loaded = self.load(key)
            act = self._act(command.head, call)
            answers.append(command_pb2.Receipt(version=loaded.version, position=loaded.position))
            try:
                events = self.decider.decide(command, loaded.state, act, Facts())
                _not_full(loaded, events)
            except Refusal as refusal:
                answers[-1] = refusal
                continue
            if events:
                append = self._append(key, loaded, command, events, act, call, case_id)
                appends.append((len(answers) - 1, append))
        outcomes = self._journal.append_many([append for _, append in appends])
        for (place, _), outcome in zip(appends, outcomes, strict=True):
            if isinstance(outcome, Refusal) and not isinstance(outcome, Unavailable):
                answers[place] = outcome
            elif isinstance(outcome, Exception):
                raise outcome
            else:
                answers[place] = _receipt(outcome.answer, outcome.version, outcome.position, replayed=outcome.replayed)
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
        rules = [rule for event in events for rule in getattr(event, "rules", ())]
        receipt = command_pb2.Receipt(version=loaded.version, position=loaded.position, rules=rules)
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

    def _act(self, head: command_pb2.CommandHead, call: Call) -> Act:
        now = self._clock.now()
        occurred_at = to_datetime(head.occurred_at) if head.HasField("occurred_at") else now
        if occurred_at > now + CLOCK_SKEW:
            raise Invalid(Violation("head.occurred_at", "lies in the future"))
        principal = call.principal
        return Act(
            recorded_at=now,
            occurred_at=min(occurred_at, now),
            agency=principal.agency,
            officer=principal.officer,
            role=principal.role,
            on_behalf_of=head.on_behalf_of,
            by_service=principal.kind == "service",
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
        return _receipt(stored.answer, stored.version, stored.position, replayed=True)

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
            self._codec.draft(event, stream, number, self._header(event, act, head, call, case))
            for number, event in enumerate(events, start=loaded.version + 1)
        )

    def _header(self, event: Message, act: Act, head: command_pb2.CommandHead, call: Call, case: str) -> record_pb2.Header:
        rule_id = head.rule_id or event.DESCRIPTOR.GetOptions().Extensions[options_pb2.law].split(";")[0].strip()
        return record_pb2.Header(
            recorded_at=from_datetime(act.recorded_at),
            occurred_at=from_datetime(act.occurred_at),
            actor=record_pb2.Actor(agency=act.agency, officer=act.officer, role=act.role, on_behalf_of=act.on_behalf_of),
            basis=record_pb2.LegalBasis(
                rule_id=rule_id, law_effective_on=_effective_on(rule_id, act), document_number=head.document_number
            ),
            request_id=head.request_id,
            correlation_id=case,
            causation=head.causation if head.HasField("causation") else None,
            trace_parent=call.trace_parent,
            schema_sha256=self._codec.schema_sha256,
        )


def _not_full(loaded: Loaded[Any], events: Sequence[Message]) -> None:
    if loaded.version + len(events) > STREAM_EVENTS_MAX:
        raise IllegalState("STREAM_FULL", f"a stream holds {STREAM_EVENTS_MAX} events at most")


def _receipt(answer: bytes, version: int, position: int, *, replayed: bool) -> command_pb2.Receipt:
    receipt = command_pb2.Receipt.FromString(answer)
    receipt.version, receipt.position, receipt.replayed = version, position, replayed
    return receipt


def _effective_on(rule_id: str, act: Act) -> types_pb2.Date | None:
    version = law.version_of_rule(rule_id, act.on)
    return from_date(version.effective_on) if version else None
