"""The hand-off matrix of domain/07 §7.2 as data, and what events of today demand."""

from datetime import date
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as adults
from guanhu.appropriate_adult.v1 import callout_events_pb2 as callouts
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from guanhu.types.v1 import types_pb2
from services.notify.duties import ANSWER, DUTIES, ESCALATION, HANDOFF, Owing, owing
from services.notify.matrix import HANDOFFS, Within
from services.notify.parties import HOLDER, Participation, Parties, after
from tests.unit.intake.builders import COURT, CYL, PROC, PSB, SWO
from tests.unit.notify import builders as b

FILES = (directory, cases, persons, referrals, investigations, adults, callouts)
RECORDED = {name for file in FILES for name in file.DESCRIPTOR.message_types_by_name}
AT = b.instant("2026-03-09 10:00")
ON = date(2026, 3, 9)


def referral(kind: Any = referrals.REFERRAL_KIND_SOCIAL_INVESTIGATION) -> referrals.ReferralSubmitted:
    content = referrals.ReferralContent(case_id=b.CASE, kind=kind, from_uscc=PROC, to_uscc=CYL)
    return referrals.ReferralSubmitted(content=content)


def letter() -> forms.CommissionLetter:
    return forms.CommissionLetter(organ_uscc=PROC, provider_uscc=SWO)


def parties_after(*events: Any) -> Parties:
    parties = Parties()
    for event in events:
        parties = after(parties, event)
    return parties


def told(actor: str, *events: Any) -> list[tuple[str, int, str]]:
    """Who is told what of the last event."""
    found = owing(events[-1], parties_after(*events), actor, AT)
    return [(message.to_uscc, message.kind, message.handoff_id) for message in found]


COMMISSIONED = investigations.InvestigationCommissioned(letter=letter())


def test_the_matrix_has_every_row_of_the_page() -> None:
    assert [handoff.id for handoff in HANDOFFS] == [f"HO-{number:02d}" for number in range(1, 27)]


def test_a_row_is_active_exactly_where_a_duty_of_today_carries_it() -> None:
    """HO-05, HO-06, HO-07, HO-08."""
    carried = {duty.handoff for duty in DUTIES} & {handoff.id for handoff in HANDOFFS}
    assert carried | {"HO-06"} == {handoff.id for handoff in HANDOFFS if handoff.active}
    assert {name for handoff in HANDOFFS for name in handoff.carried_by} <= RECORDED


def test_a_row_whose_trigger_is_recorded_is_active() -> None:
    """Fails as soon as a followed journal knows the trigger of a row that nobody carries yet."""
    assert [handoff.id for handoff in HANDOFFS if RECORDED & set(handoff.triggers) and not handoff.active] == []


@pytest.mark.parametrize(
    ("kind", "handoff", "acknowledge_by"),
    [
        (referrals.REFERRAL_KIND_SOCIAL_INVESTIGATION, "HO-05", "2026-03-11 00:00"),
        (referrals.REFERRAL_KIND_APPROPRIATE_ADULT, "HO-06", "2026-03-09 10:30"),
        (referrals.REFERRAL_KIND_SUPPORT, "", "2026-03-11 00:00"),
    ],
)
def test_a_referral_is_a_hand_off_by_what_it_asks_for(kind: Any, handoff: str, acknowledge_by: str) -> None:
    """HO-05 and HO-06."""
    [message] = owing(referral(kind), parties_after(referral(kind)), PROC, AT)
    assert message == Owing(PROC, CYL, HANDOFF, handoff, b.instant(acknowledge_by))


def test_an_accepted_referral_answers_the_sender_and_opens_work_at_the_provider() -> None:
    accepted = referrals.ReferralAccepted(provider=SWO)
    assert told(CYL, referral(), accepted) == [(PROC, ANSWER, ""), (SWO, HANDOFF, "HO-05")]
    accepted_itself = referrals.ReferralAccepted(provider=CYL)
    assert told(CYL, referral(), accepted_itself) == [(PROC, ANSWER, "")]


