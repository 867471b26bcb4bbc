"""The clocks of an investigation: DL-SI-ACCEPT, DL-SI-ARREST, DL-SI-PROS, DL-SI-SUPPL beside its events."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.dates import from_datetime, to_date
from services.kernel.deadline import Setting
from services.kernel.errors import Invalid
from tests.unit.gwt import act
from tests.unit.social_investigation import builders as b


def on_clock(kind: Any, deadline_id: str, **fields: Any) -> Any:
    """A command on a clock of the investigation."""
    stream = f"investigation-{b.INVESTIGATION}"
    return kind(head=b.head(), service="social_investigation", stream=stream, deadline_id=deadline_id, **fields)


def point(clock: Any, days_before: int = 0) -> Any:
    """The scheduler's command for a due point of a running clock."""
    return on_clock(clock_api.PassDuePointRequest, clock.deadline_id, days_before=days_before, due_at=clock.due.due_at)


def due_on(event: Any) -> date | None:
    return to_date(event.due.due_on)


def test_dl_si_accept_runs_from_the_letter_and_is_met_by_either_answer() -> None:
    [clock] = b.drafted().clocks(b.issue(), b.ORGAN)
    assert (clock.deadline_id, clock.owner_uscc, list(clock.informed_usccs)) == ("DL-SI-ACCEPT", b.SWO, [b.PROC])
    assert due_on(clock) == date(2026, 3, 11)
    declined = b.commissioned().clocks(b.bare(api.DeclineCommissionRequest, reason=events.DECLINE_REASON_CAPACITY), b.MANAGER)
    assert [type(event) for event in declined] == [pb.DeadlineMet]
    met, report = b.commissioned().clocks(b.bare(api.AcceptCommissionRequest), act(b.SWO, at="2026-03-12 00:00"))
    assert (met.deadline_id, met.late, met.by) == (
        "DL-SI-ACCEPT",
        True,
        "guanhu.social_investigation.v1.CommissionAccepted",
    )
    assert report.deadline_id == "DL-SI-PROS"


@pytest.mark.parametrize(
    ("changes", "deadline_id", "variant", "due"),
    [
        ({}, "DL-SI-PROS", "", date(2026, 3, 23)),
        ({"urgency": forms.URGENCY_SIMPLE}, "DL-SI-PROS", "simple", date(2026, 3, 16)),
        ({"case_stage": referrals.CASE_STAGE_ARREST_REVIEW}, "DL-SI-ARREST", "", date(2026, 3, 13)),
    ],
)
def test_the_reports_clock_follows_stage_and_urgency(
    changes: dict[str, Any], deadline_id: str, variant: str, due: date
) -> None:
    story = b.commissioned(**changes)
    accept = b.bare(api.AcceptCommissionRequest)
    _, clock = story.clocks(accept, b.MANAGER)
    assert (clock.deadline_id, clock.basis.variant, due_on(clock)) == (deadline_id, variant, due)
    # The day in the investigation's own event is the clock's.
    assert to_date(story.when(accept, b.MANAGER)[0].report_due_on) == due


def test_the_organs_own_number_replaces_a_proposed_one() -> None:
    own = Setting(b.PROC, "DL-SI-PROS", "", pb.Length(working_days=8), date(2026, 1, 1))
    story = b.commissioned().knowing(replace(b.FACTS, settings=(own,)))
    _, clock = story.clocks(b.bare(api.AcceptCommissionRequest), b.MANAGER)
    assert (clock.basis.setting_uscc, due_on(clock)) == (b.PROC, date(2026, 3, 19))


def test_handing_in_meets_the_reports_clock_and_a_supplement_starts_its_own() -> None:
    [met] = b.approved().clocks(b.submit(), b.MANAGER)
    assert (met.deadline_id, met.late) == ("DL-SI-PROS", False)
    [defaulted] = b.examined().clocks(b.bare(api.RequestSupplementRequest, questions=["问"]), b.ORGAN)
    assert (defaulted.deadline_id, due_on(defaulted)) == ("DL-SI-SUPPL", date(2026, 3, 16))
    ask = b.bare(api.RequestSupplementRequest, questions=["问"], due_on=b.day("2026-03-12"))
    [named] = b.examined().clocks(ask, b.ORGAN)
    assert due_on(named) == date(2026, 3, 12)


