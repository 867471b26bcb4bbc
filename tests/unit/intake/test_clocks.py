"""The clocks of a case that the organs keep, such as DL-PROS-1M, and the lengths that an agency makes its own."""

from typing import Any

import pytest

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as clocks
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from services.intake import agency
from tests.unit.gwt import Story, act
from tests.unit.intake import builders as b


def on_case(kind: Any, **fields: Any) -> Any:
    """A command on a clock of the case."""
    return b.command(kind, service="intake", stream=f"case-{b.CASE}", **fields)


def start(rule_id: str = "DL-PROS-1M", **fields: Any) -> Any:
    """SetDeadline."""
    return on_case(clocks.SetDeadlineRequest, rule_id=rule_id, **fields)


def test_dl_pros_1m_a_handling_organ_starts_its_clock_and_the_others_are_told() -> None:
    case = b.opened().after(b.participate(b.PSB, directory.PARTICIPANT_SCOPE_HANDLING), b.ORGAN)
    [clock] = case.clocks(start(liberty_restricted=True), b.ORGAN)
    assert (clock.owner_uscc, list(clock.informed_usccs)) == (b.PROC, [b.PSB])
    case.refuses("ORGAN_NOT_COMPETENT", start("DL-TRIAL"), b.ORGAN)
    case.refuses("NOT_HANDLING", start(), act(b.COURT))


def test_dl_arrest_7d_and_dl_pros_suppl_1m_run_side_by_side_in_one_case() -> None:
    case = b.opened().after(start("DL-ARREST-7D"), b.ORGAN).after(start("DL-PROS-SUPPL-1M"), b.ORGAN)
    assert set(case.state.deadlines) == {"DL-ARREST-7D", "DL-PROS-SUPPL-1M"}


def test_a_closed_case_ends_its_clocks_and_a_late_due_point_says_nothing() -> None:
    case = b.opened().after(start(), b.ORGAN)
    clock = case.state.deadlines["DL-PROS-1M"]
    assert clock.due is not None
    closing = b.command(api.CloseCaseRequest, case_id=b.CASE, reason="不起诉")
    [waived] = case.clocks(closing, b.ORGAN)
    assert (waived.reason, waived.basis) == (pb.WAIVER_REASON_MOOT, "guanhu.intake.v1.CaseClosed")
    closed = case.after(closing, b.ORGAN)
    point = on_case(clocks.PassDuePointRequest, deadline_id="DL-PROS-1M", due_at=clock.due.due_at)
    assert closed.clocks(point, act("guanhu:intake", "", at="2026-05-01 00:00")) == []
    closed.refuses("CASE_CLOSED", start("DL-RIGHTS-3D"), b.ORGAN)


def test_a_lapse_leaves_the_case_as_it_was() -> None:
    case = b.opened().after(start(), b.ORGAN)
    clock = case.state.deadlines["DL-PROS-1M"]
    assert clock.due is not None
    point = on_case(clocks.PassDuePointRequest, deadline_id="DL-PROS-1M", due_at=clock.due.due_at)
    lapsed = case.after(point, act("guanhu:intake", "", at="2026-05-01 00:00"))
    assert lapsed.state.deadlines["DL-PROS-1M"].status == clocks.DEADLINE_STATUS_EXPIRED
    assert (lapsed.state.closed, lapsed.state.participants) == (case.state.closed, case.state.participants)


REGISTERED = Story.of(agency.DECIDER, b.FACTS).after(b.register_agency(), b.REGISTRAR)


def setting(rule_id: str = "DL-SI-PROS", days: int | None = 8, **fields: Any) -> Any:
    """ChangeDeadlineSetting."""
    length = {} if days is None else {"length": pb.Length(working_days=days)}
    return b.command(
        api.ChangeDeadlineSettingRequest,
        uscc=b.PROC,
        rule_id=rule_id,
        **{"effective_on": b.day("2026-04-01"), "reason": "本院规定", **length, **fields},
    )


def test_an_agency_makes_a_proposed_number_its_own_from_a_day_on_and_goes_back() -> None:
    changed: Any
    [changed] = REGISTERED.when(setting(), b.ORGAN)
    assert (changed.rule_id, changed.length, changed.effective_on) == (
        "DL-SI-PROS",
        pb.Length(working_days=8),
        b.day("2026-04-01"),
    )
    own = REGISTERED.after(setting(), b.ORGAN)
    assert own.when(setting(), b.ORGAN) == []
    back = own.after(setting(days=None, effective_on=b.day("2026-05-01")), b.ORGAN)
    assert [kept.length for kept in back.state.settings] == [pb.Length(working_days=8), None]


def test_a_number_of_the_law_is_nobodys_setting() -> None:
    REGISTERED.refuses("DEADLINE_FIXED_BY_LAW", setting("DL-PROS-1M"), b.ORGAN)
    Story.of(agency.DECIDER, b.FACTS).refuses("AGENCY_UNKNOWN", setting(), b.ORGAN)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"variant": "never"}, {"variant"}),
        ({"length": pb.Length(days=8)}, {"length"}),
        ({"length": pb.Length(days=8, working_days=8)}, {"length"}),
        ({"effective_on": b.day("2026-03-08")}, {"effective_on"}),
        ({"rule_id": "NO-SUCH-RULE"}, {"rule_id"}),
    ],
)
def test_a_setting_is_one_number_in_the_unit_of_the_rule_and_never_looks_back(fields: dict[str, Any], wrong: set[str]) -> None:
    REGISTERED.finds_invalid(wrong, setting(**fields), b.ORGAN)
