"""The clocks of an investigation: what starts them, what meets them, who may change them. A lapse changes nothing here.

Law: domain/03 §3.4; DL-SI-ACCEPT, DL-SI-ARREST, DL-SI-PROS, DL-SI-SUPPL (domain/10); SI-R20.
"""

from collections.abc import Sequence
from datetime import date, datetime

from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from services.kernel import deadline_acts, deadline_commands, period
from services.kernel.dates import from_date, to_date
from services.kernel.deadline import Setting
from services.kernel.deadline_rules import RULES
from services.kernel.deadline_start import set_clock
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState
from services.social_investigation import rules
from services.social_investigation.state import ACCEPT, REPORT_RULES, SUPPLEMENT, State

_BEFORE_HOST = RULES["DL-SI-PROS"].host_working_days


def answer(letter: forms.CommissionLetter, at: datetime, settings: Sequence[Setting]) -> clocks.DeadlineSet:
    """The clock of the provider's answer to an issued commission (DL-SI-ACCEPT)."""
    arrest = letter.case_stage == referrals.CASE_STAGE_ARREST_REVIEW
    return set_clock(
        {},
        ACCEPT,
        at,
        owner=letter.provider_uscc,
        informed=[letter.organ_uscc],
        trigger=events.InvestigationCommissioned.DESCRIPTOR.full_name,
        variant="arrest" if arrest else "",
        settings=settings,
    )


def report(state: State, at: datetime, settings: Sequence[Setting]) -> clocks.DeadlineSet:
    """The clock of the report: our default, the letter's day or the host period, whichever comes first (SI-R20)."""
    arrest = state.stage == referrals.CASE_STAGE_ARREST_REVIEW
    caps = []
    if state.due_on:
        caps.append(clocks.Cap(kind=clocks.STEP_KIND_LETTER, on=from_date(state.due_on)))
    if state.host_deadline_on:
        host = from_date(state.host_deadline_on)
        caps.append(clocks.Cap(kind=clocks.STEP_KIND_HOST, host_on=host, working_days=_BEFORE_HOST))
    return set_clock(
        state.deadlines,
        "DL-SI-ARREST" if arrest else "DL-SI-PROS",
        at,
        owner=state.provider,
        informed=[state.organ],
        trigger=events.CommissionAccepted.DESCRIPTOR.full_name,
        variant="simple" if not arrest and state.urgency == forms.URGENCY_SIMPLE else "",
        caps=caps,
        settings=settings,
    )


def supplement(state: State, at: datetime, given: date | None, settings: Sequence[Setting]) -> clocks.DeadlineSet:
    """The clock of a supplement: the day that the organ named, else our default (DL-SI-SUPPL)."""
    return set_clock(
        state.deadlines,
        SUPPLEMENT,
        at,
        owner=state.provider,
        informed=[state.organ],
        trigger=events.SupplementRequested.DESCRIPTOR.full_name,
        given=given,
        settings=settings,
    )


def latest_before_host(host_deadline_on: date) -> date:
    """Last day on which a report can still be used within the host period (SI-R20)."""
    return period.subtract_working_days(host_deadline_on, _BEFORE_HOST)


def met(state: State, rule_ids: frozenset[str], at: datetime, by: type[Message]) -> list[Message]:
    """The open clocks of some rules, met by an event."""
    running = [clock for clock in state.deadlines.values() if clock.rule_id in rule_ids and clock.open]
    return [event for clock in running for event in deadline_acts.meet(clock, at, by.DESCRIPTOR.full_name)]


def ended(state: State, by: type[Message]) -> list[Message]:
    """Every open clock, waived because the investigation ended."""
    return deadline_acts.waive_open(state.deadlines, by.DESCRIPTOR.full_name)


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Commands on a clock: the commissioning organ extends, meets and waives; starting one is left to the investigation."""
    if not isinstance(command, clock_api.PassDuePointRequest):
        rules.not_ended(state)
        rules.by_organ(state, act)
    if isinstance(command, clock_api.SetDeadlineRequest):
        raise IllegalState("DEADLINE_SET_BY_EVENTS", "the clocks of an investigation are started by its own events")
    return deadline_commands.decide(command, state.deadlines, act, facts, host_on=state.host_deadline_on)


ACCEPT_RULES = frozenset({ACCEPT})
DUE_RULES = REPORT_RULES


def due_day(event: clocks.DeadlineSet) -> date:
    """The last day of a clock that was just started."""
    day = to_date(event.due.due_on)
    assert day is not None
    return day
