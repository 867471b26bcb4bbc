"""Clocks: set, paused, resumed, extended, counted anew, met, lapsed, waived, recomputed. Rule ids are those of domain/10."""

from datetime import date, timedelta
from typing import Any

import pytest

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel import duedate
from services.kernel.dates import to_date, to_datetime
from services.kernel.deadline import Setting, due_points
from services.kernel.deadline_acts import extend, meet, pass_point, pause, recompute, reset, resume, waive, waive_open
from services.kernel.deadline_rules import RULES
from services.kernel.deadline_start import set_clock
from services.kernel.errors import IllegalState, Invalid
from services.kernel.step import CHINESE, ENGLISH, tell
from tests.unit.kernel.clocks import NEXT_YEAR, OWNER, after, at, due, extension, fold, host, letter, started

CNP = pb.PAUSE_REASON_CONDITIONAL_NON_PROSECUTION


def refuses(reason: str, act: Any) -> None:
    with pytest.raises(IllegalState) as refused:
        act()
    assert refused.value.reason == reason


def finds_invalid(field: str, act: Any) -> None:
    with pytest.raises(Invalid) as refused:
        act()
    assert [violation.field for violation in refused.value.violations] == [field]


def test_dl_pros_1m_ends_at_midnight_of_its_last_day_and_says_how() -> None:
    event = set_clock({}, "DL-PROS-1M", at("2026-01-31 09:00"), owner=OWNER, trigger="file")
    assert to_datetime(event.due.due_at) == at("2026-03-01 00:00")
    assert to_date(event.due.due_on) == date(2026, 2, 28)
    assert (event.basis.law, to_date(event.basis.law_effective_on)) == ("CPL", date(2018, 10, 26))
    assert event.basis.status == pb.RULE_STATUS_VERIFIED
    assert [tell(step, ENGLISH) for step in event.due.steps] == [
        "2026-01-31 starts the period and is not counted",
        "1 months end on 2026-02-28 (TIM-04)",
    ]
    assert tell(event.due.steps[1], CHINESE) == "1个月，至2026-02-28（TIM-04）"
    # A working Saturday, exchanged for the Spring Festival, is where it ends.
    assert [(to_date(day.on), day.worked) for day in event.due.special_days] == [(date(2026, 2, 28), True)]


def test_dl_pros_15d_is_counted_from_the_nominal_end_and_rolls_unless_in_custody() -> None:
    for held, end in ((False, date(2026, 3, 16)), (True, date(2026, 3, 15))):
        clock = started("DL-PROS-1M", "2026-01-31 09:00", liberty_restricted=held)
        extended = after(clock, extend(clock, extension("DL-PROS-15D"), at("2026-02-20 10:00")))
        assert due(extended) == end
        refuses("EXTENSIONS_EXHAUSTED", lambda c=extended: extend(c, extension("DL-PROS-15D"), at("2026-02-20 11:00")))


def test_dl_arrest_7d_in_custody_no_holiday_prolongs() -> None:
    assert due(started("DL-ARREST-7D", "2026-09-24 15:00")) == date(2026, 10, 1)
    assert due(started("DL-ARREST-15D", "2026-09-24 15:00")) == date(2026, 10, 9)
    finds_invalid("liberty_restricted", lambda: started("DL-ARREST-15D", "2026-09-24 15:00", liberty_restricted=True))


def test_dl_quest_12h_is_over_to_the_second_and_read_both_ways() -> None:
    clock = started("DL-QUEST-12H", "2026-10-02 10:20:30")
    assert (clock.due_at, clock.latest_at) == (at("2026-10-02 22:20:30"), at("2026-10-02 23:00"))
    assert started("DL-QUEST-12H", "2026-10-02 10:00", variant="serious").latest_at == at("2026-10-03 10:00")
    assert meet(clock, at("2026-10-02 22:40"))[0].late is False  # type: ignore[attr-defined]
    assert meet(clock, at("2026-10-02 23:00"))[0].late is True  # type: ignore[attr-defined]


