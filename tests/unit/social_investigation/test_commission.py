"""The commission: drafted, issued, accepted, assigned, ended. Rule ids are those of domain/03."""

from dataclasses import replace
from typing import Any

import pytest

from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.decision import AgencyFacts, CaseFacts, Facts
from services.social_investigation.investigation import DECIDER
from tests.unit.gwt import Story, act
from tests.unit.social_investigation import builders as b

EMPTY = Story.of(DECIDER, b.FACTS)


def with_case(**changes: Any) -> Facts:
    assert b.FACTS.case is not None
    return replace(b.FACTS, case=replace(b.FACTS.case, **changes))


def with_agency(code: str, **changes: Any) -> Facts:
    return replace(b.FACTS, agencies={**b.AGENCIES, code: replace(b.AGENCIES[code], **changes)})


def outcomes(event: Any) -> dict[str, str]:
    return {rule.rule_id: rule.outcome for rule in event.rules}


def test_a_draft_may_be_partial_and_records_age_rule_and_law_version() -> None:
    partial = forms.CommissionLetter(
        organ_uscc=b.PROC, provider_uscc=b.SWO, case_stage=referrals.CASE_STAGE_ARREST_REVIEW, subject_id=b.SUBJECT
    )
    [drafted] = EMPTY.when(b.create(letter=partial), b.ORGAN)
    assert outcomes(drafted) == {"AGE-04": "unproven"}
    [whole] = EMPTY.when(b.create(), b.ORGAN)
    [rule] = whole.rules
    assert (rule.rule_id, rule.outcome, rule.rule_version) == ("AGE-05", "minor_at_act", "2019-12-30")


def test_a_draft_says_at_least_whose_case_it_is_and_who_is_asked() -> None:
    empty = forms.CommissionLetter(commission_no="1")
    EMPTY.finds_invalid(
        {"letter.organ_uscc", "letter.provider_uscc", "letter.case_stage", "letter.subject_id"},
        b.create(letter=empty),
        b.ORGAN,
    )


def test_a_case_that_is_not_opened_or_closed_gets_no_commission() -> None:
    EMPTY.knowing(replace(b.FACTS, case=None)).refuses("CASE_UNKNOWN", b.create(), b.ORGAN)
    EMPTY.knowing(with_case(case_id="other")).refuses("CASE_UNKNOWN", b.create(), b.ORGAN)
    EMPTY.knowing(with_case(closed=True)).refuses("CASE_CLOSED", b.create(), b.ORGAN)


@pytest.mark.parametrize(
    ("stage", "organ"),
    [
        (referrals.CASE_STAGE_INVESTIGATION, b.PROC),
        (referrals.CASE_STAGE_ARREST_REVIEW, b.COURT),
        (referrals.CASE_STAGE_PROSECUTION_REVIEW, b.COURT),
        (referrals.CASE_STAGE_TRIAL, b.PROC),
        (referrals.CASE_STAGE_CIVIL_FAMILY, b.PROC),
    ],
)
def test_only_the_organ_of_the_stage_commissions(stage: int, organ: str) -> None:
    wrong = b.create(letter=b.letter(case_stage=stage, organ_uscc=organ))
    EMPTY.refuses("ORGAN_NOT_COMPETENT", wrong, act(organ))


def test_an_organ_that_does_not_handle_the_case_does_not_commission() -> None:
    EMPTY.knowing(with_case(participants=frozenset())).refuses("ORGAN_NOT_COMPETENT", b.create(), b.ORGAN)
    unregistered = replace(b.FACTS, agencies={})
    EMPTY.knowing(unregistered).refuses("ORGAN_NOT_COMPETENT", b.create(), b.ORGAN)


def test_organ_and_person_of_the_letter_are_those_of_the_case() -> None:
    wrong = b.letter(organ_uscc=b.COURT, subject_id="00000000-0000-0000-0000-000000000099")
    EMPTY.finds_invalid({"letter.organ_uscc", "letter.subject_id"}, b.create(letter=wrong), b.ORGAN)


def test_a_letter_is_issued_by_its_organ_signed_sealed_and_dated() -> None:
    [issued] = b.drafted().when(b.issue(), b.ORGAN)
    assert issued.letter.signed_by == "procurator"
    assert issued.letter.sealed_with_stamp
    assert issued.letter.issued_on == b.day("2026-03-09")
    assert issued.accept_by == b.day("2026-03-11")
    b.drafted().finds_invalid({"stamped"}, b.issue(stamped=False), b.ORGAN)
    b.drafted().refuses("ORGAN_NOT_COMPETENT", b.issue(), act(b.COURT))


