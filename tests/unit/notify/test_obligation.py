"""An obligation to tell: every branch of its decider. Ids are those of domain/07 §7.2."""

from datetime import timedelta

import pytest

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.dates import from_datetime, to_datetime
from services.notify import obligation
from services.notify.obligation import Begin, Finish, Overdue, Owe, channel_at, pause_after
from tests.unit.gwt import act
from tests.unit.intake.builders import command
from tests.unit.notify import builders as b


def names(decided: object) -> list[str]:
    return [type(event).__name__ for event in decided]  # type: ignore[attr-defined]


def acknowledge() -> api.AcknowledgeReceiptRequest:
    return command(api.AcknowledgeReceiptRequest, obligation_id=b.OBLIGATION)


def redrive() -> api.RedriveDeliveryRequest:
    return command(api.RedriveDeliveryRequest, obligation_id=b.OBLIGATION, reason="对方系统已恢复")


def test_a_message_is_owed_once() -> None:
    assert names(b.NEW.when(Owe(b.owed()), b.system())) == ["MessageOwed"]
    assert b.OWED.when(Owe(b.owed()), b.system()) == []


@pytest.mark.parametrize(
    ("acknowledge_by", "window"),
    [
        ("2026-03-09 10:30", timedelta(minutes=30)),
        ("2026-03-09 10:01", obligation.WINDOW_MIN),
        ("2026-03-08 10:00", obligation.WINDOW_MIN),
        ("2026-03-20 10:00", obligation.WINDOW_MAX),
        (None, obligation.WINDOW_MAX),
    ],
)
def test_delivery_is_tried_until_the_receipt_is_due_within_bounds(acknowledge_by: str | None, window: timedelta) -> None:
    by = from_datetime(b.instant(acknowledge_by)) if acknowledge_by else None
    [owed] = b.NEW.when(Owe(b.owed(acknowledge_by=by)), b.system())
    assert to_datetime(owed.retry_until) == b.instant(b.EVENT_AT) + window


def test_a_preference_suppresses_and_is_recorded() -> None:
    assert names(b.NEW.when(Owe(b.owed(), suppressed=True), b.system())) == ["MessageOwed", "DeliverySuppressed"]
    suppressed = b.NEW.after(Owe(b.owed(), suppressed=True), b.system())
    assert suppressed.state.status == obligation.SUPPRESSED
    assert suppressed.when(Begin((b.WEBHOOK,)), b.system()) == []


def test_an_attempt_is_recorded_before_it_is_made_and_after() -> None:
    [begun] = b.OWED.when(Begin((b.WEBHOOK,)), b.system())
    assert (begun.n, begun.channel) == (1, b.WEBHOOK)
    attempted, delivered = b.BEGUN.when(b.DONE, b.system())
    assert (attempted.n, attempted.outcome, attempted.status_code) == (1, events.ATTEMPT_OUTCOME_DELIVERED, 204)
    assert delivered.channel == b.WEBHOOK


def test_what_is_in_the_inbox_is_delivered_without_a_second_step() -> None:
    assert names(b.OWED.when(Begin(), b.system())) == ["DeliveryAttempted", "MessageDelivered"]
    assert b.OWED.after(Begin(), b.system()).state.attempts == 1


def test_a_message_to_an_agency_with_the_inbox_alone_is_delivered_as_it_is_owed() -> None:
    placed = b.NEW.after(Owe(b.owed(), by_inbox=True), b.system())
    assert names(b.NEW.when(Owe(b.owed(), by_inbox=True), b.system())) == [
        "MessageOwed",
        "DeliveryAttempted",
        "MessageDelivered",
    ]
    assert (placed.state.status, placed.state.attempts) == (obligation.DELIVERED, 1)
    assert placed.state == b.OWED.after(Begin(), b.system()).state
    suppressed = Owe(b.owed(), suppressed=True, by_inbox=True)
    assert names(b.NEW.when(suppressed, b.system())) == ["MessageOwed", "DeliverySuppressed"]


def test_an_attempt_that_nobody_finished_has_an_unknown_outcome_and_is_made_again() -> None:
    unknown, begun = b.BEGUN.when(Begin((b.WEBHOOK,)), b.system())
    assert (unknown.n, unknown.outcome) == (1, events.ATTEMPT_OUTCOME_UNKNOWN)
    assert begun.n == 2


