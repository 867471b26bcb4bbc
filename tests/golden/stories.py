"""Streams that no published case tells, made by the deciders from commands; each becomes a golden history once."""

import uuid
from collections.abc import Callable
from typing import Any

from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.deadline.v1 import deadline_service_pb2 as clock_api
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import notify_service_pb2 as notify
from guanhu.notify.v1 import reconciliation_events_pb2 as reconciliations
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.intake import agency, person, referral
from services.notify import obligation, reconciliation, subscription
from tests.golden import adult_stories, callout_stories, paid_stories
from tests.unit.gwt import Story, act
from tests.unit.intake import builders as given
from tests.unit.notify import builders as told
from tests.unit.social_investigation import builders as by

AFTER_EXPIRY = act(given.PROC, "procurator", at="2026-03-25 09:00")


def agency_changes() -> Story[Any]:
    """An agency is changed, suspended and reinstated."""
    story = Story.of(agency.DECIDER).after(given.register_agency(), given.REGISTRAR)
    renamed = given.agency(name="某区人民检察院（更名）")
    story = story.after(given.command(intake.ChangeAgencyRequest, agency=renamed, reason="更名"), given.REGISTRAR)
    for reinstate in (False, True):
        request = given.command(intake.SuspendAgencyRequest, uscc=given.PROC, reinstate=reinstate, reason="整顿")
        story = story.after(request, given.REGISTRAR)
    return story


def agency_setting() -> Story[Any]:
    """An agency makes a proposed length its own, and goes back to the proposal."""
    story = Story.of(agency.DECIDER, given.FACTS).after(given.register_agency(), given.REGISTRAR)
    for fields in ({"length": clocks.Length(working_days=8)}, {}):
        request = given.command(
            intake.ChangeDeadlineSettingRequest,
            uscc=given.PROC,
            rule_id="DL-SI-PROS",
            effective_on=given.day("2026-04-01"),
            reason="本院规定",
            **fields,
        )
        story = story.after(request, given.ORGAN)
    return story


def case_clocks() -> Story[Any]:
    """Two clocks of a case, with everything that may happen to one."""
    story = given.opened()
    for rule in ("DL-PROS-1M", "DL-ARREST-7D"):
        request = given.command(clock_api.SetDeadlineRequest, service="intake", stream=f"case-{given.CASE}", rule_id=rule)
        story = story.after(request, given.ORGAN)
    due = story.state.deadlines["DL-PROS-1M"].due
    assert due is not None
    own: dict[str, Any] = {"deadline_id": "DL-PROS-1M"}
    return story.given(
        clocks.DeadlineWarned(**own, days_before=7, due_at=due.due_at),
        clocks.DeadlinePaused(
            **own,
            reason=clocks.PAUSE_REASON_CONDITIONAL_NON_PROSECUTION,
            paused_at=due.due_at,
            remaining=clocks.Length(days=10),
        ),
        clocks.DeadlineResumed(**own, resumed_at=due.due_at, due=due),
        clocks.DeadlineExtended(**own, extension_id="DL-PROS-15D", basis="重大、复杂案件", approved_by="chief", due=due),
        clocks.DeadlineReset(**own, cause=clocks.RESET_CAUSE_JURISDICTION_CHANGED, triggered_at=due.due_at, due=due),
        clocks.DeadlineRecomputed(
            **own, cause=clocks.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED, due_before=due.due_at, moved=True, due=due
        ),
        clocks.DeadlineExpired(**own, due_at=due.due_at),
        clocks.DeadlineMet(**own, met_at=due.due_at, late=True),
        clocks.DeadlineWaived(deadline_id="DL-ARREST-7D", reason=clocks.WAIVER_REASON_MOOT, basis="不批准逮捕"),
    )