def test_a_rule_is_applied_in_the_version_of_the_day_or_not_at_all() -> None:
    event = set_clock({}, "DL-PROS-1M", at("2018-10-25 09:00"), owner=OWNER)
    assert (event.basis.status, to_date(event.basis.law_effective_on)) == (pb.RULE_STATUS_RECALLED, date(2013, 1, 1))
    refuses("RULE_NOT_IN_FORCE", lambda: started("DL-PROS-FAST", "2018-10-25 09:00"))
    finds_invalid("rule_id", lambda: started("NO-SUCH-RULE", "2026-01-05 09:00"))
    finds_invalid("variant", lambda: started("DL-PROS-FAST", "2026-01-05 09:00", variant="never"))


def test_a_second_clock_of_a_rule_is_numbered_and_never_runs_beside_the_first() -> None:
    first = set_clock({}, "DL-PROS-SUPPL-1M", at("2026-01-05 09:00"), owner=OWNER)
    clocks = fold(first)
    refuses("DEADLINE_RUNS", lambda: set_clock(clocks, "DL-PROS-SUPPL-1M", at("2026-02-05 09:00"), owner=OWNER))
    clocks = fold(*meet(clocks["DL-PROS-SUPPL-1M"], at("2026-02-02 09:00")), deadlines=clocks)
    second = set_clock(clocks, "DL-PROS-SUPPL-1M", at("2026-02-05 09:00"), owner=OWNER)
    assert second.deadline_id == "DL-PROS-SUPPL-1M#2"
    clocks = fold(second, *meet(fold(second)[second.deadline_id], at("2026-03-02 09:00")), deadlines=clocks)
    refuses("DEADLINE_TIMES_EXCEEDED", lambda: set_clock(clocks, "DL-PROS-SUPPL-1M", at("2026-03-05 09:00"), owner=OWNER))


def test_pd_r27_what_is_left_is_kept_over_a_pause_and_the_day_of_resuming_is_not_counted() -> None:
    clock = started("DL-PROS-1M", "2026-03-02 09:00")
    stopped = after(clock, pause(clock, CNP, at("2026-03-20 16:00")))
    assert (stopped.status, stopped.due_at) == (api.DEADLINE_STATUS_PAUSED, None)
    assert stopped.remaining == pb.Length(days=13)
    assert meet(stopped, at("2026-03-21 09:00"))[0].late is False  # type: ignore[attr-defined]
    again = after(stopped, resume(stopped, at("2026-09-21 09:00")))
    assert due(again) == date(2026, 10, 8)
    refuses("DEADLINE_NOT_PAUSED", lambda: resume(again, at("2026-09-21 10:00")))
    refuses("DEADLINE_PAUSED", lambda: pause(stopped, CNP, at("2026-03-21 09:00")))
    refuses("DEADLINE_PAUSED", lambda: extend(stopped, extension("DL-PROS-15D"), at("2026-03-21 09:00")))
    finds_invalid("head.occurred_at", lambda: resume(stopped, at("2026-03-20 15:59")))
    finds_invalid("head.occurred_at", lambda: pause(clock, CNP, at("2026-03-02 08:59")))


def test_a_rule_that_knows_no_pause_extension_or_reset_has_none() -> None:
    clock = started("DL-ARREST-7D", "2026-03-02 09:00")
    refuses("PAUSE_NOT_PROVIDED", lambda: pause(clock, CNP, at("2026-03-03 09:00")))
    refuses("EXTENSION_NOT_PROVIDED", lambda: extend(clock, extension("DL-PROS-15D"), at("2026-03-03 09:00")))
    refuses("RESET_NOT_PROVIDED", lambda: reset(clock, pb.RESET_CAUSE_SUPPLEMENTARY_INVESTIGATION, at("2026-03-03 09:00")))
    refuses("CUSTODY_FIXED", lambda: recompute(clock, pb.RECOMPUTE_CAUSE_LIBERTY_CHANGED))


def test_an_extension_is_approved_while_the_clock_runs_even_if_it_is_recorded_after_the_lapse() -> None:
    clock = started("DL-ARREST-15D", "2026-03-02 09:00")
    assert clock.due_at is not None
    lapsed = after(clock, pass_point(clock, 0, clock.due_at, clock.due_at))
    assert lapsed.status == api.DEADLINE_STATUS_EXPIRED
    refuses("DEADLINE_OVER", lambda: extend(lapsed, extension("DL-ARREST-20D"), at("2026-03-18 00:00")))
    extended = after(lapsed, extend(lapsed, extension("DL-ARREST-20D"), at("2026-03-17 23:59")))
    assert (extended.status, due(extended)) == (api.DEADLINE_STATUS_RUNNING, date(2026, 3, 23))