def test_an_outcome_counts_once_and_only_for_the_attempt_under_way() -> None:
    assert b.BEGUN.when(Finish(2, events.ATTEMPT_OUTCOME_DELIVERED), b.system()) == []
    assert b.DELIVERED.when(b.DONE, b.system()) == []


def test_a_failed_attempt_is_repeated_after_a_pause() -> None:
    [attempted] = b.BEGUN.when(b.FAILED, b.system())
    assert to_datetime(attempted.retry_at) == b.instant(b.EVENT_AT) + pause_after(b.OBLIGATION, 1)
    failed = b.BEGUN.after(b.FAILED, b.system())
    assert failed.when(Begin((b.WEBHOOK,)), b.system("2026-03-09 10:00:01")) == []
    assert names(failed.when(Begin((b.WEBHOOK,)), b.system("2026-03-09 10:00:10"))) == ["DeliveryBegun"]


def test_what_was_not_sent_for_the_sake_of_order_is_due_at_once_and_no_failure() -> None:
    not_sent = b.BEGUN.after(Finish(1, events.ATTEMPT_OUTCOME_NOT_SENT), b.system())
    assert not_sent.state.failures == 0
    assert names(not_sent.when(Begin((b.WEBHOOK,)), b.system())) == ["DeliveryBegun"]


def test_pauses_double_to_a_longest_one_and_differ_between_obligations() -> None:
    pauses = [pause_after(b.OBLIGATION, failures) for failures in range(1, 12)]
    for failures, pause in enumerate(pauses, start=1):
        doubled = min(obligation.PAUSE_FIRST * 2 ** (failures - 1), obligation.PAUSE_MAX)
        assert doubled * (1 - obligation.JITTER) <= pause <= doubled * (1 + obligation.JITTER)
    assert pause_after(b.OBLIGATION, 3) == pauses[2] != pause_after(b.OTHER_CASE, 3)
    assert pause_after(b.OBLIGATION, 10_000) <= obligation.PAUSE_MAX * (1 + obligation.JITTER)


def test_a_window_that_is_over_exhausts_and_alerts_the_sender() -> None:
    attempted, exhausted, escalated = b.BEGUN.when(b.FAILED, b.system("2026-03-10 10:00"))
    assert not attempted.HasField("retry_at")
    assert exhausted.attempts == 1
    assert (escalated.reason, escalated.to_uscc, escalated.about_uscc) == (events.ESCALATION_REASON_EXHAUSTED, b.SWO, b.PROC)
    assert b.EXHAUSTED.when(Begin((b.WEBHOOK,)), b.system("2026-03-12 10:00")) == []


@pytest.mark.parametrize("kind", [events.OBLIGATION_KIND_SUBSCRIPTION, events.OBLIGATION_KIND_ESCALATION])
def test_a_lost_alert_or_subscription_opens_no_alert_of_its_own(kind: "events.ObligationKind.ValueType") -> None:
    begun = b.NEW.after(Owe(b.owed(kind=kind, acknowledge_by=None)), b.system()).after(Begin((b.WEBHOOK,)), b.system())
    assert names(begun.when(b.FAILED, b.system("2026-03-11 10:00"))) == ["DeliveryAttempted", "DeliveryExhausted"]


def test_a_receipt_is_acknowledged_once_by_the_recipient_only() -> None:
    [receipt] = b.DELIVERED.when(acknowledge(), b.recipient("2026-03-10 09:00"))
    assert (receipt.by_uscc, receipt.by_officer, receipt.late) == (b.PROC, "procurator", False)
    acknowledged = b.DELIVERED.after(acknowledge(), b.recipient())
    assert acknowledged.when(acknowledge(), b.recipient()) == []
    b.DELIVERED.refuses("NOT_THE_RECIPIENT", acknowledge(), act(b.SWO))
    b.NEW.refuses("OBLIGATION_UNKNOWN", acknowledge(), b.recipient())