def test_nobody_is_told_of_the_own_act_or_twice() -> None:
    accepted = referrals.ReferralAccepted(provider=CYL)
    assert told(PROC, referral(), accepted, referrals.ReferralClosed()) == [(CYL, ANSWER, "")]
    assert told(CYL, referral(), accepted, referrals.ReferralClosed()) == [(PROC, ANSWER, "")]


def test_ho_07_a_submitted_report_is_told_to_the_organ_that_has_the_file() -> None:
    submitted = investigations.ReportSubmitted()
    assert told(SWO, COMMISSIONED, submitted) == [(PROC, HANDOFF, "HO-07")]
    transferred = investigations.ReportTransferred(to_uscc=COURT)
    assert told(SWO, COMMISSIONED, transferred, submitted) == [(COURT, HANDOFF, "HO-07")]


def test_ho_08_a_transferred_report_is_told_to_the_next_organ() -> None:
    assert told(PROC, COMMISSIONED, investigations.ReportTransferred(to_uscc=COURT)) == [(COURT, HANDOFF, "HO-08")]


def test_a_drafted_commission_is_told_to_nobody() -> None:
    drafted = investigations.InvestigationCommissionDrafted(letter=letter())
    assert told("", drafted) == []
    assert parties_after(drafted).everybody(ON) == (PROC,)
    assert told(PROC, drafted, investigations.CommissionWithdrawn()) == []


def test_what_a_service_records_by_itself_is_told_in_the_name_of_the_organ() -> None:
    [message] = owing(COMMISSIONED, parties_after(COMMISSIONED), "", AT)
    assert message.from_uscc == PROC
    [message] = owing(referral(), parties_after(referral()), "", AT)
    assert message.from_uscc == PROC


def test_an_alert_goes_to_the_sender_about_the_other_agency_and_needs_no_receipt() -> None:
    escalated = obligations.ObligationEscalated(to_uscc=SWO, about_uscc=PROC)
    [message] = owing(escalated, parties_after(escalated), "", AT)
    assert message == Owing(PROC, SWO, ESCALATION)


def test_every_duty_has_an_event_that_is_recorded() -> None:
    assert {duty.event.DESCRIPTOR.name for duty in DUTIES} <= RECORDED | {"ObligationEscalated"}


def test_times_for_receipts_count_as_the_page_says() -> None:
    friday = b.instant("2026-03-06 16:00")
    assert Within(minutes=5).after(friday) == b.instant("2026-03-06 16:05")
    assert Within(days=1).after(friday) == b.instant("2026-03-08 00:00")
    assert Within(working_days=1).after(friday) == b.instant("2026-03-10 00:00")
    assert Within(working_days=3).after(friday) == b.instant("2026-03-12 00:00")


def test_participants_are_parties_of_their_case_while_their_part_lasts() -> None:
    last = types_pb2.Date(year=2026, month=3, day=31)
    parties = parties_after(
        cases.CaseOpened(organ=PROC),
        directory.ParticipantAdded(uscc=SWO, scope=directory.PARTICIPANT_SCOPE_SERVICE),
        directory.ParticipantAdded(uscc=PSB, scope=directory.PARTICIPANT_SCOPE_HANDLING, to=last),
        directory.ParticipantAdded(uscc=SWO, scope=directory.PARTICIPANT_SCOPE_COORDINATION),
        directory.ParticipantRemoved(uscc=SWO, scope=directory.PARTICIPANT_SCOPE_SERVICE),
    )
    assert parties.everybody(ON) == tuple(sorted((PROC, PSB, SWO)))
    assert parties.everybody(date(2026, 4, 1)) == tuple(sorted((PROC, SWO)))


def test_parties_are_stored_whole() -> None:
    parties = Parties({HOLDER: PROC}, (Participation(PSB, 1, ON), Participation(SWO, 2)), 3)
    assert Parties.from_json(parties.to_json()) == parties


def test_other_events_change_no_parties() -> None:
    assert after(Parties(), cases.CaseClosed()) == Parties()
