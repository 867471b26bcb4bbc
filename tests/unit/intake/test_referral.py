"""Referrals: handed on, accepted or declined, never lost between two bodies. Law ids are those of domain/07."""

from dataclasses import replace
from typing import Any

import pytest

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import referral_events_pb2 as events
from services.intake.referral import DECIDER, MILESTONES_MAX
from services.kernel.decision import CaseFacts
from tests.unit.gwt import Story, act
from tests.unit.intake import builders as b

EMPTY = Story.of(DECIDER, b.FACTS)
LATER = act(b.PROC, "procurator", at="2026-03-23 10:01")
AS_DRAFTED = b.on_referral(api.SubmitReferralRequest)


def accept(provider: str = b.SWO) -> api.AcceptReferralRequest:
    return b.on_referral(api.AcceptReferralRequest, provider=provider)


def decline(reason: int, **fields: Any) -> api.DeclineReferralRequest:
    return b.on_referral(api.DeclineReferralRequest, reason=reason, **fields)


def withdraw() -> api.WithdrawReferralRequest:
    return b.on_referral(api.WithdrawReferralRequest, reason=events.REFERRAL_WITHDRAW_REASON_CASE_DISMISSED)


def milestone(name: str = "ReportSubmitted") -> api.ReportMilestoneRequest:
    return b.on_referral(api.ReportMilestoneRequest, milestone=name, aggregate_id=b.OTHER)


def close() -> api.CloseReferralRequest:
    return b.on_referral(api.CloseReferralRequest, outcome="已办结")


def test_a_draft_is_submitted_as_it_stands() -> None:
    drafted = EMPTY.after(b.create(), b.ORGAN)
    [submitted] = drafted.when(AS_DRAFTED, b.ORGAN)
    assert submitted.content.to_uscc == b.CYL
    assert not submitted.content.brief_facts


def test_a_draft_is_checked_like_what_is_sent() -> None:
    EMPTY.finds_invalid({"content.to_uscc"}, b.create(to_uscc=b.PROC), b.ORGAN)


def test_drafted_alike_again_is_the_same_draft_and_otherwise_none() -> None:
    drafted = EMPTY.after(b.create(), b.ORGAN)
    assert drafted.when(b.create(brief_facts="另一句话"), b.ORGAN) == []
    drafted.refuses("REFERRAL_EXISTS", b.create(to_uscc=b.SWO), b.ORGAN)


def test_a_draft_of_fourteen_days_expires_and_may_be_drafted_again() -> None:
    drafted = EMPTY.after(b.create(), b.ORGAN)
    drafted.refuses("DRAFT_EXPIRED", AS_DRAFTED, LATER)
    expired, again = drafted.when(b.create(), LATER)
    assert (type(expired), type(again)) == (events.ReferralDraftExpired, events.ReferralDrafted)
    assert drafted.given(expired).when(b.create(), LATER)
    assert [type(event) for event in drafted.when(b.submit(), LATER)] == [
        events.ReferralDraftExpired,
        events.ReferralSubmitted,
    ]


def test_a_referral_submitted_twice_is_one() -> None:
    assert b.submitted().when(b.submit(), b.ORGAN) == []
    assert b.accepted().when(AS_DRAFTED, b.ORGAN) == []
    b.submitted().refuses("REFERRAL_EXISTS", b.submit(to_uscc=b.SWO), b.ORGAN)


def test_an_external_number_is_one_referral() -> None:
    EMPTY.knowing(replace(b.FACTS, twin=b.OTHER)).refuses("DUPLICATE_SUBMISSION", b.submit(), b.ORGAN)


def test_a_senders_number_is_claimed_by_what_was_submitted_alone() -> None:
    numbered = {"external_number": "检统-2026-17"}
    [drafted] = EMPTY.when(b.create(**numbered), b.ORGAN)
    [submitted] = EMPTY.when(b.submit(**numbered), b.ORGAN)
    [unnumbered] = EMPTY.when(b.submit(), b.ORGAN)
    assert DECIDER.key(submitted) == f"external:{b.PROC}:{b.content().kind}:检统-2026-17"
    assert (DECIDER.key(drafted), DECIDER.key(unnumbered)) == ("", "")


def test_a_referral_names_itself_once() -> None:
    EMPTY.finds_invalid({"content.referral_id"}, b.submit(referral_id=b.OTHER), b.ORGAN)


def test_what_was_never_drafted_is_not_there() -> None:
    EMPTY.refuses("REFERRAL_UNKNOWN", AS_DRAFTED, b.ORGAN)


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({"content.from_uscc"}, {"from_uscc": b.COURT}),
        ({"content.to_uscc"}, {"to_uscc": b.UNREGISTERED}),
        ({"content.to_uscc"}, {"to_uscc": b.PSB}),
        ({"content.proposed_provider"}, {"proposed_provider": b.UNREGISTERED}),
        ({"content.due_on"}, {"due_on": b.day("2026-03-08")}),
        ({"content.due_on"}, {"due_on": b.day("2026-04-06")}),
        ({"content.subject_id"}, {"subject_id": b.OTHER}),
    ],
)
def test_ho_05_a_referral_is_whole_or_its_fields_are_named(fields: set[str], changes: dict[str, Any]) -> None:
    EMPTY.finds_invalid(fields, b.submit(**changes), b.ORGAN)


