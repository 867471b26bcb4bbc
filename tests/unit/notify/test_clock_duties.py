"""Clocks: warnings and lapses reach the agency that must act; a lapse, and an end that moved, also who is informed of it."""

from datetime import timedelta
from typing import Any

import pytest

from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from services.kernel.dates import from_datetime
from services.kernel.deadline import EVENTS, WARNING_DAYS
from services.notify.duties import CLOCK_EVENTS, DEADLINE, Owing, owing
from services.notify.parties import Parties, Told, after
from services.notify.texts import render
from tests.unit.intake.builders import CASE, CYL, PROC, SWO
from tests.unit.notify import builders as b

AT = b.instant("2026-03-09 10:00")
END = from_datetime(b.instant("2026-03-18 00:00"))
REPORT = "DL-SI-PROS"
LETTER = forms.CommissionLetter(organ_uscc=PROC, provider_uscc=SWO)
COMMISSIONED = investigations.InvestigationCommissioned(letter=LETTER)
SET = clocks.DeadlineSet(deadline_id=REPORT, owner_uscc=SWO, informed_usccs=[PROC])
EXPIRED = clocks.DeadlineExpired(deadline_id=REPORT, due_at=END)
RECEIPT_BY = b.instant("2026-03-11 00:00")


def parties_after(*happened: Any) -> Parties:
    parties = Parties()
    for event in happened:
        parties = after(parties, event)
    return parties


def told(event: Any, actor: str = "", parties: Parties | None = None) -> list[Owing]:
    return list(owing(event, parties or parties_after(COMMISSIONED, SET, event), actor, AT))


@pytest.mark.parametrize("days", WARNING_DAYS)
def test_each_warning_goes_to_the_agency_that_must_act_and_asks_for_no_receipt(days: int) -> None:
    warned = clocks.DeadlineWarned(deadline_id=REPORT, days_before=days, due_at=END)
    assert told(warned) == [Owing("", SWO, DEADLINE)]


def test_a_lapse_goes_to_the_agency_that_had_to_act_and_to_those_informed_and_asks_for_a_receipt() -> None:
    assert told(EXPIRED) == [
        Owing("", SWO, DEADLINE, acknowledge_by=RECEIPT_BY),
        Owing("", PROC, DEADLINE, acknowledge_by=RECEIPT_BY),
    ]


@pytest.mark.parametrize(
    "moved",
    [
        clocks.DeadlineExtended(deadline_id=REPORT, due=clocks.Due(due_at=END)),
        clocks.DeadlinePaused(deadline_id=REPORT),
        clocks.DeadlineResumed(deadline_id=REPORT, due=clocks.Due(due_at=END)),
        clocks.DeadlineReset(deadline_id=REPORT, due=clocks.Due(due_at=END)),
        clocks.DeadlineRecomputed(deadline_id=REPORT, moved=True, due=clocks.Due(due_at=END)),
        clocks.DeadlineWaived(deadline_id=REPORT, reason=clocks.WAIVER_REASON_ORGAN_DECISION),
    ],
    ids=lambda event: event.DESCRIPTOR.name,
)
def test_an_end_that_the_organ_moved_is_told_to_the_agency_that_must_act(moved: Any) -> None:
    assert told(moved, PROC) == [Owing(PROC, SWO, DEADLINE)]


@pytest.mark.parametrize(
    "quiet",
    [
        clocks.DeadlineMet(deadline_id=REPORT),
        clocks.DeadlineRecomputed(deadline_id=REPORT, due=clocks.Due(due_at=END)),
        clocks.DeadlineWaived(deadline_id=REPORT, reason=clocks.WAIVER_REASON_MOOT),
        SET,
    ],
    ids=lambda event: event.DESCRIPTOR.name,
)
def test_what_another_event_tells_or_nothing_follows_from_is_not_told_again(quiet: Any) -> None:
    assert told(quiet, PROC) == []


def test_whoever_has_left_the_case_hears_no_more_of_its_clocks_but_who_must_act_does() -> None:
    handling = directory.PARTICIPANT_SCOPE_HANDLING
    joined = [directory.ParticipantAdded(uscc=uscc, scope=handling) for uscc in (PROC, CYL)]
    left = directory.ParticipantRemoved(uscc=CYL, scope=handling)
    clock = clocks.DeadlineSet(deadline_id="DL-PROS-1M", owner_uscc=PROC, informed_usccs=[CYL])
    expired = clocks.DeadlineExpired(deadline_id="DL-PROS-1M", due_at=END)
    opened = (cases.CaseOpened(organ=PROC), *joined, clock)
    assert [message.to_uscc for message in told(expired, "", parties_after(*opened))] == [PROC, CYL]
    assert [message.to_uscc for message in told(expired, "", parties_after(*opened, left))] == [PROC]
    gone = directory.ParticipantRemoved(uscc=PROC, scope=handling)
    assert [message.to_uscc for message in told(expired, "", parties_after(*opened, gone, left))] == [PROC]


def test_a_clock_that_the_stream_never_set_is_told_to_nobody() -> None:
    assert told(clocks.DeadlineExpired(deadline_id="DL-PROS-1M", due_at=END)) == []


def test_who_is_told_of_clocks_is_stored_whole() -> None:
    parties = Parties(clocks={REPORT: Told(SWO, (PROC, CYL)), "DL-SI-ACCEPT": Told(SWO)})
    assert Parties.from_json(parties.to_json()) == parties


def test_every_event_of_a_clock_is_told_or_known_to_be_quiet() -> None:
    assert {clocks.DeadlineSet, clocks.DeadlineMet} == EVENTS - CLOCK_EVENTS


def test_a_lapse_says_which_clock_and_when_it_was_over() -> None:
    [message, _] = told(EXPIRED)
    zh, en = render(EXPIRED, message, CASE)
    assert zh == (
        f"【观护·期限】期限届满。社会调查报告期限（DL-SI-PROS），2026-03-17 24:00 届满。案件 {CASE}。"
        "请于 2026-03-11 00:00 前签收。具体内容请凭本机构权限登录系统查看。"
    )
    assert "Report of the social investigation (DL-SI-PROS), ends 2026-03-17 24:00." in en


def test_a_clock_of_hours_ends_at_its_minute_and_one_that_stands_still_has_no_end() -> None:
    expired = clocks.DeadlineExpired(deadline_id="DL-AA-DESK#2", due_at=from_datetime(AT + timedelta(minutes=30)))
    zh, _ = render(expired, Owing("", CYL, obligations.OBLIGATION_KIND_DEADLINE), CASE)
    assert "合适成年人申请答复期限（DL-AA-DESK），2026-03-09 10:30 届满。" in zh
    zh, en = render(clocks.DeadlinePaused(deadline_id=REPORT), Owing(PROC, SWO, DEADLINE), CASE)
    assert "社会调查报告期限（DL-SI-PROS）。" in zh and "(DL-SI-PROS). " in en and "届满" not in zh
