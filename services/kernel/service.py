"""A service as its wiring makes it: what the server, the operators' tools and the tests need of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from services.kernel.admission import Admission
from services.kernel.clocks import Clocks
from services.kernel.codec import EventCodec
from services.kernel.decision import Decider
from services.kernel.follow import Follower
from services.kernel.journal import Journal
from services.kernel.leader import Led
from services.kernel.metrics import Gauges
from services.kernel.schedule import Scheduler
from services.kernel.view import View


@dataclass
class Service:
    """One service of the house; `handlers` are its gRPC services by full proto name."""

    name: str
    journal: Journal | None
    codec: EventCodec
    admission: Admission
    deciders: Mapping[str, Decider[Any]]
    handlers: Mapping[str, "grpc.GenericRpcHandler[Any, Any]"]
    views: Mapping[str, View] = field(default_factory=dict)
    followers: Sequence[Follower] = ()
    clocks: Clocks | None = None
    scheduler: Scheduler | None = None
    gauges: Gauges = field(default_factory=dict)
    close: Callable[[], None] = lambda: None

    def led(self) -> Mapping[str, Led]:
        """What one process at a time runs, by name."""
        led: dict[str, Led] = {follower.name: follower for follower in self.all_followers()}
        if self.scheduler is not None:
            led[self.scheduler.name] = self.scheduler
        return led

    def stop(self) -> None:
        """Closes the journal, after the server has drained and nothing of `led` runs."""
        if self.journal is not None:
            self.journal.close()
        self.close()

    def all_followers(self) -> list[Follower]:
        """The views' followers and the policies'."""
        return [*(view.follower for view in self.views.values()), *self.followers]