def case_ends() -> Story[Any]:
    """A participant comes and goes, a number is recorded, the case is linked and closed."""
    story = given.opened().after(given.participate(given.SWO), given.ORGAN)
    scope = directory.PARTICIPANT_SCOPE_SERVICE
    for request in (
        given.command(intake.RemoveParticipantRequest, case_id=given.CASE, uscc=given.SWO, scope=scope, reason="服务结束"),
        given.command(intake.RecordCaseNumberRequest, case_id=given.CASE, raw="京海检未刑诉受〔2026〕1号"),
        given.command(intake.LinkCaseRequest, case_id=given.CASE, duplicate_of=given.OTHER, reason="同一事实"),
        given.command(intake.CloseCaseRequest, case_id=given.CASE, reason="并案"),
    ):
        story = story.after(request, given.ORGAN)
    return story


def person_corrected() -> Story[Any]:
    """A person is registered and corrected."""
    story = Story.of(person.DECIDER).after(given.register_person(), given.REGISTRAR)
    correction = given.command(
        intake.CorrectPersonRequest,
        details=given.details(),
        identity_status=persons.IDENTITY_STATUS_SELF_STATED,
        age_basis=persons.AGE_BASIS_UNPROVEN,
        reason="户籍与本人陈述不一致",
    )
    return story.after(correction, given.REGISTRAR)


def referral_declined() -> Story[Any]:
    """A referral is declined as a repetition."""
    fields = {"reason": referrals.REFERRAL_DECLINE_REASON_DUPLICATE, "duplicate_of": given.OTHER}
    return given.submitted().after(given.on_referral(intake.DeclineReferralRequest, **fields), given.LEAGUE)


def referral_withdrawn() -> Story[Any]:
    """A draft expires, is drafted anew, submitted and withdrawn."""
    story = Story.of(referral.DECIDER, given.FACTS).after(given.create(), given.ORGAN)
    story = story.after(given.create(), AFTER_EXPIRY).after(given.submit(), AFTER_EXPIRY)
    return story.after(
        given.on_referral(intake.WithdrawReferralRequest, reason=referrals.REFERRAL_WITHDRAW_REASON_CASE_DISMISSED),
        AFTER_EXPIRY,
    )


def referral_closed() -> Story[Any]:
    """A referral is accepted, reports a milestone and is closed."""
    milestone = {"milestone": "CommissionAccepted", "aggregate_id": given.OTHER}
    story = given.accepted().after(given.on_referral(intake.ReportMilestoneRequest, **milestone), given.ORGAN)
    return story.after(given.on_referral(intake.CloseReferralRequest, outcome="报告采信"), given.ORGAN)


def commission_declined() -> Story[Any]:
    """The provider declines."""
    declined = by.command(api.DeclineCommissionRequest, reason=events.DECLINE_REASON_CAPACITY, note="人手不足")
    return by.commissioned().after(declined, by.MANAGER)


def commission_withdrawn() -> Story[Any]:
    """The organ withdraws the commission."""
    withdrawn = by.command(api.WithdrawCommissionRequest, reason=events.WITHDRAWAL_REASON_NO_LONGER_NEEDED)
    return by.accepted().after(withdrawn, by.ORGAN)


def investigation_suspended() -> Story[Any]:
    """The investigation rests and goes on; the supervisor returns the draft."""
    suspended = by.command(api.SuspendInvestigationRequest, reason=events.SUSPENSION_REASON_ILLNESS)
    story = by.in_progress().after(suspended, by.MANAGER).after(by.bare(api.ResumeInvestigationRequest), by.MANAGER)
    returned = by.command(api.ReturnDraftRequest, remarks="补充家庭一节")
    return story.after(by.draft(), by.WORKER).after(returned, by.SUPERVISOR)


def report_rejected() -> Story[Any]:
    """The report is not adopted."""
    return by.examined().after(by.reject(), by.ORGAN)


def heard_in_court() -> Story[Any]:
    """The report goes to the court, which calls an investigator and hears him."""
    summoned = by.command(api.SummonInvestigatorRequest, officer="worker-1", hearing_on=by.day("2026-03-20"))
    heard = by.command(api.RecordTestimonyRequest, officer="worker-1", summary="当庭说明走访情况")
    return by.transferred().after(summoned, by.JUDGE).after(heard, by.JUDGE)


