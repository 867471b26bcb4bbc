"""Recusal, objections, allegations of falsification."""

import pytest

from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from tests.unit.gwt import act
from tests.unit.social_investigation import builders as b

OTHER = "00000000-0000-0000-0000-0000000000cc"


def test_si_r17_while_a_recusal_is_undecided_the_investigator_does_not_interview() -> None:
    pending = b.assigned().after(b.recusal(), b.ORGAN)
    pending.refuses("RECUSAL_PENDING", b.interview(), b.WORKER)
    assert pending.after(b.decide_recusal(granted=False), b.ORGAN).when(b.interview(), b.WORKER)


def test_si_r17_a_recused_investigator_works_again_only_by_a_replacement() -> None:
    granted = b.assigned().after(b.recusal(), b.ORGAN).after(b.decide_recusal(granted=True), b.ORGAN)
    granted.refuses("RECUSAL_PENDING", b.interview(), b.WORKER)
    replaced = granted.after(b.replacement(), b.MANAGER)
    replaced.refuses("TWO_INVESTIGATORS_REQUIRED", b.interview(), b.WORKER)
    assert replaced.when(b.interview(interviewers=["worker-1", "worker-3"]), b.WORKER)


def test_si_r17_the_commissioning_organ_decides_once() -> None:
    pending = b.assigned().after(b.recusal(), b.MANAGER)
    pending.refuses("ORGAN_NOT_COMPETENT", b.decide_recusal(granted=True), b.MANAGER)
    decided = pending.after(b.decide_recusal(granted=False), b.ORGAN)
    decided.refuses("RECUSAL_NOT_OPEN", b.decide_recusal(granted=True), b.ORGAN)


def test_a_request_for_recusal_names_an_investigator_and_comes_once() -> None:
    b.assigned().finds_invalid({"officer"}, b.recusal("manager"), b.ORGAN)
    b.assigned().after(b.recusal(), b.ORGAN).refuses("RECUSAL_EXISTS", b.recusal(), b.ORGAN)
    b.assigned().refuses("ORGAN_NOT_COMPETENT", b.recusal(), act(b.STRANGER))


def test_si_r17_a_party_may_ask_for_recusal_and_nobody_else() -> None:
    b.assigned().finds_invalid({"applicant"}, b.recusal(applicant=events.APPLICANT_OTHER), b.ORGAN)
    for party in (
        events.APPLICANT_INVESTIGATOR,
        events.APPLICANT_MINOR,
        events.APPLICANT_DEFENDER,
        events.APPLICANT_VICTIM_SIDE,
    ):
        assert b.assigned().when(b.recusal(applicant=party), b.ORGAN)


def test_si_r17_a_recusal_is_about_the_minors_case_and_its_reason_is_sealed() -> None:
    [decided] = b.assigned().after(b.recusal(), b.ORGAN).when(b.decide_recusal(granted=True), b.ORGAN)
    [replaced] = b.assigned().when(b.replacement(), b.MANAGER)
    assert (decided.subject_id, replaced.subject_id) == (b.SUBJECT, b.SUBJECT)


def test_a_replacement_is_new_qualified_and_named_by_the_provider() -> None:
    story = b.assigned()
    story.finds_invalid({"officer"}, b.replacement("manager"), b.MANAGER)
    story.finds_invalid({"replacement.officer"}, b.replacement(new=b.investigator("worker-1")), b.MANAGER)
    untrained = b.investigator("worker-3", adult_and_trained=False)
    story.refuses("INVESTIGATOR_NOT_QUALIFIED", b.replacement(new=untrained), b.MANAGER)
    story.refuses("NOT_THE_PROVIDER", b.replacement(), b.ORGAN)


def test_si_r16_for_a_girl_the_replacement_leaves_a_woman_on_the_team() -> None:
    girl = b.assigned(subject_sex=persons.SEX_FEMALE)
    girl.refuses("FEMALE_STAFF_REQUIRED", b.replacement("worker-1"), b.MANAGER)
    assert girl.when(b.replacement("worker-2"), b.MANAGER)
    assert girl.when(b.replacement("worker-1", b.investigator("worker-3", woman=True)), b.MANAGER)


