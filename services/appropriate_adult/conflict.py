"""The conflict check: what the register tells, what the case tells, and what organ and candidate declare (#6).

What is found is sealed under the adult's key: the organ reads it, who only matches learns that there is a conflict.
Law: AA-X01 to AA-X09, AA-R19.
"""

from collections.abc import Sequence

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import person_events_pb2 as persons
from services.appropriate_adult import rules
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.qualification import shortcomings
from services.appropriate_adult.room import paused_when_alone
from services.appropriate_adult.state import State
from services.kernel.decision import Act, Facts
from services.kernel.law import result_of_rule

_WITH_CANDIDATE = (
    api.ASSIGNMENT_STATUS_PROPOSED,
    api.ASSIGNMENT_STATUS_CHECKED,
    api.ASSIGNMENT_STATUS_CONSULTED,
    api.ASSIGNMENT_STATUS_CONFIRMED,
    api.ASSIGNMENT_STATUS_NOTIFIED,
)


def check(command: api.RunConflictCheckRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """#6. Of a candidate or, after a party came into the case, of the confirmed adult; a late conflict ends the part."""
    rules.in_status(state, *_WITH_CANDIDATE)
    rules.by_party(state, act)
    candidate = state.candidate
    assert candidate is not None
    adult = rules.adult_of(facts)
    declared = set(command.found)
    if command.organ_consent_no:
        declared.discard(events.EXCLUSION_INVESTIGATOR)
    exclusions = sorted({*declared, *shortcomings(adult, act.on), *of_the_case(state, adult)})
    if exclusions:
        found = events.ConflictFound(
            candidate_id=candidate.candidate_id,
            adult_id=candidate.adult_id,
            exclusions=exclusions,  # type: ignore[arg-type]
            note=command.note,
            engagement_ids=rules.ending(state, adult_id=candidate.adult_id),
        )
        return [found, *paused_when_alone(state, found, act)]
    passed = events.ConflictCheckPassed(
        candidate_id=candidate.candidate_id,
        adult_id=candidate.adult_id,
        organ_consent_no=command.organ_consent_no,
        rules=[result_of_rule(rule, act.on, "none_found") for rule in ("AA-X01", "AA-X04", "AA-X05", "AA-X07", "AA-X09")],
    )
    return [passed]


def add_party(command: api.AddPartyRequest, state: State, act: Act, _: Facts) -> Sequence[Message]:
    """Whoever came into the case may be why the adult must go: the check has to be made again."""
    rules.not_ended(state)
    rules.by_organ(state, act)
    return [events.PartyAdded(kind=command.kind)]


def of_the_case(state: State, adult: AdultState) -> list[int]:
    """Exclusions that this case brings, by what the system itself knows. Law: AA-R19, AA-X08, AA-X09."""
    found: list[int] = []
    if state.sex_preference in _MUST_BE and adult.sex != _MUST_BE[state.sex_preference]:
        found.append(events.EXCLUSION_SEX)
    cases = {state.case_id, *state.related_case_ids}
    if any(case_id in cases and subject_id != state.subject_id for case_id, subject_id in adult.served):
        found.append(events.EXCLUSION_CO_ACCUSED)
    return found


_MUST_BE: dict[int, int] = {events.SEX_PREFERENCE_WOMAN: persons.SEX_FEMALE, events.SEX_PREFERENCE_MAN: persons.SEX_MALE}
