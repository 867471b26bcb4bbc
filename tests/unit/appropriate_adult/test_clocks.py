"""The clocks of an assignment: the desk's answer (DL-AA-DESK) and the adult's arrival (DL-AA-ONSITE)."""

from datetime import date
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from services.appropriate_adult.rules import AssignmentFacts
from services.kernel.dates import to_datetime
from services.kernel.deadline import Setting
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story

DESK, ON_SITE = "DL-AA-DESK", "DL-AA-ONSITE"
CONFIRM = b.command(api.ConfirmAdultRequest)
NO_SHOW = b.in_session(api.RecordNoShowRequest)
OWN_NUMBERS = (
    Setting(b.PSB, DESK, "", clocks.Length(minutes=45), date(2026, 1, 1)),
    Setting(b.PSB, ON_SITE, "", clocks.Length(hours=3), date(2026, 1, 1)),
)


def on_clock(kind: Any, deadline_id: str, **fields: Any) -> Any:
    """A command on a clock of the assignment."""
    stream = f"assignment-{b.ASSIGNMENT}"
    return kind(head=b.head(), service="appropriate_adult", stream=stream, deadline_id=deadline_id, **fields)


def told(found: Any) -> list[tuple[str, str]]:
    """Kind and clock of each event."""
    return [(type(event).__name__.removeprefix("Deadline"), event.deadline_id) for event in found]


def with_settings(story: Story[Any]) -> Story[Any]:
    facts = story.facts
    assert isinstance(facts, AssignmentFacts)
    return story.knowing(AssignmentFacts(b.AGENCIES, facts.case, settings=OWN_NUMBERS, adult=facts.adult))


def test_dl_aa_desk_runs_half_an_hour_from_the_request_and_the_request_names_its_end() -> None:
    [clock] = b.required().clocks(b.ask(), b.at("08:15"))
    assert (clock.deadline_id, clock.owner_uscc, list(clock.informed_usccs)) == (DESK, b.CYL, [b.PSB])
    assert clock.due.due_at == b.instant("2026-03-09 08:45")
    assert clock.trigger == events.AppropriateAdultRequested.DESCRIPTOR.full_name
    [requested] = b.required().when(b.ask(), b.at("08:15"))
    assert requested.answer_by == clock.due.due_at


def test_dl_aa_desk_is_met_by_a_proposal_or_by_saying_that_there_is_nobody() -> None:
    nobody = b.command(api.RecordNoAdultFoundRequest, note="县内无备勤")
    for answer in (b.propose(), nobody):
        [met] = b.requested().clocks(answer, b.at("08:44", b.DESK))
        assert (met.deadline_id, met.late) == (DESK, False)
        [late] = b.requested().clocks(answer, b.at("08:45", b.DESK))
        assert late.late


def test_dl_aa_desk_begins_anew_where_another_body_is_asked() -> None:
    again = b.requested().clocks(b.ask(provider_uscc=b.SWO), b.at("08:30"))
    assert told(again) == [("Waived", DESK), ("Set", f"{DESK}#2")]
    assert (again[0].reason, again[1].owner_uscc) == (clocks.WAIVER_REASON_MOOT, b.SWO)
    after_answer = b.requested().after(b.command(api.RecordNoAdultFoundRequest, note="无"), b.at("08:20", b.DESK))
    assert told(after_answer.clocks(b.ask(), b.at("08:30"))) == [("Set", f"{DESK}#2")]


def test_an_organ_that_calls_a_relative_itself_waits_for_no_desk() -> None:
    itself = b.ask(provider_uscc=b.PSB)
    assert b.required().clocks(itself, b.at("08:15")) == []
    [requested] = b.required().when(itself, b.at("08:15"))
    assert requested.answer_by == b.instant("2026-03-09 08:45")


@pytest.mark.parametrize(
    ("confirmed_at", "rural", "ends"),
    [
        ("08:30", False, "10:30"),
        ("07:00", False, "10:00"),
        ("08:30", True, "12:30"),
        ("05:00", True, "10:00"),
    ],
)
def test_dl_aa_onsite_ends_two_hours_after_confirmation_or_when_the_session_begins(
    confirmed_at: str, rural: bool, ends: str
) -> None:
    """DL-AA-ONSITE: four hours in the country; the session is planned for ten."""
    confirm = b.command(api.ConfirmAdultRequest, rural=rural)
    [clock] = b.consulted().clocks(confirm, b.at(confirmed_at))
    assert (clock.deadline_id, clock.owner_uscc) == (ON_SITE, b.SWO)
    assert list(clock.informed_usccs) == sorted([b.PSB, b.CYL])
    assert clock.due.due_at == b.instant(f"2026-03-09 {ends}")
    [confirmed] = b.consulted().when(confirm, b.at(confirmed_at))
    assert confirmed.on_site_by == clock.due.due_at