@pytest.mark.parametrize("case", [None, CaseFacts(b.CASE)])
def test_a_referral_belongs_to_an_opened_case(case: CaseFacts | None) -> None:
    EMPTY.knowing(replace(b.FACTS, case=case)).finds_invalid({"content.case_id"}, b.submit(), b.ORGAN)


def test_a_referral_needs_no_days() -> None:
    assert EMPTY.when(b.submit(due_on=None), b.ORGAN)
    assert EMPTY.when(b.submit(host_deadline_on=None, proposed_provider=b.SWO), b.ORGAN)


def test_jur_r01_only_a_body_that_handles_the_open_case_refers() -> None:
    without = replace(b.FACTS, case=replace(b.OPENED, participants=frozenset()))
    EMPTY.knowing(without).refuses("NOT_HANDLING", b.submit(), b.ORGAN)
    closed = replace(b.FACTS, case=replace(b.OPENED, closed=True))
    EMPTY.knowing(closed).refuses("CASE_CLOSED", b.submit(), b.ORGAN)


def test_a_suspended_receiver_gets_nothing() -> None:
    EMPTY.refuses("RECEIVER_SUSPENDED", b.submit(to_uscc=b.SUSPENDED), b.ORGAN)


def test_act_08_the_league_names_the_organisation_that_investigates() -> None:
    b.submitted().finds_invalid({"provider"}, accept(""), b.LEAGUE)
    b.submitted().finds_invalid({"provider"}, accept(b.UNREGISTERED), b.LEAGUE)
    b.submitted().finds_invalid({"provider"}, accept(b.CYL), b.LEAGUE)
    b.submitted().refuses("PROVIDER_SUSPENDED", accept(b.SUSPENDED), b.LEAGUE)
    b.submitted().refuses("PROVIDER_NOT_ON_ROSTER", accept(b.NOT_ON_ROSTER), b.LEAGUE)
    assert b.accepted().state.provider == b.SWO


def test_a_provider_that_is_asked_renders_the_service_itself() -> None:
    asked = b.submitted(to_uscc=b.SWO)
    [accepted] = asked.when(accept(""), act(b.SWO))
    assert accepted.provider == b.SWO


def test_support_may_be_accepted_without_a_provider_and_by_one_off_the_roster() -> None:
    support = b.submitted(kind=events.REFERRAL_KIND_SUPPORT)
    [accepted] = support.when(accept(""), b.LEAGUE)
    assert not accepted.provider
    assert support.when(accept(b.NOT_ON_ROSTER), b.LEAGUE)


def test_l1_110_who_is_not_competent_names_who_is() -> None:
    not_competent = events.REFERRAL_DECLINE_REASON_NOT_COMPETENT
    b.submitted().finds_invalid({"competent_uscc"}, decline(not_competent, competent_uscc=b.UNREGISTERED), b.LEAGUE)
    b.submitted().finds_invalid({"competent_uscc"}, decline(not_competent, competent_uscc=b.CYL), b.LEAGUE)
    [declined] = b.submitted().when(decline(not_competent, competent_uscc=b.SWO), b.LEAGUE)
    assert declined.competent_uscc == b.SWO


def test_a_duplicate_names_the_referral_that_it_repeats() -> None:
    duplicate = events.REFERRAL_DECLINE_REASON_DUPLICATE
    b.submitted().finds_invalid({"duplicate_of"}, decline(duplicate, duplicate_of=b.REFERRAL), b.LEAGUE)
    itself = b.submitted().knowing(replace(b.FACTS, existing=frozenset({b.REFERRAL})))
    itself.finds_invalid({"duplicate_of"}, decline(duplicate, duplicate_of=b.REFERRAL), b.LEAGUE)
    assert b.submitted().when(decline(duplicate, duplicate_of=b.OTHER), b.LEAGUE)


def test_a_declined_referral_stays_declined() -> None:
    declined = b.submitted().after(decline(events.REFERRAL_DECLINE_REASON_NO_CAPACITY), b.LEAGUE)
    assert declined.state.status == api.REFERRAL_STATUS_DECLINED
    declined.refuses("REFERRAL_STATE", accept(), b.LEAGUE)


def test_a_referral_is_withdrawn_while_it_runs() -> None:
    withdrawn = b.accepted().after(withdraw(), b.ORGAN)
    assert withdrawn.state.status == api.REFERRAL_STATUS_WITHDRAWN
    withdrawn.refuses("REFERRAL_STATE", withdraw(), b.ORGAN)


def test_milestones_come_back_to_the_referral_also_after_its_end() -> None:
    reported = b.accepted().after(milestone(), b.LEAGUE)
    assert reported.state.milestones == (("ReportSubmitted", b.OTHER),)
    assert reported.after(close(), b.ORGAN).when(milestone(), b.LEAGUE)
    b.submitted().refuses("REFERRAL_STATE", milestone(), b.LEAGUE)


def test_a_referral_takes_so_many_milestones_and_no_more() -> None:
    story = b.accepted()
    for number in range(MILESTONES_MAX):
        story = story.given(events.ReferralMilestoneReported(milestone=f"{number}"))
    story.refuses("STREAM_FULL", milestone(), b.LEAGUE)


def test_only_an_accepted_referral_is_closed() -> None:
    assert b.accepted().after(close(), b.ORGAN).state.status == api.REFERRAL_STATUS_CLOSED
    b.submitted().refuses("REFERRAL_STATE", close(), b.ORGAN)


def test_events_of_others_are_not_folded() -> None:
    with pytest.raises(TypeError, match="ParticipantAdded"):
        EMPTY.given(directory.ParticipantAdded())
