"""What a decision is given besides the command and the state, and the shape of a decider.

`decide(command, state, act, facts) -> events` and `evolve(state, event) -> state` are pure: what they need of the outside
world, such as the directory of agencies, is looked up before and handed in as facts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from services.kernel.deadline import Setting

CHINA_STANDARD_TIME = timezone(timedelta(hours=8), "CST")

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, when the server learns of it and when it happened."""

    recorded_at: datetime
    occurred_at: datetime
    agency: str = ""
    officer: str = ""
    role: str = ""
    on_behalf_of: str = ""
    by_service: bool = False

    @property
    def on(self) -> date:
        """The day of the act in China Standard Time: the day that legal periods and law versions turn on."""
        return self.occurred_at.astimezone(CHINA_STANDARD_TIME).date()

    @property
    def organ(self) -> str:
        """The agency whose act it is: the one acted for, or the actor itself."""
        return self.on_behalf_of or self.agency


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """What the directory says of an agency: its type as in `AgencyType`, without prefix."""

    uscc: str
    type: str
    investigates: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What is known of a case where it is not the aggregate itself."""

    case_id: str
    organ: str = ""
    subject_id: str = ""
    act_on: date | None = None
    participants: frozenset[str] = frozenset()
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything looked up before a decision.

    `existing` holds the ids of other aggregates that there are; `twin` is the id of one that already says the same.
    `settings` are the lengths of deadlines that the competent organ made its own.
    """

    agencies: Mapping[str, AgencyFacts] = field(default_factory=dict)
    case: CaseFacts | None = None
    existing: frozenset[str] = frozenset()
    twin: str = ""
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Decider(Generic[State]):
    """One aggregate: `category` names its streams, `initial` is the state before the first event.

    `key` says what an event claims for its stream alone, such as a number that must not be used twice; "" for nothing.
    """

    category: str
    initial: State
    decide: Callable[[Any, State, Act, Facts], Sequence[Message]]
    evolve: Callable[[State, Any], State]
    key: Callable[[Any], str] = lambda _: ""