def test_dl_aa_onsite_is_met_when_the_adult_comes_and_once() -> None:
    [met] = b.notified().clocks(b.arrive(), b.at("09:50"))
    assert (met.deadline_id, met.late, met.by) == (ON_SITE, False, events.AppropriateAdultArrived.DESCRIPTOR.full_name)
    further = b.command(api.ScheduleSessionRequest, session=b.plan(b.SECOND_SESSION), place="某县")
    story = b.closed().after(further, b.at("12:00")).after(b.reservation(b.SECOND_SESSION), b.SYSTEM)
    assert story.clocks(b.arrive(session_id=b.SECOND_SESSION), b.at("13:00")) == []


@pytest.mark.parametrize(
    ("leaving", "when"),
    [
        (NO_SHOW, "10:15"),
        (b.command(api.ReplaceAdultRequest, reason=events.REPLACEMENT_REASON_ILLNESS), "09:00"),
        (b.check(events.EXCLUSION_INTEREST), "09:00"),
        (b.in_session(api.CancelSessionRequest), "09:00"),
    ],
    ids=["no show", "replaced", "conflict", "cancelled"],
)
def test_nobody_waits_for_an_adult_who_is_expected_no_more(leaving: Any, when: str) -> None:
    [waived] = b.notified().clocks(leaving, b.at(when))
    assert (waived.deadline_id, waived.reason) == (ON_SITE, clocks.WAIVER_REASON_MOOT)


def test_a_second_adult_is_waited_for_anew() -> None:
    story = b.notified().after(NO_SHOW, b.at("10:15"))
    story = b.knowing(story, adult_id=b.SECOND_ADULT).after(
        b.propose(b.SECOND_CANDIDATE, b.SECOND_ADULT), b.at("10:16", b.DESK)
    )
    story = story.after(b.reservation(b.SECOND_CANDIDATE), b.SYSTEM)
    story = story.after(b.check(), b.at("10:17")).after(b.consult(), b.at("10:18"))
    [clock] = story.clocks(CONFIRM, b.at("10:20"))
    assert (clock.deadline_id, clock.due.due_at) == (f"{ON_SITE}#2", b.instant("2026-03-09 12:20"))


def test_what_is_open_when_the_assignment_ends_is_waived() -> None:
    release = b.command(api.ReleaseAssignmentRequest, end=events.ASSIGNMENT_END_NEED_ENDED)
    assert told(b.requested().clocks(release, b.at("08:20"))) == [("Waived", DESK)]
    assert told(b.notified().clocks(release, b.at("09:00"))) == [("Waived", ON_SITE)]
    assert b.closed().clocks(b.command(api.CompleteAssignmentRequest), b.at("12:00")) == []


def test_an_organ_waits_as_long_as_its_own_numbers_say() -> None:
    [desk] = with_settings(b.required()).clocks(b.ask(), b.at("08:15"))
    assert desk.due.due_at == b.instant("2026-03-09 09:00")
    assert desk.basis.setting_uscc == b.PSB
    [on_site] = with_settings(b.consulted()).clocks(CONFIRM, b.at("08:30"))
    assert on_site.due.due_at == b.instant("2026-03-09 11:30")


def test_a_lapse_is_a_fact_and_the_answer_counts_all_the_same() -> None:
    pass_point = on_clock(clock_api.PassDuePointRequest, DESK, due_at=b.instant("2026-03-09 08:45"))
    lapsed = b.requested().after(pass_point, b.at("08:45", b.SYSTEM))
    assert lapsed.state.status == api.ASSIGNMENT_STATUS_REQUESTED
    [met] = lapsed.clocks(b.propose(), b.at("08:50", b.DESK))
    assert met.late
    assert to_datetime(met.met_at) == b.at("08:50").occurred_at


def test_the_organ_alone_waives_and_nobody_starts_a_clock_by_hand() -> None:
    waive = on_clock(
        clock_api.WaiveDeadlineRequest, DESK, reason=clocks.WAIVER_REASON_ORGAN_DECISION, basis="改由法定代理人到场"
    )
    assert told(b.requested().clocks(waive, b.at("08:20"))) == [("Waived", DESK)]
    b.requested().refuses("ORGAN_NOT_COMPETENT", waive, b.at("08:20", b.DESK))
    set_by_hand = clock_api.SetDeadlineRequest(
        head=b.head(), service="appropriate_adult", stream=f"assignment-{b.ASSIGNMENT}", rule_id=DESK
    )
    b.requested().refuses("DEADLINE_SET_BY_EVENTS", set_by_hand, b.at("08:20"))
    b.requested().refuses("DEADLINE_UNKNOWN", on_clock(clock_api.MeetDeadlineRequest, ON_SITE), b.at("08:20"))
