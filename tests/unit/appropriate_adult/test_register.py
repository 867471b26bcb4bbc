"""The register: who is on it, and what keeps somebody from being proposed."""

from datetime import date

import pytest

from guanhu.appropriate_adult.v1 import adult_events_pb2 as events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from services.appropriate_adult import adult
from services.appropriate_adult.qualification import shortcomings, trained_hours
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story, act

ON = date(2026, 3, 9)
REASON = events.ADULT_SUSPENSION_REASON_UNDER_REVIEW


def test_a_trained_and_queried_adult_has_no_shortcoming() -> None:
    assert shortcomings(b.qualified().state, ON) == ()


def test_an_adult_is_registered_once() -> None:
    b.registered().refuses("ADULT_EXISTS", b.register(), b.HOME)


def test_an_entry_is_made_by_the_agency_that_keeps_it() -> None:
    b.unregistered().finds_invalid({"entry.home_uscc"}, b.register(), b.DESK)


def test_aa_r17_an_organ_keeps_no_roster() -> None:
    b.unregistered().refuses("ORGAN_NOT_COMPETENT", b.register(home_uscc=b.PSB), b.POLICE)


def test_aa_r17_an_unknown_agency_keeps_no_roster() -> None:
    b.unregistered().refuses("ORGAN_NOT_COMPETENT", b.register(home_uscc=b.STRANGER), act(b.STRANGER))


def test_aa_r02_an_organ_names_a_relative_for_one_case() -> None:
    story = b.unregistered().after(api.RegisterAdultRequest(head=b.head(), entry=b.relative()), b.POLICE)
    assert shortcomings(story.state, ON) == ()


def test_aa_x07_a_relative_with_a_record_is_excluded_all_the_same() -> None:
    story = b.unregistered().after(api.RegisterAdultRequest(head=b.head(), entry=b.relative()), b.POLICE)
    story = story.after(b.record_query(clear=False), b.POLICE)
    assert shortcomings(story.state, ON) == (
        assignments.EXCLUSION_NOT_ON_ROSTER,
        assignments.EXCLUSION_CRIMINAL_RECORD,
    )


def test_aa_x07_a_relatives_old_query_still_counts() -> None:
    story = b.unregistered().after(api.RegisterAdultRequest(head=b.head(), entry=b.relative()), b.POLICE)
    assert shortcomings(story.after(b.record_query("2020-01-01"), b.POLICE).state, ON) == ()


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("AA-X01", {"under_sentence": True}),
        ("AA-X02", {"liberty_restricted": True}),
        ("AA-X03", {"full_capacity": False}),
        ("AA-X04", {"state_staff": True}),
        ("AA-X06", {"birth_date": b.day("2008-03-09")}),
    ],
)
def test_nobody_excluded_is_registered(rule: str, changes: dict[str, object]) -> None:
    assert b.unregistered().refuses("ADULT_EXCLUDED", b.register(**changes), b.HOME).rule == rule


def test_every_malformed_code_is_named() -> None:
    command = b.register(languages=["cmn", "Yi"], districts=["5134"], supervisor="")
    b.unregistered().finds_invalid({"entry.languages[1]", "entry.districts[0]", "entry.supervisor"}, command, b.HOME)


def test_a_changed_entry_can_exclude_from_now_on() -> None:
    changed = b.entry(under_sentence=True, liberty_restricted=True, full_capacity=False, state_staff=True)
    story = b.qualified().after(api.ChangeAdultRequest(head=b.head(), entry=changed), b.HOME)
    assert shortcomings(story.state, ON) == (
        assignments.EXCLUSION_UNDER_SENTENCE,
        assignments.EXCLUSION_LIBERTY_RESTRICTED,
        assignments.EXCLUSION_INCAPABLE,
        assignments.EXCLUSION_PART_IN_CASE,
    )


def test_home_standing_and_majority_do_not_change() -> None:
    changed = b.relative(adult_id=b.ADULT, birth_date=b.day("2009-01-01"))
    command = api.ChangeAdultRequest(head=b.head(), entry=changed)
    b.registered().finds_invalid({"entry.home_uscc", "entry.standing", "entry.birth_date"}, command, b.HOME)


