"""The clocks of one service: how their streams are found, folded and judged, and the view that lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.kernel.access import ResourceFacts
from services.kernel.deadline import Deadlines
from services.kernel.deadlinelist import DeadlineList
from services.kernel.decision import Facts
from services.kernel.handler import Call, Handler


@dataclass(frozen=True)
class ClockRoute:
    """How the clocks in the streams of one kind of aggregate are reached; a state has them in `deadlines`."""

    handler: Handler[Any]
    resource: Callable[[str, Any], ResourceFacts]
    facts: Callable[[Any, Any, Call], Facts]
    case_id: Callable[[Any], str]

    def seen(self, key: str, state: Any) -> ResourceFacts:
        """The stream as policies see it; where there is none, nobody takes part in it."""
        kind = self.resource(key, state)
        return kind if kind.participants else ResourceFacts(kind.type, key)

    @staticmethod
    def deadlines(state: Any) -> Deadlines:
        """The clocks of a folded stream."""
        found: Deadlines = state.deadlines
        return found


@dataclass(frozen=True)
class Clocks:
    """The clocks of a service: routes by the category of their streams, and the list of all."""

    routes: Mapping[str, ClockRoute]
    listed: DeadlineList

    def find(self, stream: str) -> tuple[ClockRoute | None, str]:
        """The route and the aggregate's key of a stream."""
        category, _, key = stream.partition("-")
        return self.routes.get(category), key