def test_a_late_receipt_says_so_and_one_without_a_time_never_does() -> None:
    [receipt] = b.DELIVERED.when(acknowledge(), b.recipient("2026-03-12 09:00"))
    assert receipt.late
    timeless = b.NEW.after(Owe(b.owed(acknowledge_by=None)), b.system()).after(Begin(), b.system())
    [receipt] = timeless.when(acknowledge(), b.recipient("2027-03-12 09:00"))
    assert not receipt.late


def test_whoever_acknowledges_before_another_channel_delivered_read_it_in_the_inbox() -> None:
    for story in (b.OWED, b.BEGUN, b.EXHAUSTED):
        delivered, receipt = story.when(acknowledge(), b.recipient())
        assert (delivered.channel, type(receipt)) == (b.INBOX, events.ReceiptAcknowledged)


def test_an_outcome_that_comes_after_the_receipt_is_recorded_and_changes_nothing() -> None:
    acknowledged = b.BEGUN.after(acknowledge(), b.recipient())
    assert names(acknowledged.when(b.FAILED, b.system("2026-03-12 10:00"))) == ["DeliveryAttempted"]
    assert names(acknowledged.when(b.DONE, b.system())) == ["DeliveryAttempted"]
    assert acknowledged.after(b.DONE, b.system()).state.status == obligation.ACKNOWLEDGED


def test_an_overdue_receipt_alerts_the_sender_once_and_decides_nothing() -> None:
    late = b.system("2026-03-11 00:00")
    assert b.DELIVERED.when(Overdue(), b.system("2026-03-10 23:59")) == []
    [escalated] = b.DELIVERED.when(Overdue(), late)
    assert escalated.reason == events.ESCALATION_REASON_RECEIPT_OVERDUE
    alerted = b.DELIVERED.after(Overdue(), late)
    assert (alerted.state.status, alerted.when(Overdue(), late)) == (obligation.DELIVERED, [])


def test_nothing_is_overdue_without_a_time_or_after_the_receipt() -> None:
    late = b.system("2026-04-11 00:00")
    timeless = b.NEW.after(Owe(b.owed(acknowledge_by=None)), b.system())
    assert timeless.when(Overdue(), late) == []
    assert b.DELIVERED.after(acknowledge(), b.recipient()).when(Overdue(), late) == []
    assert b.NEW.when(Overdue(), late) == []


def test_what_was_given_up_or_silently_dropped_is_sent_again_on_order() -> None:
    for story in (b.EXHAUSTED, b.DELIVERED):
        [redriven] = story.when(redrive(), b.recipient("2026-03-12 08:00"))
        assert redriven.by_uscc == b.PROC
        again = story.after(redrive(), b.recipient("2026-03-12 08:00"))
        assert (again.state.status, again.state.escalated) == (obligation.OWED, False)
        assert names(again.when(Begin((b.WEBHOOK,)), b.system("2026-03-12 08:00"))) == ["DeliveryBegun"]


def test_redriving_needs_something_to_send() -> None:
    assert b.OWED.when(redrive(), b.recipient()) == []
    b.DELIVERED.after(acknowledge(), b.recipient()).refuses("OBLIGATION_ACKNOWLEDGED", redrive(), b.recipient())
    b.NEW.refuses("OBLIGATION_UNKNOWN", redrive(), b.recipient())


def test_channels_share_the_window_in_the_agencys_order() -> None:
    channels = [b.WEBHOOK, b.EMAIL]
    state = b.OWED.state
    assert channel_at([], state, b.instant(b.EVENT_AT)) == b.INBOX
    assert channel_at(channels, state, b.instant("2026-03-09 21:59")) == b.WEBHOOK
    assert channel_at(channels, state, b.instant("2026-03-09 22:00")) == b.EMAIL
    assert channel_at(channels, state, b.instant("2026-03-19 22:00")) == b.EMAIL
    assert channel_at(channels, state, b.instant("2026-03-08 22:00")) == b.WEBHOOK


def test_events_of_others_are_not_folded() -> None:
    assert obligation.DECIDER.initial.obligation_id == ""
    with pytest.raises(TypeError, match="ParticipantAdded"):
        b.OWED.given(directory.ParticipantAdded())
    assert subscriptions.Channel.Name(b.OWED.state.channel) == "CHANNEL_UNSPECIFIED"