@pytest.mark.parametrize(
    "command",
    [
        b.bare(api.WithdrawCommissionRequest, reason=events.WITHDRAWAL_REASON_CASE_DISMISSED),
        b.bare(api.TerminateInvestigationRequest, reason=events.TERMINATION_REASON_SUBJECT_DIED),
    ],
    ids=["withdrawn", "terminated"],
)
def test_what_ends_the_investigation_ends_its_clocks(command: Any) -> None:
    [waived] = b.in_progress().clocks(command, b.ORGAN)
    assert (waived.deadline_id, waived.reason) == ("DL-SI-PROS", pb.WAIVER_REASON_MOOT)


def test_a_lapse_is_a_fact_that_leaves_the_investigation_as_it_was() -> None:
    story = b.in_progress()
    clock = story.state.deadlines["DL-SI-PROS"]
    scheduler = act("guanhu:social_investigation", "", at="2026-03-24 00:00", by_service=True)
    lapsed = story.after(point(clock), scheduler)
    assert lapsed.state.deadlines["DL-SI-PROS"].status == clock_api.DEADLINE_STATUS_EXPIRED
    assert replace(lapsed.state, deadlines={}) == replace(story.state, deadlines={})
    assert lapsed.clocks(point(clock), scheduler) == []


def test_the_commissioning_organ_extends_and_lateness_follows_the_extension() -> None:
    until = b.day("2026-03-27")
    extend = on_clock(
        clock_api.ExtendDeadlineRequest,
        "DL-SI-PROS",
        extension_id="ORGAN",
        basis="住院",
        approved_by=b.PROC,
        until=until,
    )
    b.in_progress().refuses("ORGAN_NOT_COMPETENT", extend, b.MANAGER)
    extended = b.approved().after(extend, b.ORGAN)
    assert extended.state.report_due_on == date(2026, 3, 27)
    [submitted] = extended.when(b.submit(), act(b.SWO, "manager", at="2026-03-26 10:00"))
    assert not submitted.late


def test_a_host_period_bounds_the_organs_extension() -> None:
    story = b.in_progress(host_deadline_id="DL-PROS-1M", host_deadline_on=b.day("2026-04-09"))
    extend = on_clock(
        clock_api.ExtendDeadlineRequest,
        "DL-SI-PROS",
        extension_id="ORGAN",
        basis="住院",
        approved_by=b.PROC,
        until=b.day("2026-04-02"),
    )
    with pytest.raises(Invalid):
        story.when(extend, b.ORGAN)


def test_other_commands_on_clocks_come_to_their_events_and_an_unknown_clock_to_none() -> None:
    story = b.in_progress()
    for kind, fields, comes_to in (
        (clock_api.MeetDeadlineRequest, {}, pb.DeadlineMet),
        (clock_api.WaiveDeadlineRequest, {"reason": pb.WAIVER_REASON_ORGAN_DECISION, "basis": "决定"}, pb.DeadlineWaived),
    ):
        [event] = story.clocks(on_clock(kind, "DL-SI-PROS", **fields), b.ORGAN)
        assert isinstance(event, comes_to)
    recompute = {"cause": pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED}
    assert story.clocks(on_clock(clock_api.RecomputeDeadlineRequest, "DL-SI-PROS", **recompute), b.ORGAN) == []
    cnp = {"reason": pb.PAUSE_REASON_CONDITIONAL_NON_PROSECUTION}
    story.refuses("PAUSE_NOT_PROVIDED", on_clock(clock_api.PauseDeadlineRequest, "DL-SI-PROS", **cnp), b.ORGAN)
    story.refuses("DEADLINE_NOT_PAUSED", on_clock(clock_api.ResumeDeadlineRequest, "DL-SI-PROS"), b.ORGAN)
    back = {"cause": pb.RESET_CAUSE_JURISDICTION_CHANGED}
    story.refuses("RESET_NOT_PROVIDED", on_clock(clock_api.ResetDeadlineRequest, "DL-SI-PROS", **back), b.ORGAN)
    story.refuses("DEADLINE_UNKNOWN", on_clock(clock_api.MeetDeadlineRequest, "DL-SI-SUPPL"), b.ORGAN)
    start = clock_api.SetDeadlineRequest(
        head=b.head(), service="social_investigation", stream=f"investigation-{b.INVESTIGATION}", rule_id="DL-PROS-1M"
    )
    story.refuses("DEADLINE_SET_BY_EVENTS", start, b.ORGAN)


def test_a_point_of_a_moved_date_is_passed_by() -> None:
    story = b.in_progress()
    clock = story.state.deadlines["DL-SI-PROS"]
    stale = point(clock)
    stale.due_at.CopyFrom(from_datetime(datetime.fromisoformat("2026-03-20T00:00:00+08:00")))
    assert story.clocks(stale, act("guanhu:social_investigation", "", at="2026-03-24 00:00")) == []