def test_less_than_the_whole_extension_may_be_approved() -> None:
    clock = started("DL-ARREST-REQ", "2026-03-02 09:00")
    assert due(after(clock, extend(clock, extension("DL-ARREST-REQ-4D", days=2), at("2026-03-04 09:00")))) == date(2026, 3, 7)
    finds_invalid("days", lambda: extend(clock, extension("DL-ARREST-REQ-4D", days=5), at("2026-03-04 09:00")))
    named = extension("DL-ARREST-REQ-4D")
    named.until.year = 2026
    finds_invalid("until", lambda: extend(clock, named, at("2026-03-04 09:00")))


def test_dl_pros_suppl_the_review_is_counted_anew_twice_and_may_be_extended_anew() -> None:
    clock = started("DL-PROS-1M", "2026-01-05 09:00")
    clock = after(clock, extend(clock, extension("DL-PROS-15D"), at("2026-02-03 09:00")))
    clock = after(clock, meet(clock, at("2026-02-10 09:00")))
    for received in ("2026-03-10 09:00", "2026-05-06 09:00"):
        clock = after(clock, reset(clock, pb.RESET_CAUSE_SUPPLEMENTARY_INVESTIGATION, at(received)))
        assert (clock.status, clock.extensions) == (api.DEADLINE_STATUS_RUNNING, ())
    assert due(clock) == date(2026, 6, 8)
    refuses("RESETS_EXHAUSTED", lambda: reset(clock, pb.RESET_CAUSE_SUPPLEMENTARY_INVESTIGATION, at("2026-06-01 09:00")))


def test_si_r20_a_report_is_due_before_the_letter_and_the_host_period_say_so() -> None:
    clock = started("DL-SI-PROS", "2026-03-09 10:00", caps=[letter("2026-03-20"), host("2026-03-19")])
    assert due(clock) == date(2026, 3, 18)
    assert clock.due is not None
    assert [tell(step, ENGLISH) for step in clock.due.steps[-2:]] == [
        "the letter of commission names 2026-03-20, which comes first",
        "the host period ends on 2026-03-19; 1 working days before it is 2026-03-18, which comes first",
    ]
    assert due(started("DL-SI-PROS", "2026-03-09 10:00", caps=[letter("2026-04-20")])) == date(2026, 3, 23)


def test_dl_si_arrest_four_days_roll_over_a_holiday() -> None:
    assert due(started("DL-SI-ARREST", "2026-09-29 10:00")) == date(2026, 10, 8)


def test_dl_si_pros_the_organ_extends_to_a_day_that_leaves_the_host_period_five_working_days() -> None:
    clock = started("DL-SI-PROS", "2026-03-09 10:00")

    def until(day: str) -> api.ExtendDeadlineRequest:
        asked = extension("ORGAN")
        asked.until.year, asked.until.month, asked.until.day = map(int, day.split("-"))
        return asked

    host_on = date(2026, 4, 9)
    finds_invalid("until", lambda: extend(clock, extension("ORGAN"), at("2026-03-10 10:00"), host_on=host_on))
    finds_invalid("until", lambda: extend(clock, until("2026-03-23"), at("2026-03-10 10:00"), host_on=host_on))
    finds_invalid("until", lambda: extend(clock, until("2026-04-02"), at("2026-03-10 10:00"), host_on=host_on))
    extended = after(clock, extend(clock, until("2026-04-01"), at("2026-03-10 10:00"), host_on=host_on))
    assert due(extended) == date(2026, 4, 1)
    assert recompute(extended, pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, calendar=NEXT_YEAR) == []


def test_a_day_that_the_organ_named_is_the_last_one() -> None:
    clock = started("DL-SI-SUPPL", "2026-03-09 10:00", given=date(2026, 3, 11))
    assert due(clock) == date(2026, 3, 11)
    assert clock.due is not None
    assert [tell(step, ENGLISH) for step in clock.due.steps] == ["the organ named 2026-03-11"]


