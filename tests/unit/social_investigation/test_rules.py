"""What a rule came to, and the days that nobody wrote in a letter."""

from datetime import date

import pytest

from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.kernel.dates import to_date
from services.social_investigation import clocks, rules
from services.social_investigation.state import State
from tests.unit.kernel.clocks import at


def test_law_01_a_result_names_the_version_in_force_on_the_day() -> None:
    result = rules.result("AGE-05", date(2021, 7, 1), "minor_at_act")
    assert to_date(result.law_effective_on) == date.fromisoformat(result.rule_version) <= date(2021, 7, 1)
    assert result.outcome == "minor_at_act"


def test_law_01_before_a_rule_had_a_text_it_was_practice() -> None:
    result = rules.result("SI-R02", date(2010, 1, 4), "two")
    assert (result.outcome, result.rule_version) == ("two_by_practice", "")


@pytest.mark.parametrize(
    ("state", "due"),
    [
        (State(stage=referrals.CASE_STAGE_PROSECUTION_REVIEW), date(2026, 3, 23)),
        (State(stage=referrals.CASE_STAGE_ARREST_REVIEW), date(2026, 3, 13)),
        (State(stage=referrals.CASE_STAGE_ARREST_REVIEW, host_deadline_on=date(2026, 3, 12)), date(2026, 3, 11)),
        (State(stage=referrals.CASE_STAGE_TRIAL, due_on=date(2026, 3, 20)), date(2026, 3, 20)),
        (State(stage=referrals.CASE_STAGE_TRIAL, host_deadline_on=date(2026, 3, 20)), date(2026, 3, 19)),
    ],
)
def test_si_r20_a_report_is_due_at_the_earliest_of_all_ends(state: State, due: date) -> None:
    assert clocks.due_day(clocks.report(state, at("2026-03-09 10:00"), ())) == due


def test_tim_03_four_days_of_arrest_review_roll_over_a_holiday_unless_the_host_period_ends_before() -> None:
    # 2026-10-01 to 07 are holidays: four days from the 28th of September end on the 2nd of October.
    free = State(stage=referrals.CASE_STAGE_ARREST_REVIEW)
    assert clocks.due_day(clocks.report(free, at("2026-09-28 10:00"), ())) == date(2026, 10, 8)
    in_custody = State(stage=referrals.CASE_STAGE_ARREST_REVIEW, host_deadline_on=date(2026, 10, 3))
    assert clocks.due_day(clocks.report(in_custody, at("2026-09-28 10:00"), ())) == date(2026, 9, 30)
