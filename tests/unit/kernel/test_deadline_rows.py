"""Rows of domain/10 with properties of their own: the bounds of an exam period, and times that are shorter than an hour."""

from datetime import date

import pytest

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from guanhu.intake.v1 import case_events_pb2
from services.kernel import duedate
from services.kernel.dates import from_date, to_datetime
from services.kernel.deadline import Setting
from services.kernel.deadline_acts import extend
from services.kernel.deadline_rules import RULES
from services.kernel.deadline_start import set_clock
from services.kernel.errors import IllegalState, Invalid
from services.kernel.explain import Past, explain
from services.kernel.explain_words import length
from services.kernel.registry import Registry
from services.kernel.step import CHINESE, ENGLISH, tell
from tests.unit.kernel.clocks import OWNER, after, at, due, extension, started

DECIDED = "2021-08-27 09:00"


@pytest.mark.parametrize(
    ("variant", "ends"), [("6M", date(2022, 2, 28)), ("7M", date(2022, 3, 28)), ("12M", date(2022, 8, 29))]
)
def test_dl_cnp_exam_runs_from_the_decision_for_as_long_as_the_organ_says(variant: str, ends: date) -> None:
    """DL-CNP-EXAM. 27 February 2022 is a Sunday, 27 August 2022 a Saturday."""
    assert due(started("DL-CNP-EXAM", DECIDED, variant=variant)) == ends


@pytest.mark.parametrize("variant", ["", "5M", "13M"])
def test_dl_cnp_exam_has_no_length_outside_the_bounds_of_the_law(variant: str) -> None:
    with pytest.raises(Invalid) as refused:
        started("DL-CNP-EXAM", DECIDED, variant=variant)
    assert [violation.field for violation in refused.value.violations] == ["variant"]


def test_dl_cnp_exam_is_adjusted_up_to_a_year_in_total_and_no_longer() -> None:
    clock = started("DL-CNP-EXAM", DECIDED, variant="6M")
    until = {day: extension("ADJUST", until=from_date(date.fromisoformat(day))) for day in ("2022-08-27", "2022-08-28")}
    assert due(after(clock, extend(clock, until["2022-08-27"], at("2021-12-01 09:00")))) == date(2022, 8, 27)
    with pytest.raises(Invalid) as refused:
        extend(clock, until["2022-08-28"], at("2021-12-01 09:00"))
    assert [violation.description for violation in refused.value.violations] == ["lies more than 12 months after the start"]


def test_the_number_of_the_exam_period_is_nobodys_setting() -> None:
    assert RULES["DL-CNP-EXAM"].fixed_by_law
    assert not RULES["DL-AA-DESK"].fixed_by_law and not RULES["DL-AA-ONSITE"].fixed_by_law


def test_dl_aa_desk_is_over_to_the_second_and_no_hour_is_given_away() -> None:
    """Minutes are counted from the instant itself, unlike hours."""
    clock = started("DL-AA-DESK", "2026-03-14 23:50:10")
    assert clock.due_at == clock.latest_at == at("2026-03-15 00:20:10")
    assert clock.due is not None
    assert tell(clock.due.steps[-1], CHINESE) == "30分钟，至2026-03-15 00:20"
    assert tell(clock.due.steps[-1], ENGLISH) == "30 minutes end at 2026-03-15 00:20"
    assert (length(pb.Length(minutes=30)).zh, length(pb.Length(minutes=30)).en) == ("30分钟", "30 minutes")


def test_dl_aa_desk_is_as_long_as_an_agency_made_it() -> None:
    own = Setting(OWNER, "DL-AA-DESK", "", pb.Length(minutes=45), date(2026, 1, 1))
    assert started("DL-AA-DESK", "2026-03-14 22:15", settings=[own]).due_at == at("2026-03-14 23:00")


@pytest.mark.parametrize(("variant", "ends"), [("", "2026-03-15 00:30"), ("rural", "2026-03-15 02:30")])
def test_dl_aa_onsite_is_longer_in_the_country(variant: str, ends: str) -> None:
    assert started("DL-AA-ONSITE", "2026-03-14 22:30", variant=variant).due_at == at(ends)


def test_what_is_left_of_minutes_is_exact() -> None:
    counted = duedate.count(pb.COUNTING_HOURS, at("2026-03-14 22:15"), pb.Length(minutes=30))
    left = duedate.left(pb.COUNTING_HOURS, counted, at("2026-03-14 22:30"))
    assert left == pb.Length(seconds=900)
    again = duedate.count(pb.COUNTING_HOURS, at("2026-03-14 23:00"), left)
    assert to_datetime(again.due_at) == at("2026-03-14 23:15")


def test_an_exam_period_is_not_adjusted_more_often_than_the_rule_says() -> None:
    clock = started("DL-CNP-EXAM", DECIDED, variant="6M")
    for month in range(3, 9):
        clock = after(clock, extend(clock, extension("ADJUST", until=from_date(date(2022, month, 1))), at("2021-12-01 09:00")))
    with pytest.raises(IllegalState) as refused:
        extend(clock, extension("ADJUST", until=from_date(date(2022, 8, 20))), at("2021-12-01 09:00"))
    assert refused.value.reason == "EXTENSIONS_EXHAUSTED"


@pytest.mark.parametrize(
    ("basis", "zh", "en"),
    [
        (case_events_pb2.CaseClosed.DESCRIPTOR.full_name, "豁免：结案", "waived: CaseClosed"),
        ("改由法定代理人到场", "豁免：改由法定代理人到场", "waived: 改由法定代理人到场"),
    ],
)
def test_a_waiver_is_explained_by_the_label_of_the_event_that_ended_the_matter(basis: str, zh: str, en: str) -> None:
    clock = started("DL-AA-DESK", "2026-03-14 22:15")
    first = set_clock({}, "DL-AA-DESK", at("2026-03-14 22:15"), owner=OWNER)
    waived = pb.DeadlineWaived(deadline_id=clock.deadline_id, reason=pb.WAIVER_REASON_MOOT, basis=basis)
    past = [Past(1, first, at("2026-03-14 22:15")), Past(2, waived, at("2026-03-14 22:20"))]
    lines = explain(after(clock, [waived]), past, Registry((case_events_pb2.DESCRIPTOR, pb.DESCRIPTOR)))
    told = [(line.zh, line.en) for line in lines if line.part == api.EXPLANATION_PART_HISTORY]
    assert told == [(zh, en)]