def test_an_agencys_own_number_holds_from_its_day_on_where_no_law_fixes_it() -> None:
    own = [
        Setting("agency", "DL-SI-PROS", "", pb.Length(working_days=days), date(2026, month, 1))
        for days, month in ((9, 1), (8, 3), (3, 4))
    ]
    own.append(Setting("agency", "DL-PROS-1M", "", pb.Length(days=3), date(2026, 1, 1)))
    event = set_clock({}, "DL-SI-PROS", at("2026-03-09 10:00"), owner=OWNER, settings=own)
    assert (event.due.counted, event.basis.setting_uscc) == (pb.Length(working_days=8), "agency")
    own.append(Setting("agency", "DL-SI-PROS", "", None, date(2026, 3, 1)))
    default = set_clock({}, "DL-SI-PROS", at("2026-03-09 10:00"), owner=OWNER, settings=own)
    assert (default.due.counted, default.basis.setting_uscc) == (pb.Length(working_days=10), "")
    fixed = set_clock({}, "DL-PROS-1M", at("2026-03-09 10:00"), owner=OWNER, settings=own)
    assert (fixed.due.counted, fixed.basis.setting_uscc) == (pb.Length(months=1), "")


def test_met_late_is_recorded_as_late_and_counts_once() -> None:
    clock = started("DL-RIGHTS-3D", "2026-03-02 09:00")
    assert meet(clock, at("2026-03-05 23:59:59"))[0].late is False  # type: ignore[attr-defined]
    assert meet(clock, at("2026-03-06 00:00"))[0].late is True  # type: ignore[attr-defined]
    met = after(clock, meet(clock, at("2026-03-05 09:00")))
    assert meet(met, at("2026-03-05 10:00")) == []
    refuses("DEADLINE_CLOSED", lambda: pause(met, CNP, at("2026-03-05 10:00")))


def test_what_is_waived_is_waived_once_and_met_no_more() -> None:
    clock = started("DL-RIGHTS-3D", "2026-03-02 09:00")
    [waived] = waive_open({clock.deadline_id: clock}, "CaseClosed")
    gone = after(clock, [waived])
    assert waive(gone, pb.WAIVER_REASON_MOOT, "CaseClosed") == []
    refuses("DEADLINE_CLOSED", lambda: meet(gone, at("2026-03-03 09:00")))


def test_a_due_point_is_passed_once_and_only_for_the_end_that_stands() -> None:
    clock = started("DL-TRIAL", "2026-03-02 09:00")
    end = clock.due_at
    assert end is not None
    day = timedelta(days=1)
    [warned] = pass_point(clock, 30, end, end - 30 * day)
    clock = after(clock, [warned])
    assert pass_point(clock, 30, end, end - 30 * day) == []
    assert pass_point(clock, 14, end, end + day) == []
    assert pass_point(clock, 0, end, end - day) == []
    assert pass_point(clock, 0, end + day, end + day) == []
    [lapsed] = pass_point(clock, 0, end, end)
    assert isinstance(lapsed, pb.DeadlineExpired)
    assert pass_point(after(clock, [lapsed]), 0, end, end) == []


def test_due_points_lie_ahead_and_a_file_entered_from_paper_gets_a_day() -> None:
    end = at("2026-04-03 00:00")
    ahead = [(point.days_before, point.at) for point in due_points(end, at("2026-03-02 09:00"))]
    assert ahead == [
        (30, at("2026-03-04 00:00")),
        (14, at("2026-03-20 00:00")),
        (7, at("2026-03-27 00:00")),
        (1, at("2026-04-02 00:00")),
        (0, at("2026-04-03 00:00")),
    ]
    [late] = due_points(end, at("2026-06-01 08:00"))
    assert (late.days_before, late.at) == (0, at("2026-06-02 08:00"))


def test_tim_10_a_published_calendar_moves_a_provisional_date_and_says_so() -> None:
    clock = started("DL-SI-PROS", "2026-12-25 09:00", variant="simple")
    assert due(clock) == date(2027, 1, 4)
    assert clock.due is not None and clock.due.provisional
    [event] = recompute(clock, pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, calendar=NEXT_YEAR)
    assert isinstance(event, pb.DeadlineRecomputed)
    assert (event.moved, event.due_before, event.calendar_version_before) == (True, clock.due.due_at, "cn-2026.1")
    moved = after(clock, [event])
    assert due(moved) == date(2027, 1, 2)
    assert moved.due is not None and not moved.due.provisional
    assert recompute(moved, pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, calendar=NEXT_YEAR) == []
    assert recompute(after(moved, meet(moved, at("2026-12-26 09:00"))), 1, calendar=NEXT_YEAR) == []


