"""The clocks of an assignment: what starts them, what meets them, who may change them. A lapse changes nothing here.

Law: domain/04 §4.4; DL-AA-DESK, DL-AA-ONSITE (domain/10).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from services.appropriate_adult import rules
from services.appropriate_adult.state import State, evolve
from services.kernel import deadline, deadline_acts, deadline_commands
from services.kernel.dates import to_datetime
from services.kernel.deadline_start import set_clock
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState

DESK, ON_SITE = "DL-AA-DESK", "DL-AA-ONSITE"
_ANSWERS = (events.CandidateProposed, events.AppropriateAdultUnavailable)
# The adult who was expected is expected no more.
_LEAVING = (
    events.ConflictFound,
    events.AppropriateAdultNoShow,
    events.AppropriateAdultReplaced,
    events.SessionCancelled,
)
_ENDING = (events.AssignmentCompleted, events.AssignmentReleased)


def with_clocks(command: Message, decided: Sequence[Message], state: State, act: Act, facts: Facts) -> list[Message]:
    """What was decided, each event followed by what it means to the clocks."""
    made: list[Message] = []
    for event in decided:
        for one in (event, *_following(command, event, state, act, facts)):
            made.append(one)
            state = evolve(state, one)
    return made


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Commands on a clock: the organ meets and waives; starting one is left to the assignment."""
    if not isinstance(command, clock_api.PassDuePointRequest):
        rules.not_ended(state)
        rules.by_organ(state, act)
    if isinstance(command, clock_api.SetDeadlineRequest):
        raise IllegalState("DEADLINE_SET_BY_EVENTS", "the clocks of an assignment are started by its own events")
    return deadline_commands.decide(command, state.deadlines, act, facts)


def _following(command: Any, event: Any, state: State, act: Act, facts: Facts) -> Iterator[Message]:
    by = event.DESCRIPTOR.full_name
    if isinstance(event, events.AppropriateAdultRequested):
        yield from _waived(state, by, DESK)
        # A relative, whom the organ itself calls, needs no desk.
        if event.provider_uscc != state.organ:
            yield _asked(event, state, act, facts)
    elif isinstance(event, _ANSWERS):
        yield from _met(state, act, by, DESK)
    elif isinstance(event, events.AppropriateAdultConfirmed):
        yield _expected(event, state, act, facts, variant="rural" if command.rural else "")
    elif isinstance(event, events.AppropriateAdultArrived):
        yield from _met(state, act, by, ON_SITE)
    elif isinstance(event, _LEAVING):
        yield from _waived(state, by, ON_SITE)
    elif isinstance(event, _ENDING):
        yield from deadline_acts.waive_open(state.deadlines, by)


def _asked(event: events.AppropriateAdultRequested, state: State, act: Act, facts: Facts) -> clocks.DeadlineSet:
    """The clock of the desk's answer, which the request names too."""
    before: deadline.Deadlines = state.deadlines
    for moot in _waived(state, event.DESCRIPTOR.full_name, DESK):
        before = deadline.evolve(before, moot)
    clock = set_clock(
        before,
        DESK,
        act.occurred_at,
        owner=event.provider_uscc,
        informed=[state.organ],
        trigger=event.DESCRIPTOR.full_name,
        settings=facts.settings,
    )
    event.answer_by.CopyFrom(clock.due.due_at)
    return clock


def _expected(
    event: events.AppropriateAdultConfirmed, state: State, act: Act, facts: Facts, *, variant: str
) -> clocks.DeadlineSet:
    """The clock of the adult's arrival; before a session that is planned later it runs as long before its beginning."""
    candidate = state.candidate
    assert candidate is not None

    def started(at: datetime) -> clocks.DeadlineSet:
        return set_clock(
            state.deadlines,
            ON_SITE,
            at,
            owner=candidate.home or state.organ,
            informed=[state.organ, state.provider],
            trigger=event.DESCRIPTOR.full_name,
            variant=variant,
            settings=facts.settings,
        )

    clock = started(act.occurred_at)
    early = state.sessions[candidate.session_id].planned_from - to_datetime(clock.due.due_at)
    if early > timedelta():
        clock = started(act.occurred_at + early)
    event.on_site_by.CopyFrom(clock.due.due_at)
    return clock


def _met(state: State, act: Act, by: str, rule_id: str) -> Iterator[Message]:
    for clock in state.deadlines.values():
        if clock.rule_id == rule_id and clock.open:
            yield from deadline_acts.meet(clock, act.occurred_at, by)


def _waived(state: State, by: str, rule_id: str) -> Iterator[Message]:
    for clock in state.deadlines.values():
        if clock.rule_id == rule_id:
            yield from deadline_acts.waive(clock, clocks.WAIVER_REASON_MOOT, by)
