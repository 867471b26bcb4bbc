"""Claims for expenses: time by the record of presence, within the rates, examined by somebody else."""

from datetime import date
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as assignment_api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from services.appropriate_adult import claim, rates
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.claim import ClaimState
from services.appropriate_adult.expense import minutes_attended
from services.appropriate_adult.rates import RatesState
from services.kernel.decision import Act
from tests.unit.appropriate_adult import builders as by
from tests.unit.appropriate_adult.claims import (
    ADULT,
    AFTER,
    ATTENDANCE,
    DESK,
    DISTANCE,
    FARE,
    OTHER,
    OTHER_CLAIM,
    SET,
    TAXI,
    approved,
    attended,
    item,
    no_rates,
    of_claim,
    paid,
    rate,
    set_rate,
    submit,
    submitted,
)
from tests.unit.gwt import act


def test_time_is_taken_from_the_record_and_paid_by_the_rate_of_the_day() -> None:
    [made] = attended().when(submit(item()), ADULT)
    assert (made.payer_uscc, made.attended_on, made.officer) == (by.SWO, by.day("2026-03-09"), "adult-1")
    # 95 minutes at 50 yuan an hour are 79.1666 yuan, rounded up.
    assert [(each.quantity, each.amount_fen) for each in made.items] == [(95, 7_917)]
    assert made.items[0].rate == rate()
    assert made.total_fen == 7_917


def test_time_outside_the_room_is_not_paid() -> None:
    story = by.started().after(by.leave(), by.at("10:30")).after(by.come_back(), by.at("10:50"))
    story = story.after(by.end(), by.at("11:00"))
    assert minutes_attended(story.state.sessions[by.SESSION], by.ADULT) == 40 + 10
    assert minutes_attended(story.state.sessions[by.SESSION], by.SECOND_ADULT) is None


def test_a_receipt_is_paid_up_to_the_rate_and_in_full_where_there_is_none() -> None:
    taxi, meal = item(FARE, spent_fen=4_200, receipt_no="0013"), item(OTHER, spent_fen=1_800, receipt_no="0014")
    [made] = attended().when(submit(taxi, meal), ADULT)
    assert [(each.spent_fen, each.amount_fen) for each in made.items] == [(4_200, 3_000), (1_800, 1_800)]
    assert (made.items[1].HasField("rate"), made.total_fen) == (False, 4_800)


def test_a_distance_is_paid_by_the_kilometre() -> None:
    [made] = attended().when(submit(item(DISTANCE, kilometres=36)), ADULT)
    assert [(each.quantity, each.amount_fen) for each in made.items] == [(36, 2_880)]


@pytest.mark.parametrize("claimed", [item(), item(DISTANCE, kilometres=36)])
def test_what_is_paid_by_rate_needs_one(claimed: api.ClaimedItem) -> None:
    attended(rates=RatesState()).refuses("EXPENSE_RATE_MISSING", submit(claimed), ADULT)


@pytest.mark.parametrize(
    ("claimed", "fields"),
    [
        (item(FARE), {"items[0].spent_fen", "items[0].receipt_no"}),
        (item(ATTENDANCE, spent_fen=1, receipt_no="1"), {"items[0].spent_fen", "items[0].receipt_no"}),
        (item(ATTENDANCE, kilometres=3), {"items[0].kilometres"}),
        (item(DISTANCE), {"items[0].kilometres"}),
        (item(FARE, spent_fen=1_000_001, receipt_no="1"), {"items[0].spent_fen"}),
        (item(DISTANCE, kilometres=2_001), {"items[0].kilometres"}),
    ],
)
def test_an_item_says_what_its_kind_needs_and_no_more(claimed: api.ClaimedItem, fields: set[str]) -> None:
    attended().finds_invalid(fields, submit(claimed), ADULT)


def test_a_kind_is_claimed_once() -> None:
    attended().finds_invalid({"items[1].kind"}, submit(item(), item()), ADULT)


def test_who_never_came_is_paid_nothing() -> None:
    notified = by.notified().after(by.in_session(assignment_api.CancelSessionRequest), by.at("09:00"))
    story = attended(session=notified.state.sessions[by.SESSION])
    story.refuses("EXPENSE_NOT_ATTENDED", submit(), ADULT)


def test_who_came_to_a_session_that_was_cancelled_is_paid() -> None:
    cancelled = by.arrived().after(by.in_session(assignment_api.CancelSessionRequest), by.at("10:30"))
    [made] = attended(session=cancelled.state.sessions[by.SESSION]).when(submit(TAXI), ADULT)
    assert made.total_fen == 2_550


def test_a_session_that_is_not_over_or_unknown_is_not_claimed_for() -> None:
    attended(session=by.ended().state.sessions[by.SESSION]).refuses("SESSION_NOT_OVER", submit(), ADULT)
    attended(session=None).refuses("SESSION_UNKNOWN", submit(), ADULT)


def test_one_session_is_claimed_for_once() -> None:
    attended(twin=OTHER_CLAIM).refuses("CLAIM_EXISTS", submit(), ADULT)
    [made] = attended().when(submit(), ADULT)
    assert claim.DECIDER.key(made) == claim.key_of(by.ADULT, by.SESSION)
    assert claim.DECIDER.key(events.ExpenseClaimWithdrawn()) == ""