def falsification() -> Story[Any]:
    """One allegation is dismissed, another confirmed, and the investigation is terminated for it."""
    story = by.examined().after(by.allege(), by.ORGAN).after(by.decide_falsification(False), by.ORGAN)
    other = str(uuid.UUID(int=24))
    story = story.after(by.allege(other), by.ORGAN).after(by.decide_falsification(True, other), by.ORGAN)
    terminated = by.command(api.TerminateInvestigationRequest, reason=events.TERMINATION_REASON_FALSIFICATION)
    return story.after(terminated, by.ORGAN)


def message_acknowledged() -> Story[Any]:
    """A message is delivered at the second attempt, its receipt is overdue, and it is acknowledged late."""
    late = "2026-03-11 09:00"
    story = told.BEGUN.after(told.FAILED, told.system())
    story = story.after(obligation.Begin((told.WEBHOOK,)), told.system("2026-03-09 10:01"))
    delivered = obligation.Finish(2, told.DONE.outcome, told.DONE.status_code)
    story = story.after(delivered, told.system("2026-03-09 10:01")).after(obligation.Overdue(), told.system(late))
    acknowledged = given.command(notify.AcknowledgeReceiptRequest, obligation_id=told.OBLIGATION)
    return story.after(acknowledged, told.recipient(late))


def message_exhausted() -> Story[Any]:
    """Delivery is given up, the sender is alerted, and the message is sent again on order."""
    redriven = given.command(notify.RedriveDeliveryRequest, obligation_id=told.OBLIGATION, reason="对方系统已恢复")
    return told.EXHAUSTED.after(redriven, told.recipient("2026-03-12 08:00"))


def message_suppressed() -> Story[Any]:
    """A preference suppresses a message."""
    return told.NEW.after(obligation.Owe(told.owed(), suppressed=True), told.system())


def agency_subscribes() -> Story[Any]:
    """Hosts are allowed, an endpoint comes and goes, a subscription and a preference too."""
    endpoint = subscriptions.Endpoint(channel=subscriptions.CHANNEL_WEBHOOK, address="https://hooks.proc.example/guanhu")
    wanted = subscriptions.EventFilter(subscription_id=told.FILTER, event_type=told.SUBMITTED)
    story = Story.of(subscription.DECIDER)
    for request in (
        given.command(notify.AllowHostsRequest, uscc=told.PROC, hosts=["hooks.proc.example"]),
        given.command(notify.RegisterEndpointRequest, uscc=told.PROC, endpoint=endpoint),
        given.command(notify.SubscribeRequest, uscc=told.PROC, filter=wanted),
        given.command(notify.SetPreferenceRequest, uscc=told.PROC, event_type=told.SUBMITTED, suppressed=True),
        given.command(notify.UnsubscribeRequest, uscc=told.PROC, subscription_id=told.FILTER),
        given.command(notify.RemoveEndpointRequest, uscc=told.PROC, channel=subscriptions.CHANNEL_WEBHOOK),
    ):
        story = story.after(request, told.recipient())
    return story


def day_reconciled() -> Story[Any]:
    """A day's account with a message that is missing."""
    account = reconciliation.reconcile(
        reconciliation.Books({told.OBLIGATION: obligation.Owe(told.owed())}, {}, {}, {"social_investigation": 7}),
        told.instant("2026-03-12 00:00"),
    )
    head = reconciliations.JournalHead(origin="social_investigation", position=7)
    missing = account.discrepancies
    done = reconciliations.LedgerReconciled(heads=[head], pairs=account.pairs, discrepancies=len(missing), named=missing)
    return Story.of(reconciliation.DECIDER).given(done)


STORIES: dict[str, Callable[[], Story[Any]]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        agency_changes,
        agency_setting,
        case_clocks,
        case_ends,
        person_corrected,
        referral_declined,
        referral_withdrawn,
        referral_closed,
        commission_declined,
        commission_withdrawn,
        investigation_suspended,
        report_rejected,
        heard_in_court,
        falsification,
        message_acknowledged,
        message_exhausted,
        message_suppressed,
        agency_subscribes,
        day_reconciled,
        *adult_stories.STORIES,
        *callout_stories.STORIES,
        *paid_stories.STORIES,
    )
}
