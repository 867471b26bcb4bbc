"""The call-out: which command is decided where, and how the rounds of a search follow one another.

In each level the best are asked first, then those on standby, then the level above (domain/04 §4.4, domain/08 §8.3).
Law: AA-R17, HO-06, ESC-R02 to ESC-R04, DL-AA-DESK, DL-AA-OFFER.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as assignment_api
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from services.appropriate_adult import offers, rules
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.callout_state import CalloutState, evolve
from services.appropriate_adult.desk import OFFER_RULE, DeskState
from services.appropriate_adult.draw import RULE_VERSION
from services.appropriate_adult.matching import Found, Wanted, equals, match
from services.appropriate_adult.state import State
from services.kernel import deadline_acts, deadline_commands
from services.kernel.dates import from_datetime
from services.kernel.deadline_start import set_clock
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

BEST, STANDBY = events.CALLOUT_PHASE_BEST, events.CALLOUT_PHASE_STANDBY
COUNTY, PREFECTURE, PROVINCE = (
    events.CALLOUT_LEVEL_COUNTY,
    events.CALLOUT_LEVEL_PREFECTURE,
    events.CALLOUT_LEVEL_PROVINCE,
)
NAMED_MAX = 200
# How long each phase of a level may go on making offers: P, DL-AA-DESK, domain/04 §4.4 (standby), ESC-R04 (emergency).
TIMES: dict[int, dict[int, timedelta]] = {
    COUNTY: {BEST: rules.DESK_ANSWER, STANDBY: timedelta(hours=1)},
    PREFECTURE: {BEST: timedelta(hours=2), STANDBY: timedelta(hours=2)},
    PROVINCE: {BEST: timedelta(hours=4), STANDBY: timedelta(hours=4)},
}
# The ends that a person may command; the others are what the policy finds.
_BY_HAND = frozenset({events.CALLOUT_END_STOPPED})


@dataclass(frozen=True, slots=True)
class CalloutFacts(Facts):
    """What a decision is told besides: the assignment, the desk's setting, and for a round the roster and the seed."""

    assignment: State = field(default_factory=State)
    desk: DeskState = field(default_factory=DeskState)
    roster: Sequence[AdultState] = ()
    open_offers: dict[str, int] = field(default_factory=dict)
    seed: bytes = b""
    seed_position: int = 0


