"""A service that keeps nothing but clocks, by a journal of its own, for the scheduler's tests and measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from psycopg_pool import ConnectionPool

from guanhu.command.v1 import command_pb2
from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from guanhu.journal.v1 import record_pb2
from services.kernel import deadline, deadline_commands, migrate
from services.kernel.access import ResourceFacts
from services.kernel.clock import Clock
from services.kernel.clocks import ClockRoute, Clocks
from services.kernel.codec import EventCodec
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.deadlinelist import DeadlineList
from services.kernel.deadlineview import definition
from services.kernel.decision import Act, AgencyFacts, Decider, Facts
from services.kernel.feed import LocalFeed
from services.kernel.handler import Call, Handler
from services.kernel.identity import Principal
from services.kernel.journal import Journal
from services.kernel.registry import Registry
from services.kernel.resources import MIGRATIONS
from services.kernel.schedule import Scheduler
from services.kernel.view import View
from tests.unit.kernel.clocks import OWNER

REQUEST_KEY = b"k" * 32
_OWN: Any = None  # no event of a clock holds anything sealed


class FakeClock:
    """A clock that a test sets, forwards and backwards."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """The present instant."""
        return self._now

    def move(self, by: timedelta) -> datetime:
        """Moves the clock."""
        self._now += by
        return self._now


@dataclass(frozen=True, slots=True)
class State:
    """A stream of clocks."""

    deadlines: dict[str, deadline.Deadline] = field(default_factory=dict)


def _decide(command: Any, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    return deadline_commands.decide(command, state.deadlines, act, facts)


def _evolve(state: State, event: Any) -> State:
    return replace(state, deadlines=deadline.evolve(state.deadlines, event))


class Clockwork:
    """One instance of the service: several over the same schema are several processes."""

    def __init__(self, pool: ConnectionPool, schema: str, clock: Clock) -> None:
        with pool.connection() as conn:
            migrate.migrate(conn, schema, [MIGRATIONS])
        self.journal = Journal(pool, schema)
        self.clock = clock
        codec = EventCodec(schema, Registry([pb.DESCRIPTOR]), _OWN)
        self.handler = Handler(self.journal, Decider("case", State(), _decide, _evolve), codec, clock, lambda: REQUEST_KEY)
        self.view = View(definition(lambda _, __: ()), LocalFeed(self.journal), pool, schema, codec)
        self.listed = DeadlineList(self.view, pool)
        facts = Facts({OWNER: AgencyFacts(OWNER, "PROC")})
        self._route = ClockRoute(
            self.handler,
            lambda key, _: ResourceFacts("Case", key),
            lambda _, __, ___: facts,
            lambda _: "",
        )
        self.clocks = Clocks({"case": self._route}, self.listed)
        self.codec = codec
        self.schema = schema
        self.scheduler = Scheduler(schema, self.clocks, clock)

    def act(self, key: str, request: Any) -> command_pb2.Receipt:
        """Executes a command on a clock as its owner."""
        return self.handler.execute(
            key,
            request,
            Call(Principal("agency", OWNER)),
            authorise=lambda _: None,
            facts=lambda state: self._route.facts(request, state, Call(Principal("agency", OWNER))),
        )

    def set(self, key: str, rule_id: str, at: datetime, request_id: str) -> command_pb2.Receipt:
        """Sets a clock."""
        head = command_pb2.CommandHead(request_id=request_id, occurred_at=from_datetime(at))
        return self.act(key, api.SetDeadlineRequest(head=head, service="intake", stream=f"case-{key}", rule_id=rule_id))

    def told(self) -> list[tuple[str, str, int]]:
        """What was recorded of due points, in order: type, stream, days before."""
        names = {"DeadlineWarned", "DeadlineExpired"}
        found = []
        after = 0
        while rows := self.journal.read(after, 5_000):
            after = rows[-1].position
            for row in rows:
                event: Any = self.codec.clear(row)
                if (name := row.type.rpartition(".")[2]) in names:
                    found.append((name, row.stream, getattr(event, "days_before", 0)))
        return found

    def happened(self) -> list[datetime]:
        """When what was recorded of due points happened, in the order of the journal."""
        names = ["guanhu.deadline.v1.DeadlineWarned", "guanhu.deadline.v1.DeadlineExpired"]
        rows = self.journal.select("where type = any(%s) order by position", names)
        return [to_datetime(record_pb2.Header.FromString(row.header).occurred_at) for row in rows]

    def run_until_quiet(self) -> int:
        """Takes in and passes until nothing is due; returns how many points this instance passed."""
        passed, idle = 0, 0
        while idle < 2:
            self.view.follower.drain()
            size = self.scheduler.step(self.clock.now())
            passed, idle = passed + size, 0 if size else idle + 1
        return passed
