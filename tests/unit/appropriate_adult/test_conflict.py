"""The conflict check: what excludes, and what follows when it is found late."""

from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import person_events_pb2 as persons
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story, cleared

PARTY = b.command(api.AddPartyRequest, kind=events.PARTY_KIND_CO_ACCUSED)


def exclusions(story: Story[Any], *declared: int, **changes: Any) -> list[int]:
    found = story.when(b.check(*declared, **changes), b.at("08:30"))
    assert isinstance(found[0], events.ConflictFound)
    return list(found[0].exclusions)


@pytest.mark.parametrize("exclusion", [number for number in events.Exclusion.values() if number])
def test_every_declared_exclusion_puts_the_candidate_aside(exclusion: int) -> None:
    assert exclusions(b.proposed(), exclusion) == [exclusion]
    story = b.proposed().after(b.check(exclusion), b.at("08:30"))
    assert story.state.status == api.ASSIGNMENT_STATUS_REQUESTED
    story.refuses("CANDIDATE_PUT_ASIDE", b.propose(b.SECOND_CANDIDATE), b.DESK)


def test_aa_x07_a_record_query_that_has_become_too_old_is_found() -> None:
    story = b.knowing(b.proposed(), queried_on=None)
    assert exclusions(story) == [events.EXCLUSION_CRIMINAL_RECORD]


@pytest.mark.parametrize(
    ("preference", "sex", "found"),
    [
        (events.SEX_PREFERENCE_WOMAN, persons.SEX_MALE, True),
        (events.SEX_PREFERENCE_WOMAN, persons.SEX_FEMALE, False),
        (events.SEX_PREFERENCE_MAN, persons.SEX_FEMALE, True),
        (events.SEX_PREFERENCE_PREFER_WOMAN, persons.SEX_MALE, False),
    ],
)
def test_aa_x08_a_demanded_sex_binds_and_a_preferred_one_does_not(preference: int, sex: int, found: bool) -> None:
    story = b.knowing(b.proposed(sex_preference=preference), sex=sex)
    assert isinstance(story.when(b.check(), b.at("08:30"))[0], events.ConflictFound) is found


def test_aa_r19_nobody_serves_two_co_accused_minors() -> None:
    story = b.knowing(b.proposed(related_case_ids=[b.OTHER_CASE]), served=frozenset({(b.OTHER_CASE, b.OTHER_MINOR)}))
    assert exclusions(story) == [events.EXCLUSION_CO_ACCUSED]


def test_aa_r19_serving_the_same_minor_or_another_case_is_no_conflict() -> None:
    served = frozenset({(b.CASE, b.MINOR), (b.OTHER_CASE, b.OTHER_MINOR)})
    story = b.knowing(b.proposed(), served=served)
    assert isinstance(story.when(b.check(), b.at("08:30"))[0], events.ConflictCheckPassed)


def test_aa_x09_the_investigator_attends_with_the_organs_written_consent() -> None:
    assert exclusions(b.proposed(), events.EXCLUSION_INVESTIGATOR) == [events.EXCLUSION_INVESTIGATOR]
    found = b.proposed().when(b.check(events.EXCLUSION_INVESTIGATOR, organ_consent_no="同意〔2026〕1号"), b.at("08:30"))
    assert found[0].organ_consent_no == "同意〔2026〕1号"


def test_what_was_found_is_sealed_under_the_adults_key() -> None:
    found = b.proposed().when(b.check(events.EXCLUSION_INTEREST, note="系被害人同事"), b.at("08:30"))[0]
    fields = {field.name for field, _ in found.ListFields()}
    assert fields - {field.name for field, _ in cleared(found).ListFields()} == {"exclusions", "note"}


def test_organ_and_desk_check_and_nobody_else() -> None:
    assert b.proposed().when(b.check(), b.DESK)
    b.proposed().refuses("ORGAN_NOT_COMPETENT", b.check(), b.HOME)
    b.requested().refuses("ASSIGNMENT_STATE", b.check(), b.POLICE)


def test_a_party_who_comes_into_the_case_makes_the_check_stale_until_it_is_made_again() -> None:
    story = b.notified().after(PARTY, b.at("09:00"))
    assert story.state.candidate is not None
    assert story.state.candidate.stale
    again = story.after(b.check(), b.at("09:10"))
    assert again.state.candidate is not None
    assert not again.state.candidate.stale
    assert again.state.status == api.ASSIGNMENT_STATUS_NOTIFIED


def test_a_party_can_come_before_there_is_a_candidate() -> None:
    assert b.requested().after(PARTY, b.at("08:16")).state.candidate is None


def test_nobody_starts_on_a_stale_check() -> None:
    found = b.informed().after(PARTY, b.at("09:56")).when(b.start(), b.at("10:00"))
    assert [list(event.unmet) for event in found] == [[events.SESSION_CONDITION_NO_QUALIFIED_ADULT_PRESENT]]


def test_a_conflict_found_in_the_session_pauses_it() -> None:
    found = b.started().when(b.check(events.EXCLUSION_INTEREST), b.at("10:30"))
    assert [type(event) for event in found] == [events.ConflictFound, events.SessionPaused]
    story = b.started().given(*found)
    story.refuses("NO_QUALIFIED_ADULT_PRESENT", b.in_session(api.ResumeSessionRequest), b.at("10:31"))
    # Leaving and coming back does not make somebody qualified again.
    story = story.after(b.leave(), b.at("10:32")).after(b.come_back(), b.at("10:33"))
    story.refuses("NO_QUALIFIED_ADULT_PRESENT", b.in_session(api.ResumeSessionRequest), b.at("10:34"))