def test_another_organ_that_handles_the_case_too_does_not_issue_the_letter() -> None:
    assert b.FACTS.case is not None
    case = replace(b.FACTS.case, participants=frozenset({b.PROC, b.STRANGER}))
    facts = Facts({**b.AGENCIES, b.STRANGER: AgencyFacts(b.STRANGER, "PROC")}, case)
    taken_over = b.issue(letter=b.letter(organ_uscc=b.STRANGER))
    b.drafted().knowing(facts).refuses("ORGAN_NOT_COMPETENT", taken_over, act(b.STRANGER))


def test_a_case_that_was_closed_meanwhile_gets_no_letter() -> None:
    b.drafted().knowing(with_case(closed=True)).refuses("CASE_CLOSED", b.issue(), b.ORGAN)


def test_only_the_organ_terminates() -> None:
    terminate = b.bare(api.TerminateInvestigationRequest, reason=events.TERMINATION_REASON_PROVIDER_UNABLE)
    b.assigned().refuses("ORGAN_NOT_COMPETENT", terminate, b.MANAGER)


def test_in_arrest_review_the_provider_answers_within_one_working_day() -> None:
    changes = {"case_stage": referrals.CASE_STAGE_ARREST_REVIEW}
    assert b.commissioned(**changes).state.accept_by.isoformat() == "2026-03-10"  # type: ignore[union-attr]


def test_the_letter_is_about_what_was_drafted() -> None:
    other = b.letter(case_stage=referrals.CASE_STAGE_ARREST_REVIEW)
    b.drafted().finds_invalid({"letter.case_stage"}, b.issue(letter=other), b.ORGAN)


def test_only_a_registered_body_of_the_right_kind_on_the_roster_is_entrusted() -> None:
    story = b.drafted()
    story.knowing(with_agency(b.SWO, investigates=False)).refuses("PROVIDER_NOT_ON_ROSTER", b.issue(), b.ORGAN)
    story.knowing(with_agency(b.SWO, suspended=True)).refuses("PROVIDER_NOT_ON_ROSTER", b.issue(), b.ORGAN)
    story.knowing(with_agency(b.SWO, type="EDU")).refuses("PROVIDER_NOT_SUITABLE", b.issue(), b.ORGAN)
    unregistered = {code: facts for code, facts in b.AGENCIES.items() if code != b.SWO}
    story.knowing(replace(b.FACTS, agencies=unregistered)).refuses("PROVIDER_NOT_SUITABLE", b.issue(), b.ORGAN)


def test_only_the_provider_accepts_declines_and_assigns() -> None:
    b.commissioned().refuses("NOT_THE_PROVIDER", b.bare(api.AcceptCommissionRequest), b.ORGAN)
    decline = b.bare(api.DeclineCommissionRequest, reason=events.DECLINE_REASON_OUT_OF_AREA)
    b.commissioned().refuses("NOT_THE_PROVIDER", decline, b.ORGAN)
    b.accepted().refuses("NOT_THE_PROVIDER", b.assign(), b.ORGAN)


def test_a_late_acceptance_is_recorded_as_late_and_counts() -> None:
    [in_time] = b.commissioned().when(b.bare(api.AcceptCommissionRequest), act(b.SWO, at="2026-03-11 23:59"))
    [late] = b.commissioned().when(b.bare(api.AcceptCommissionRequest), act(b.SWO, at="2026-03-12 00:01"))
    assert (in_time.late, late.late) == (False, True)


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"case_stage": referrals.CASE_STAGE_ARREST_REVIEW}, "2026-03-13"),
        ({}, "2026-03-23"),
        ({"urgency": forms.URGENCY_SIMPLE}, "2026-03-16"),
        ({"due_on": b.day("2026-03-12")}, "2026-03-12"),
        (
            {
                "due_on": b.day("2026-03-13"),
                "host_deadline_id": "DL-PROS-1M",
                "host_deadline_on": b.day("2026-03-16"),
            },
            "2026-03-13",
        ),
    ],
)
def test_the_report_is_due_by_default_by_the_letter_or_by_the_host_period(changes: dict[str, Any], due: str) -> None:
    assert b.accepted(**changes).state.report_due_on.isoformat() == due  # type: ignore[union-attr]