def decide(command: Message, state: CalloutState, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on the call-outs of one assignment."""
    if type(command) in deadline_commands.COMMANDS:
        return _of_clock(command, state, act, facts)
    return DECISIONS[type(command)](command, state, act, facts)


def start(_: api.StartCalloutRequest, state: CalloutState, act: Act, facts: Facts) -> Sequence[Message]:
    """For the request at hand; the system starts none where there is nothing to call out for any more."""
    asked, desk = _facts(facts).assignment, _facts(facts).desk
    if act.by_service and (asked.status != assignment_api.ASSIGNMENT_STATUS_REQUESTED or state.status in offers.RUNNING):
        return []
    rules.in_status(asked, assignment_api.ASSIGNMENT_STATUS_REQUESTED)
    rules.by_party(asked, act)
    if state.status in offers.RUNNING:
        raise IllegalState("CALLOUT_RUNS", "adults are being asked already")
    session = asked.open_session
    if session is None:
        raise IllegalState("SESSION_UNKNOWN", "no session is planned; ask for an adult with a plan")
    started = events.CalloutStarted(
        assignment_id=asked.assignment_id,
        case_id=asked.case_id,
        session_id=session.session_id,
        organ_uscc=asked.organ,
        provider_uscc=asked.provider,
        division_code=session.division_code,
        at_once=desk.at_once,
        at=from_datetime(act.recorded_at),
        request=asked.requests,
    )
    return [started]


def stop(command: api.StopCalloutRequest, state: CalloutState, act: Act, facts: Facts) -> Sequence[Message]:
    """By organ or desk at any time; by the system only where what it has seen still holds."""
    if act.by_service:
        holds = state.status in offers.RUNNING and _ENDS_BY_ITSELF[command.end](state, _facts(facts).assignment)
        return _ended(state, command.end) if holds else []
    if command.end not in _BY_HAND:
        raise Invalid(Violation("end", "is none that is commanded by hand"))
    rules.by_party(_facts(facts).assignment, act)
    if state.status not in offers.RUNNING:
        raise IllegalState("CALLOUT_NOT_RUNNING", "nobody is being asked")
    return _ended(state, command.end)


def make_offers(command: api.MakeOffersRequest, state: CalloutState, act: Act, facts: Facts) -> Sequence[Message]:
    """The next round: as many of the best as the desk asks at once; where nobody is left, the next level is asked."""
    rules.by_system(act)
    session = _facts(facts).assignment.sessions.get(state.session_id)
    if not expects_offers(state, command.after_round) or session is None or session.over:
        return []
    begins_at, ends_at = rules.engaged(session)
    given = _facts(facts)
    wanted = Wanted(given.assignment, begins_at, ends_at, state.division_code, state.level, act.on, state.asked)
    seed = state.seed or given.seed
    found = match(wanted, given.roster, given.open_offers, seed)
    phase = _phase(state, found, act)
    chosen = found.of(phase)[: min(state.at_once, len(command.offer_ids))] if phase else ()
    number = state.round + 1
    matched = events.CandidatesMatched(
        round=number,
        level=state.level,  # type: ignore[arg-type]
        phase=phase,  # type: ignore[arg-type]
        rule_version=RULE_VERSION,
        seed=seed,
        seed_position=state.seed_position or given.seed_position,
        begins_at=from_datetime(begins_at),
        ends_at=from_datetime(ends_at),
        candidates=[*found.best[:NAMED_MAX], *found.standby[:NAMED_MAX]],
        excluded=found.excluded[:NAMED_MAX],
        shortfalls=found.shortfalls(),
    )
    if not chosen:
        return [matched, *_nobody(state, found, number, act)]
    clock = set_clock(
        state.deadlines,
        OFFER_RULE,
        # An offer runs from when it is recorded: what was late to be made must not be over before it is seen.
        act.recorded_at,
        owner=state.provider,
        informed=[state.organ],
        trigger=events.OfferMade.DESCRIPTOR.full_name,
        settings=given.desk.settings(),
    )
    made = [
        events.OfferMade(
            offer_id=offer_id,
            adult_id=one.adult_id,
            home_uscc=one.home_uscc,
            round=number,
            standby=phase == STANDBY,
            equals=equals(one, found.of(phase)),
            answer_by=clock.due.due_at,
        )
        for offer_id, one in zip(command.offer_ids, chosen, strict=False)
    ]
    return [matched, *made, clock]


def expects_offers(state: CalloutState, after_round: int) -> bool:
    """Whether a round is over, no offer is open and the next round is to be made."""
    return state.status == api.CALLOUT_STATUS_CALLING and state.round == after_round and not state.open_offers


def _phase(state: CalloutState, found: Found, act: Act) -> int:
    assert state.since is not None
    elapsed = act.recorded_at - state.since
    for phase in (STANDBY, BEST) if state.standby_first else (BEST, STANDBY):
        if found.of(phase) and elapsed < TIMES[state.level][phase]:
            return phase
    return 0


def _nobody(state: CalloutState, found: Found, number: int, act: Act) -> Sequence[Message]:
    counts: dict[str, Any] = {
        "lacking": found.shortfalls(),
        "declined": state.count(api.OFFER_STATUS_DECLINED),
        "silent": state.count(api.OFFER_STATUS_LAPSED),
    }
    if state.level == PROVINCE:
        return [events.CalloutEnded(end=events.CALLOUT_END_NOBODY_FOUND, **counts)]
    kind = events.EscalationRaised if state.level == COUNTY else events.EscalationForwarded
    upwards = kind(
        to_level=PREFECTURE if state.level == COUNTY else PROVINCE,
        gap=events.CAPACITY_GAP_NO_AA,
        round=number,
        at=from_datetime(act.recorded_at),
        **counts,
    )
    return [upwards]


def _ended(state: CalloutState, end: events.CalloutEnd.ValueType) -> Sequence[Message]:
    back = offers.withdrawn(state.open_offers, events.OFFER_WITHDRAWAL_REASON_CALLOUT_ENDED)
    waived = deadline_acts.waive_open(state.deadlines, events.CalloutEnded.DESCRIPTOR.full_name)
    return [*back, *waived, events.CalloutEnded(end=end)]


def _overtaken(state: CalloutState, asked: State) -> bool:
    by_hand = asked.candidate is not None and asked.candidate.candidate_id not in state.offers
    return by_hand or state.request < asked.requests


def _session_over(state: CalloutState, asked: State) -> bool:
    session = asked.sessions.get(state.session_id)
    ended = asked.status in rules.ENDED or asked.status == assignment_api.ASSIGNMENT_STATUS_FAILED_NO_ADULT
    return ended or session is None or session.over


def _of_clock(command: Message, state: CalloutState, act: Act, facts: Facts) -> Sequence[Message]:
    if isinstance(command, clock_api.PassDuePointRequest):
        return offers.pass_point(command, state, act, facts)
    raise IllegalState("DEADLINE_SET_BY_EVENTS", "the clocks of a call-out follow from its own events")


def _facts(facts: Facts) -> CalloutFacts:
    assert isinstance(facts, CalloutFacts)
    return facts


_ENDS_BY_ITSELF: dict[int, Callable[[CalloutState, State], bool]] = {
    events.CALLOUT_END_NOBODY_FOUND: lambda _, __: False,
    events.CALLOUT_END_STOPPED: lambda _, __: False,
    events.CALLOUT_END_OVERTAKEN: _overtaken,
    events.CALLOUT_END_SESSION_OVER: _session_over,
}
DECISIONS: dict[type[Message], Callable[[Any, CalloutState, Act, Facts], Sequence[Message]]] = {
    api.StartCalloutRequest: start,
    api.StopCalloutRequest: stop,
    api.MakeOffersRequest: make_offers,
    api.SettleOfferRequest: offers.settle,
    api.AnswerOfferRequest: offers.answer,
}

DECIDER = Decider("callout", CalloutState(), decide, evolve)
