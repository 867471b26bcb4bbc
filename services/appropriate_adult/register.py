"""The register of adults (F6): entry, trainings, record queries, suspension.

Law: AA-R17 (roster with training), AA-X01 to AA-X07 (who may not attend).
"""

import re
from collections.abc import Iterable, Sequence

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import adult_events_pb2 as events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.appropriate_adult.adult_state import AdultState
from services.kernel.age import ADULT_AT, criminal_age
from services.kernel.dates import to_date
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation
from services.kernel.law import result_of_rule

# Who keeps a roster (AA-R17): Youth League with its desks, social-work organisations. An organ names adults for one case.
ROSTER_TYPES = frozenset({"CYL", "SWO"})
ORGAN_TYPES = frozenset({"PSB", "PROC", "COURT"})
_LANGUAGE = re.compile(r"[a-z]{3}")  # ISO 639-3
_COUNTY = re.compile(r"\d{6}")  # GB/T 2260


def register(command: api.RegisterAdultRequest, state: AdultState, act: Act, facts: Facts) -> Sequence[Message]:
    """Nobody who is excluded by the entry itself is registered at all."""
    if state.home:
        raise IllegalState("ADULT_EXISTS", "an adult with this id is registered")
    entry = command.entry
    if entry.home_uscc != act.organ:
        raise Invalid(Violation("entry.home_uscc", "is not the agency that acts"))
    home = facts.agencies.get(act.organ)
    rostered = entry.standing == forms.STANDING_ROSTERED
    if home is None or home.type not in (ROSTER_TYPES if rostered else ORGAN_TYPES):
        raise IllegalState("ORGAN_NOT_COMPETENT", "this body does not keep such an entry", rule="AA-R17")
    _check(entry)
    excluded = {
        "AA-X01": entry.under_sentence,
        "AA-X02": entry.liberty_restricted,
        "AA-X03": not entry.full_capacity,
        "AA-X04": entry.state_staff,
        "AA-X06": _under_age(entry, act),
    }
    for rule, applies in excluded.items():
        if applies:
            raise IllegalState("ADULT_EXCLUDED", "this person may not be an appropriate adult", rule=rule)
    return [events.AdultRegistered(entry=entry, rules=[result_of_rule(rule, act.on, "satisfied") for rule in excluded])]


def change(command: api.ChangeAdultRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """What changed may exclude the adult from now on; it is recorded all the same."""
    known(state)
    by_home(state, act)
    entry = command.entry
    _check(entry)
    violations = [
        Violation(f"entry.{name}", "stays as it is")
        for name, kept in (("home_uscc", state.home), ("standing", state.standing))
        if getattr(entry, name) != kept
    ]
    if _under_age(entry, act):
        violations.append(Violation("entry.birth_date", "makes the adult under 18"))
    if violations:
        raise Invalid(*violations)
    return [events.AdultEntryChanged(entry=entry)]


def train(command: api.RecordTrainingRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """A training counts from the day on which it ended to the day that its provider gives."""
    known(state)
    by_home(state, act)
    training = command.training
    held_on, valid_until = to_date(training.held_on), to_date(training.valid_until)
    assert held_on is not None
    assert valid_until is not None
    if training.training_id in state.trainings:
        raise IllegalState("TRAINING_EXISTS", "a training with this id is recorded")
    violations = []
    if held_on > act.on:
        violations.append(Violation("training.held_on", "lies in the future"))
    if valid_until < held_on:
        violations.append(Violation("training.valid_until", "lies before the training"))
    if violations:
        raise Invalid(*violations)
    return [events.AdultTrained(training=training)]


def query_record(command: api.RecordCriminalRecordQueryRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """An answer that is not clear excludes; only a newer clear answer lets the adult back. Law: AA-X07."""
    known(state)
    by_home(state, act)
    queried_on = to_date(command.query.queried_on)
    assert queried_on is not None
    if queried_on > act.on:
        raise Invalid(Violation("query.queried_on", "lies in the future"))
    if state.queried_on and queried_on < state.queried_on:
        raise IllegalState("NEWER_QUERY_EXISTS", "a newer query is recorded", rule="AA-X07")
    return [events.AdultRecordQueried(query=command.query)]


def suspend(command: api.SuspendAdultRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """The engagements that there are stay; who leads them decides whether to replace the adult."""
    known(state)
    by_home(state, act)
    if state.suspended:
        raise IllegalState("ADULT_SUSPENDED", "the adult is suspended already")
    return [events.AdultSuspended(reason=command.reason, note=command.note)]


def reinstate(command: api.ReinstateAdultRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """Lifts a suspension."""
    known(state)
    by_home(state, act)
    if not state.suspended:
        raise IllegalState("ADULT_NOT_SUSPENDED", "the adult is not suspended")
    return [events.AdultReinstated(note=command.note)]


def remove(command: api.RemoveAdultRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """Nobody is taken off the register while engaged."""
    known(state)
    by_home(state, act)
    if state.open_engagements:
        raise IllegalState("ADULT_ENGAGED", "the adult has engagements")
    return [events.AdultRemoved(note=command.note)]


def known(state: AdultState) -> None:
    """Raises IllegalState unless the adult is on the register."""
    if not state.home:
        raise IllegalState("ADULT_UNKNOWN", "there is no such adult")
    if state.removed:
        raise IllegalState("ADULT_REMOVED", "the adult is off the register")


def by_home(state: AdultState, act: Act) -> None:
    """Raises IllegalState unless the home agency acts, or the adult from there."""
    if act.organ != state.home:
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the home agency takes this step", rule="AA-R17")


def county(code: str, path: str) -> Iterable[Violation]:
    """Violations of a county's code."""
    if not _COUNTY.fullmatch(code):
        yield Violation(path, "is no six-digit code (GB/T 2260)")


def language(code: str, path: str) -> Iterable[Violation]:
    """Violations of a language's code."""
    if not _LANGUAGE.fullmatch(code):
        yield Violation(path, "is no ISO 639-3 code")


def _check(entry: forms.RosterEntry) -> None:
    violations = [v for n, code in enumerate(entry.languages) for v in language(code, f"entry.languages[{n}]")]
    violations += [v for n, code in enumerate(entry.districts) for v in county(code, f"entry.districts[{n}]")]
    if entry.standing == forms.STANDING_ROSTERED and not entry.supervisor:
        violations.append(Violation("entry.supervisor", "is required on the roster"))
    if violations:
        raise Invalid(*violations)


def _under_age(entry: forms.RosterEntry, act: Act) -> bool:
    born = to_date(entry.birth_date)
    assert born is not None
    return criminal_age(born, act.on) < ADULT_AT