def test_tim_10_a_date_that_only_becomes_final_keeps_its_warnings() -> None:
    clock = started("DL-JUR-5D", "2027-01-14 09:00")
    assert clock.due is not None and clock.due.provisional
    clock = after(clock, pass_point(clock, 1, clock.due_at or at("2027-01-01 00:00"), at("2027-01-18 00:00")))
    [event] = recompute(clock, pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, calendar=NEXT_YEAR)
    final = after(clock, [event])
    assert (event.moved, final.warned) == (False, frozenset({1}))  # type: ignore[attr-defined]


def test_tim_10_the_host_periods_calendar_makes_a_report_provisional() -> None:
    clock = started("DL-SI-ARREST", "2026-12-30 09:00", caps=[host("2027-01-04")])
    assert clock.due is not None and clock.due.provisional
    [event] = recompute(clock, pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, calendar=NEXT_YEAR)
    assert due(after(clock, [event])) == date(2027, 1, 3)
    fixed = started("DL-SI-PROS", "2026-12-30 09:00", caps=[letter("2027-01-05")])
    assert fixed.due is not None and not fixed.due.provisional


def test_tim_03_a_release_from_custody_lets_the_holiday_roll() -> None:
    clock = started("DL-PROS-1M", "2026-01-15 09:00", liberty_restricted=True)
    assert due(clock) == date(2026, 2, 15)
    [event] = recompute(clock, pb.RECOMPUTE_CAUSE_LIBERTY_CHANGED, liberty_restricted=False)
    assert due(after(clock, [event])) == date(2026, 2, 24)


def test_every_row_of_the_law_page_names_its_source_in_both_languages() -> None:
    for rule in RULES.values():
        assert rule.name.zh and rule.name.en and rule.trigger.zh and rule.expiry.en
        assert rule.versions and all(version.article.zh and version.lengths for version in rule.versions)
        assert all(variant == "" or variant in rule.variants for version in rule.versions for variant in version.lengths)
    assert RULES["DL-PROS-1M"].fixed_by_law and not RULES["DL-SI-PROS"].fixed_by_law


def test_what_is_left_of_hours_is_exact_to_the_second_and_of_working_days_counts_no_holiday() -> None:
    hours = duedate.count(pb.COUNTING_HOURS, at("2026-10-01 10:20"), pb.Length(hours=24))
    left = duedate.left(pb.COUNTING_HOURS, hours, at("2026-10-01 20:20:01"))
    assert left == pb.Length(seconds=14 * 3600 - 1)
    again = duedate.count(pb.COUNTING_HOURS, at("2026-10-03 08:00"), left)
    assert to_datetime(again.due_at) == to_datetime(again.latest_at) == at("2026-10-03 21:59:59")
    days = duedate.count(pb.COUNTING_WORKING_DAYS, at("2026-09-29 10:00"), pb.Length(working_days=5))
    assert duedate.left(pb.COUNTING_WORKING_DAYS, days, at("2026-10-01 10:00")) == pb.Length(working_days=4)


def test_calendar_days_end_on_their_day_whatever_day_it_is() -> None:
    counted = duedate.count(pb.COUNTING_CALENDAR_DAYS, at("2026-09-29 10:00"), pb.Length(days=4))
    assert to_date(counted.due_on) == date(2026, 10, 3)


def test_dl_aa_offer_is_shorter_than_an_hour_and_says_so_in_seconds() -> None:
    event = set_clock({}, "DL-AA-OFFER", at("2026-03-14 22:15"), owner=OWNER)
    assert to_datetime(event.due.due_at) == at("2026-03-14 22:25")
    assert [tell(step, ENGLISH) for step in event.due.steps] == [
        "2026-03-14 22:15 starts the period and is not counted (TIM-01)",
        "600 seconds end at 2026-03-14 22:25",
    ]
    assert tell(event.due.steps[1], CHINESE) == "600秒，至2026-03-14 22:25"
