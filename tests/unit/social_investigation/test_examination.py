"""The organ examines: supplement, adoption, rejection, transfer, court."""

from dataclasses import replace

import pytest

from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.decision import AgencyFacts, CaseFacts
from services.social_investigation.investigation import DECIDER
from services.social_investigation.state import State
from tests.unit.gwt import Story, act
from tests.unit.social_investigation import builders as b


def summon(officer: str = "worker-1", on: str = "2026-04-01") -> api.SummonInvestigatorRequest:
    request: api.SummonInvestigatorRequest = b.bare(api.SummonInvestigatorRequest, officer=officer, hearing_on=b.day(on))
    return request


def account_in_court(officer: str = "worker-1") -> api.RecordTestimonyRequest:
    request: api.RecordTestimonyRequest = b.bare(api.RecordTestimonyRequest, officer=officer, summary="说明情况")
    return request


def in_court() -> Story[State]:
    """Adopted by the court that commissioned it at trial."""
    facts = replace(b.FACTS, case=CaseFacts(b.CASE, b.COURT, b.SUBJECT, b.ACT_ON, frozenset({b.COURT})))
    letter = b.letter(case_stage=referrals.CASE_STAGE_TRIAL, organ_uscc=b.COURT)
    story = Story.of(DECIDER, facts).after(b.create(letter=letter), b.JUDGE).after(b.issue(letter=letter), b.JUDGE)
    for command, by in (
        (b.bare(api.AcceptCommissionRequest), b.MANAGER),
        (b.assign(), b.MANAGER),
        (b.interview(), b.WORKER),
        (b.draft(no_contact_reason_carer="UNREACHABLE"), b.WORKER),
        (b.bare(api.ApproveDraftRequest), b.SUPERVISOR),
        (b.submit(), b.MANAGER),
        (b.bare(api.BeginExaminationRequest), b.JUDGE),
        (b.adopt(), b.JUDGE),
    ):
        story = story.after(command, by)
    return story


@pytest.mark.parametrize(
    "command",
    [b.bare(api.RequestSupplementRequest, questions=["问"]), b.adopt(), b.reject()],
    ids=["supplement", "adopt", "reject"],
)
def test_only_the_commissioning_organ_examines(command: object) -> None:
    b.examined().refuses("ORGAN_NOT_COMPETENT", command, b.MANAGER)
    b.submitted().refuses("ORGAN_NOT_COMPETENT", b.bare(api.BeginExaminationRequest), b.MANAGER)


def test_a_supplement_has_its_own_due_day_by_default_five_working_days() -> None:
    [asked] = b.examined().when(b.bare(api.RequestSupplementRequest, questions=["问"]), b.ORGAN)
    assert asked.due_on == b.day("2026-03-16")
    [dated] = b.examined().when(b.bare(api.RequestSupplementRequest, questions=["问"], due_on=b.day("2026-03-12")), b.ORGAN)
    assert dated.due_on == b.day("2026-03-12")
    past = b.bare(api.RequestSupplementRequest, questions=["问"], due_on=b.day("2026-03-08"))
    b.examined().finds_invalid({"due_on"}, past, b.ORGAN)


def test_si_r11_a_frozen_report_is_neither_adopted_nor_sent_on() -> None:
    b.examined().after(b.allege(), b.ORGAN).refuses("REPORT_FROZEN", b.adopt(), b.ORGAN)
    b.adopted().after(b.allege(), b.ORGAN).refuses("REPORT_FROZEN", b.transfer(), b.ORGAN)


def test_a_report_is_called_false_only_once_that_is_found() -> None:
    false = b.reject(events.NON_ADOPTION_REASON_FALSIFIED)
    b.examined().refuses("FALSIFICATION_NOT_CONFIRMED", false, b.ORGAN)
    found = b.examined().after(b.allege(), b.ORGAN).after(b.decide_falsification(confirmed=True), b.ORGAN)
    assert found.when(false, b.ORGAN)


def test_a_rejected_report_goes_on_only_where_the_file_requires_it() -> None:
    b.examined().after(b.reject(), b.ORGAN).refuses("NOT_FORWARDED", b.transfer(), b.ORGAN)
    assert b.examined().after(b.reject(forwarded_with_file=True), b.ORGAN).when(b.transfer(), b.ORGAN)


def test_si_r05_the_receiver_has_cases_of_the_stage_named() -> None:
    b.adopted().refuses("ORGAN_NOT_COMPETENT", b.transfer(b.PSB), b.ORGAN)
    b.adopted().refuses("ORGAN_NOT_COMPETENT", b.transfer(b.JUST), b.ORGAN)
    b.adopted().finds_invalid({"to_uscc"}, b.transfer(b.STRANGER), b.ORGAN)
    b.adopted().finds_invalid({"to_stage"}, b.transfer(b.PSB, referrals.CASE_STAGE_INVESTIGATION), b.ORGAN)
    b.adopted().refuses("ORGAN_NOT_COMPETENT", b.transfer(), b.MANAGER)


def test_si_r08_a_court_sends_the_report_on_to_the_executing_body() -> None:
    assert in_court().when(b.transfer(b.JUST), b.JUDGE)


def test_si_r07_a_court_with_the_file_calls_the_authors() -> None:
    [called] = b.transferred().when(summon(), b.JUDGE)
    assert called.officer == "worker-1"
    b.transferred().refuses("ORGAN_NOT_COMPETENT", summon(), b.ORGAN)
    b.transferred().finds_invalid({"officer", "hearing_on"}, summon("manager", "2026-03-08"), b.JUDGE)
    assert in_court().when(summon(), b.JUDGE)


def test_si_r07_a_procuratorate_that_received_the_file_calls_nobody() -> None:
    arrest = b.adopted(case_stage=referrals.CASE_STAGE_ARREST_REVIEW)
    kept = arrest.after(b.transfer(b.PROC, referrals.CASE_STAGE_PROSECUTION_REVIEW), b.ORGAN)
    kept.refuses("ORGAN_NOT_COMPETENT", summon(), b.ORGAN)


def test_si_r07_a_court_without_the_file_calls_nobody() -> None:
    other = replace(b.FACTS, agencies={**b.AGENCIES, b.STRANGER: AgencyFacts(b.STRANGER, "COURT")})
    b.transferred().knowing(other).refuses("ORGAN_NOT_COMPETENT", summon(), act(b.STRANGER))


def test_nobody_testifies_in_an_investigation_that_is_closed() -> None:
    closed = b.transferred().after(summon(), b.JUDGE).after(b.bare(api.CloseInvestigationRequest), b.JUDGE)
    closed.refuses("INVESTIGATION_STATE", account_in_court(), b.JUDGE)


def test_si_r07_only_who_was_called_testifies() -> None:
    b.transferred().refuses("NOT_SUMMONED", account_in_court(), b.JUDGE)
    called = b.transferred().after(summon(), b.JUDGE)
    called.refuses("NOT_SUMMONED", account_in_court("worker-2"), b.JUDGE)
    called.refuses("ORGAN_NOT_COMPETENT", account_in_court(), b.ORGAN)
    called.after(account_in_court(), b.JUDGE).refuses("NOT_SUMMONED", account_in_court(), b.JUDGE)


def test_an_unregistered_caller_is_no_court() -> None:
    story = b.transferred()
    nobody = {code: facts for code, facts in b.AGENCIES.items() if code != b.COURT}
    story.knowing(replace(b.FACTS, agencies=nobody)).refuses("ORGAN_NOT_COMPETENT", summon(), act(b.COURT))