def test_only_the_home_agency_claims_for_its_own_adults() -> None:
    attended().refuses("ORGAN_NOT_COMPETENT", submit(), act(by.CYL, "desk", AFTER))
    attended(adult=AdultState()).refuses("ADULT_UNKNOWN", submit(), ADULT)


def test_a_returned_claim_is_corrected_and_submitted_again() -> None:
    story = submitted().after(of_claim(api.ReturnExpenseClaimRequest, reason="缺票据"), DESK)
    assert story.state.status == api.CLAIM_STATUS_RETURNED
    again = story.after(submit(item()), ADULT).state
    assert (again.status, again.total_fen) == (api.CLAIM_STATUS_SUBMITTED, 7_917)
    story.finds_invalid({"session_id"}, submit(session_id=by.SECOND_SESSION), ADULT)
    story.finds_invalid({"session_id"}, submit(adult_id=by.SECOND_ADULT), ADULT)


def test_a_withdrawn_claim_can_be_submitted_again() -> None:
    story = submitted().after(of_claim(api.WithdrawExpenseClaimRequest), ADULT)
    assert story.state.status == api.CLAIM_STATUS_WITHDRAWN
    assert story.after(submit(), ADULT).state.status == api.CLAIM_STATUS_SUBMITTED
    approved().refuses("CLAIM_STATE", of_claim(api.WithdrawExpenseClaimRequest), ADULT)


def test_an_approved_claim_is_paid_with_a_reference() -> None:
    [made] = submitted().when(of_claim(api.ApproveExpenseClaimRequest), DESK)
    assert (made.officer, made.total_fen) == ("manager", 7_917 + 2_550)
    [done] = approved().when(paid(), DESK)
    assert (done.officer, done.adult_id, done.payment_reference) == ("manager", by.ADULT, "2026-031")
    assert approved().after(paid(), DESK).state.status == api.CLAIM_STATUS_PAID


def test_a_claim_is_paid_only_when_approved_and_not_in_the_future() -> None:
    submitted().refuses("CLAIM_STATE", paid(), DESK)
    approved().after(paid(), DESK).refuses("CLAIM_STATE", paid(), DESK)
    approved().finds_invalid({"paid_on"}, paid(paid_on=by.day("2026-03-11")), DESK)


def test_a_refused_claim_is_refused_for_good() -> None:
    story = submitted().after(of_claim(api.RefuseExpenseClaimRequest, reason="非必要支出"), DESK)
    assert story.state.status == api.CLAIM_STATUS_REFUSED
    story.refuses("CLAIM_STATE", submit(), ADULT)
    story.refuses("CLAIM_STATE", of_claim(api.ApproveExpenseClaimRequest), DESK)


@pytest.mark.parametrize(
    "examination",
    [
        of_claim(api.ApproveExpenseClaimRequest),
        of_claim(api.ReturnExpenseClaimRequest, reason="缺票据"),
        of_claim(api.RefuseExpenseClaimRequest, reason="非必要支出"),
    ],
)
def test_nobody_examines_an_own_claim(examination: Any) -> None:
    submitted().refuses("FOUR_EYES", examination, ADULT)
    # Submitted by the desk for an adult, it is examined neither by that officer nor by the adult.
    by_desk = attended().after(submit(), DESK)
    by_desk.refuses("FOUR_EYES", examination, DESK)
    by_desk.refuses("FOUR_EYES", examination, ADULT)
    submitted().refuses("ORGAN_NOT_COMPETENT", examination, act(by.CYL, "desk", AFTER))
    attended().refuses("CLAIM_UNKNOWN", examination, DESK)


def test_nobody_records_the_payment_of_an_own_claim() -> None:
    approved().refuses("FOUR_EYES", paid(), ADULT)


def test_an_event_of_another_kind_is_folded_into_neither_claim_nor_rates() -> None:
    with pytest.raises(TypeError):
        claim.evolve(ClaimState(), assignments.PartyAdded())
    with pytest.raises(TypeError):
        rates.evolve(RatesState(), assignments.PartyAdded())


def test_an_agency_sets_its_own_rates_from_a_day_on() -> None:
    story = no_rates().after(set_rate(), SET).after(set_rate(amount_fen=6_000, effective_on="2026-04-01"), SET)
    on = story.state.on
    assert on(ATTENDANCE, date(2025, 12, 31)) is None
    assert [found.amount_fen for day in (1, 31) if (found := on(ATTENDANCE, date(2026, 3, day)))] == [5_000, 5_000]
    later = on(ATTENDANCE, date(2026, 4, 1))
    assert later is not None
    assert later.message() == rate(amount_fen=6_000, effective_on="2026-04-01")


def test_of_two_rates_for_one_day_the_last_one_holds_and_the_same_again_is_nothing_new() -> None:
    story = no_rates().after(set_rate(), SET).after(set_rate(amount_fen=4_000), SET)
    found = story.state.on(ATTENDANCE, date(2026, 2, 1))
    assert found is not None
    assert found.amount_fen == 4_000
    assert story.when(set_rate(amount_fen=4_000), SET) == []


def test_a_rate_is_the_agencys_own_not_in_the_past_and_within_reason() -> None:
    stranger: Act = act(by.CYL, "desk", "2026-01-01 09:00")
    no_rates().refuses("ORGAN_NOT_COMPETENT", set_rate(), stranger)
    no_rates().finds_invalid({"rate.effective_on"}, set_rate(effective_on="2025-12-31"), SET)
    no_rates().finds_invalid({"rate.amount_fen"}, set_rate(amount_fen=1_000_001), SET)