def test_a_trial_has_ten_working_days_too() -> None:
    facts = replace(b.FACTS, case=CaseFacts(b.CASE, b.COURT, b.SUBJECT, b.ACT_ON, frozenset({b.COURT})))
    trial = b.letter(case_stage=referrals.CASE_STAGE_TRIAL, organ_uscc=b.COURT)
    story = Story.of(DECIDER, facts).after(b.create(letter=trial), b.JUDGE).after(b.issue(letter=trial), b.JUDGE)
    [accepted] = story.when(b.bare(api.AcceptCommissionRequest), b.MANAGER)
    assert accepted.report_due_on == b.day("2026-03-23")


def test_si_r16_an_investigation_is_made_by_two_different_people() -> None:
    b.accepted().refuses("TWO_INVESTIGATORS_REQUIRED", b.assign(b.investigator("worker-1")), b.MANAGER)
    twice = b.assign(b.investigator("worker-1"), b.investigator("worker-1"))
    b.accepted().finds_invalid({"investigators"}, twice, b.MANAGER)


def test_si_r16_for_a_girl_one_investigator_is_a_woman() -> None:
    story = b.accepted(subject_sex=persons.SEX_FEMALE)
    men = b.assign(b.investigator("worker-1"), b.investigator("worker-2"))
    story.refuses("FEMALE_STAFF_REQUIRED", men, b.MANAGER)
    assert story.when(b.assign(), b.MANAGER)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"adult_and_trained": False}, "INVESTIGATOR_NOT_QUALIFIED"),
        ({"no_conflict_declared": False}, "CONFLICT_OF_INTEREST"),
        ({"appropriate_adult_in_case": True}, "CONFLICT_OF_INTEREST"),
        ({"undertaking_signed_on": b.day("2026-03-10")}, "UNDERTAKING_MISSING"),
        ({"undertaking_signed_on": None}, "UNDERTAKING_MISSING"),
        ({"officer": "supervisor"}, "CONFLICT_OF_INTEREST"),
    ],
)
def test_si_r17_who_may_not_investigate_is_not_assigned(changes: dict[str, Any], reason: str) -> None:
    team = b.assign(b.investigator("worker-1"), b.investigator(**{"officer": "worker-2", **changes}))
    b.accepted().refuses(reason, team, b.MANAGER)


def test_the_appropriate_adult_investigates_with_the_organs_written_consent() -> None:
    team = b.assign(
        b.investigator("worker-1"),
        b.investigator("worker-2", appropriate_adult_in_case=True, organ_consent_no="试检函〔2026〕3号"),
    )
    assert b.accepted().when(team, b.MANAGER)


def test_an_undertaking_is_asked_for_only_where_the_letter_asks() -> None:
    team = b.assign(b.investigator("worker-1", undertaking_signed_on=None), b.investigator("worker-2"))
    assert b.accepted(undertaking_required=False).when(team, b.MANAGER)


def test_a_report_that_was_handed_in_is_not_withdrawn() -> None:
    withdraw = b.bare(api.WithdrawCommissionRequest, reason=events.WITHDRAWAL_REASON_TRANSFERRED)
    b.submitted().refuses("REPORT_SUBMITTED", withdraw, b.ORGAN)
    b.assigned().refuses("ORGAN_NOT_COMPETENT", withdraw, b.MANAGER)


def test_falsification_ends_an_investigation_only_once_it_is_found() -> None:
    terminate = b.bare(api.TerminateInvestigationRequest, reason=events.TERMINATION_REASON_FALSIFICATION)
    b.examined().refuses("FALSIFICATION_NOT_CONFIRMED", terminate, b.ORGAN)
    found = b.examined().after(b.allege(), b.ORGAN).after(b.decide_falsification(confirmed=True), b.ORGAN)
    assert found.when(terminate, b.ORGAN)


def test_nothing_closes_while_an_objection_or_an_allegation_is_open() -> None:
    close = b.bare(api.CloseInvestigationRequest, note="附卷")
    b.adopted().after(b.objection(), b.ORGAN).refuses("OBJECTION_OPEN", close, b.ORGAN)
    b.adopted().after(b.allege(), b.ORGAN).refuses("ALLEGATION_OPEN", close, b.ORGAN)


def test_a_report_that_stays_with_the_organ_is_closed_with_a_reason() -> None:
    b.adopted().finds_invalid({"note"}, b.bare(api.CloseInvestigationRequest), b.ORGAN)
    assert b.transferred().when(b.bare(api.CloseInvestigationRequest), b.JUDGE)
    b.transferred().refuses("ORGAN_NOT_COMPETENT", b.bare(api.CloseInvestigationRequest), b.ORGAN)


def test_an_agency_facts_default_is_no_investigator() -> None:
    assert not AgencyFacts("x", "SWO").investigates