def test_an_objection_is_recorded_and_handled_by_who_has_the_file() -> None:
    b.submitted().refuses("ORGAN_NOT_COMPETENT", b.objection(), b.MANAGER)
    open_one = b.submitted().after(b.objection(), b.ORGAN)
    open_one.refuses("OBJECTION_EXISTS", b.objection(), b.ORGAN)
    open_one.refuses("OBJECTION_NOT_OPEN", b.handle_objection(OTHER), b.ORGAN)
    open_one.refuses("ORGAN_NOT_COMPETENT", b.handle_objection(), b.MANAGER)
    open_one.after(b.handle_objection(), b.ORGAN).refuses("OBJECTION_NOT_OPEN", b.handle_objection(), b.ORGAN)


@pytest.mark.parametrize("applicant", [events.APPLICANT_INVESTIGATOR, events.APPLICANT_OTHER])
def test_who_has_no_part_in_the_case_does_not_object(applicant: int) -> None:
    b.submitted().finds_invalid({"applicant"}, b.objection(applicant=applicant), b.ORGAN)


def test_nothing_is_decided_in_an_investigation_that_was_terminated() -> None:
    terminate = b.bare(api.TerminateInvestigationRequest, reason=events.TERMINATION_REASON_PROVIDER_UNABLE)
    recusal = b.assigned().after(b.recusal(), b.ORGAN).after(terminate, b.ORGAN)
    recusal.refuses("INVESTIGATION_STATE", b.decide_recusal(granted=True), b.ORGAN)
    objection = b.submitted().after(b.objection(), b.ORGAN).after(terminate, b.ORGAN)
    objection.refuses("INVESTIGATION_STATE", b.handle_objection(), b.ORGAN)


def test_for_a_boy_the_replacement_may_leave_men_only() -> None:
    assert b.assigned().when(b.replacement("worker-1"), b.MANAGER)


def test_after_the_transfer_the_court_handles_what_was_raised_before() -> None:
    raised = b.adopted().after(b.objection(), b.ORGAN).after(b.transfer(), b.ORGAN)
    raised.refuses("ORGAN_NOT_COMPETENT", b.handle_objection(), b.ORGAN)
    assert raised.when(b.handle_objection(), b.JUDGE)


def test_si_r11_an_allegation_freezes_until_it_is_dismissed() -> None:
    alleged = b.examined().after(b.allege(), b.ORGAN)
    assert alleged.state.frozen
    dismissed = alleged.after(b.decide_falsification(confirmed=False), b.ORGAN)
    assert not dismissed.state.frozen
    assert dismissed.when(b.adopt(), b.ORGAN)


def test_si_r11_a_finding_freezes_for_good() -> None:
    found = b.examined().after(b.allege(), b.ORGAN).after(b.decide_falsification(confirmed=True), b.ORGAN)
    assert found.state.frozen
    found.refuses("REPORT_FROZEN", b.adopt(), b.ORGAN)
    found.refuses("ALLEGATION_NOT_OPEN", b.decide_falsification(confirmed=False), b.ORGAN)


def test_si_r11_the_organ_of_the_file_decides_and_a_stranger_alleges_nothing() -> None:
    b.examined().refuses("ORGAN_NOT_COMPETENT", b.allege(), act(b.STRANGER))
    alleged = b.examined().after(b.allege(), b.MANAGER)
    alleged.refuses("ORGAN_NOT_COMPETENT", b.decide_falsification(confirmed=True), b.MANAGER)
    alleged.refuses("ALLEGATION_EXISTS", b.allege(), b.ORGAN)


def test_without_a_report_there_is_nothing_to_falsify() -> None:
    b.assigned().refuses("NO_REPORT", b.allege(), b.ORGAN)
