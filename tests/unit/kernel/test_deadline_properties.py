"""Guards of domain/14 over any dates and acts: counting, conservation over pauses, a lapse that only states a fact."""

from datetime import date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel import duedate, period
from services.kernel.calendar import CHINA
from services.kernel.dates import to_date
from services.kernel.deadline import due_points
from services.kernel.deadline_acts import meet, pass_point, pause, recompute, resume
from services.kernel.errors import IllegalState
from services.kernel.period import Counting, Period
from tests.unit.kernel.clocks import NEXT_YEAR, after, due, started

CNP = pb.PAUSE_REASON_CONDITIONAL_NON_PROSECUTION
DAYS = st.dates(date(2014, 1, 1), date(2027, 12, 31))
INSTANTS = st.datetimes(datetime(2019, 1, 1), datetime(2027, 6, 30)).map(lambda naive: f"{naive:%Y-%m-%d %H:%M:%S}")
GAPS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 400)), max_size=6)


@given(DAYS, st.integers(1, 60), st.sampled_from(Counting), st.booleans())
def test_tim_03_a_period_never_ends_before_its_nominal_day_and_only_on_a_working_day_unless_somebody_is_held(
    start: date, days: int, counting: Counting, held: bool
) -> None:
    found = period.deadline(start, Period(days=days), counting, liberty_restricted=held)
    assert found.nominal == start + timedelta(days=days)
    if held and counting in {Counting.CRIMINAL, Counting.POLICE}:
        assert found.due == found.nominal
        assert not found.provisional
    else:
        assert CHINA.is_working_day(found.due)
        between = (found.nominal + timedelta(days=n) for n in range((found.due - found.nominal).days))
        assert not any(map(CHINA.is_working_day, between))


@given(DAYS, st.integers(1, 36))
def test_tim_04_months_end_on_the_same_day_or_the_last_and_never_pass_the_month(start: date, months: int) -> None:
    for snap in (True, False):
        end = period.add_months(start, months, snap_to_month_end=snap)
        assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
        last = (end + timedelta(days=1)).day == 1
        assert end.day == start.day or last
        if snap and (start + timedelta(days=1)).day == 1:
            assert last


@given(DAYS, st.integers(1, 30))
def test_tim_08_working_days_there_and_back_again(start: date, days: int) -> None:
    end = period.add_working_days(start, days)
    assert CHINA.is_working_day(end)
    worked = sum(CHINA.is_working_day(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))
    assert worked == days


@given(DAYS, st.integers(1, 20), st.integers(1, 20))
def test_a_longer_period_never_ends_earlier(start: date, first: int, more: int) -> None:
    for length in ("days", "working_days", "months"):
        short = period.deadline(start, Period(**{length: first}), Counting.CRIMINAL).due
        assert short <= period.deadline(start, Period(**{length: first + more}), Counting.CRIMINAL).due


@given(INSTANTS, GAPS, st.booleans())
def test_pd_r27_days_used_and_days_left_are_conserved_over_any_pauses(
    when: str, gaps: list[tuple[int, int]], held: bool
) -> None:
    clock = started("DL-PROS-1M", when, liberty_restricted=held)
    assert clock.due is not None
    whole = _nominal(clock.due) - duedate.day_of(clock.since)
    used, last_left = timedelta(), None
    for run, still in gaps:
        at = clock.since + timedelta(days=run)
        assert clock.latest_at is not None
        if at >= clock.latest_at:
            break
        stopped = after(clock, pause(clock, CNP, at))
        assert stopped.remaining is not None
        left = timedelta(days=stopped.remaining.days)
        # Paused on a holiday behind the nominal day, all of it has been used up.
        used = min(used + timedelta(days=run), whole)
        assert used + left == whole
        assert last_left is None or left <= last_left
        last_left = left
        clock = after(stopped, resume(stopped, at + timedelta(days=still)))
        assert clock.due is not None
        assert _nominal(clock.due) == duedate.day_of(clock.since) + left


@given(INSTANTS, st.integers(0, 9))
def test_a_pause_that_ends_on_its_own_day_moves_nothing(when: str, run: int) -> None:
    clock = started("DL-PROS-1M", when)
    at = clock.since + timedelta(days=run)
    stopped = after(clock, pause(clock, CNP, at))
    assert due(after(stopped, resume(stopped, at))) == due(clock)


@given(
    st.sampled_from(["DL-PROS-1M", "DL-ARREST-7D", "DL-QUEST-12H", "DL-SI-PROS", "DL-SI-ARREST", "DL-TRIAL"]),
    INSTANTS,
    st.timedeltas(timedelta(), timedelta(days=200)),
)
def test_a_lapse_states_a_fact_and_nothing_else(rule_id: str, when: str, behind: timedelta) -> None:
    clock = started(rule_id, when)
    end = clock.due_at
    assert end is not None
    events = pass_point(clock, 0, end, end + behind)
    assert [type(event) for event in events] == [pb.DeadlineExpired]
    lapsed = after(clock, events)
    assert lapsed.due == clock.due
    assert pass_point(lapsed, 0, end, end + behind) == []
    # It can still be met, by an act of before or of after: that the day is over decides nothing.
    assert after(lapsed, meet(lapsed, end + behind)).status == api.DEADLINE_STATUS_MET
    try:
        pause(lapsed, CNP, end + timedelta(days=1))
    except IllegalState as refused:
        assert refused.reason in {"DEADLINE_OVER", "PAUSE_NOT_PROVIDED"}
    else:
        raise AssertionError("a period that was over stood still")


@given(INSTANTS, st.timedeltas(timedelta(), timedelta(days=60)))
def test_due_points_are_ordered_lie_ahead_and_end_with_the_end(when: str, gone: timedelta) -> None:
    clock = started("DL-TRIAL", when)
    since = clock.since + gone
    assert clock.due_at is not None
    points = due_points(clock.due_at, since)
    assert [point.at for point in points] == sorted(point.at for point in points)
    assert all(point.at > since for point in points)
    assert [point.days_before for point in points][-1] == 0
    assert len({point.days_before for point in points}) == len(points)


@given(
    st.sampled_from(["DL-SI-PROS", "DL-JUR-5D", "DL-PROS-1M", "DL-SI-ARREST"]), st.dates(date(2026, 11, 1), date(2027, 3, 1))
)
def test_tim_10_a_recount_comes_to_what_counting_with_the_new_calendar_comes_to(rule_id: str, day: date) -> None:
    clock = started(rule_id, f"{day} 10:00")
    moved = after(clock, recompute(clock, pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, calendar=NEXT_YEAR))
    assert due(moved) == due(started(rule_id, f"{day} 10:00", calendar=NEXT_YEAR))
    assert recompute(moved, pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, calendar=NEXT_YEAR) == []


def _nominal(found: pb.Due) -> date:
    nominal = to_date(found.nominal_on)
    assert nominal is not None
    return nominal