def test_an_untrained_and_unqueried_adult_is_not_proposed() -> None:
    found = shortcomings(b.registered().state, ON)
    assert found == (assignments.EXCLUSION_CRIMINAL_RECORD, assignments.EXCLUSION_UNTRAINED)


def test_training_counts_from_its_day_to_the_end_of_its_validity() -> None:
    story = b.registered().after(b.training(hours=5), b.HOME).after(b.training(training_id=b.SHIFT, hours=3), b.HOME)
    days = ("2025-10-09", "2025-10-10", "2027-10-09", "2027-10-10")
    assert [trained_hours(story.state, date.fromisoformat(day)) for day in days] == [0, 8, 8, 0]


def test_a_training_is_recorded_once() -> None:
    b.qualified().refuses("TRAINING_EXISTS", b.training(), b.HOME)


def test_a_training_lies_in_the_past_and_ends_before_its_validity() -> None:
    command = b.training(held_on=b.day("2026-03-10"), valid_until=b.day("2026-03-09"))
    b.registered().finds_invalid({"training.held_on", "training.valid_until"}, command, b.HOME)


def test_aa_x07_a_query_counts_for_twelve_months() -> None:
    story = b.registered().after(b.training(), b.HOME).after(b.record_query("2025-03-09"), b.HOME)
    assert shortcomings(story.state, date(2026, 3, 9)) == ()
    assert shortcomings(story.state, date(2026, 3, 10)) == (assignments.EXCLUSION_CRIMINAL_RECORD,)


def test_aa_x07_an_answer_that_is_not_clear_excludes_until_a_newer_clear_one() -> None:
    story = b.qualified().after(b.record_query("2026-03-01", clear=False), b.HOME)
    assert story.state.status == api.ADULT_STATUS_EXCLUDED
    assert b.qualified().state.status == story.after(b.record_query("2026-03-02"), b.HOME).state.status


def test_an_older_query_never_replaces_a_newer_one() -> None:
    b.qualified().refuses("NEWER_QUERY_EXISTS", b.record_query("2025-08-31"), b.HOME)


def test_a_query_is_not_made_in_the_future() -> None:
    b.qualified().finds_invalid({"query.queried_on"}, b.record_query("2026-03-10"), b.HOME)


def test_a_suspended_adult_is_not_proposed_until_reinstated() -> None:
    story = b.qualified().after(b.of_adult(api.SuspendAdultRequest, reason=REASON), b.HOME)
    assert story.state.status == api.ADULT_STATUS_SUSPENDED
    assert shortcomings(story.state, ON) == (assignments.EXCLUSION_NOT_ON_ROSTER,)
    story.refuses("ADULT_SUSPENDED", b.of_adult(api.SuspendAdultRequest, reason=REASON), b.HOME)
    story = story.after(b.of_adult(api.ReinstateAdultRequest), b.HOME)
    assert shortcomings(story.state, ON) == ()
    story.refuses("ADULT_NOT_SUSPENDED", b.of_adult(api.ReinstateAdultRequest), b.HOME)


def test_a_removed_adult_stays_removed() -> None:
    story = b.qualified().after(b.of_adult(api.RemoveAdultRequest), b.HOME)
    assert story.state.status == api.ADULT_STATUS_REMOVED
    story.refuses("ADULT_REMOVED", b.of_adult(api.ReinstateAdultRequest), b.HOME)


def test_nobody_is_removed_while_engaged() -> None:
    b.qualified().after(b.reserve(), b.SYSTEM).refuses("ADULT_ENGAGED", b.of_adult(api.RemoveAdultRequest), b.HOME)


def test_only_the_home_agency_changes_an_entry() -> None:
    b.qualified().refuses("ORGAN_NOT_COMPETENT", b.training(), b.DESK)


def test_nothing_happens_to_an_unknown_adult() -> None:
    b.unregistered().refuses("ADULT_UNKNOWN", b.training(), b.HOME)
    assert b.unregistered().state.status == api.ADULT_STATUS_UNSPECIFIED


def test_an_event_of_another_release_is_not_folded() -> None:
    with pytest.raises(TypeError, match="PartyAdded"):
        Story.of(adult.DECIDER).given(assignments.PartyAdded())
