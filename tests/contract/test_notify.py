"""Notifications over a real channel: inbox, subscriptions, receipts, and a ledger that names every missing message."""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import psycopg
import pytest
from psycopg import sql

from guanhu.deadline.v1 import deadline_service_pb2 as deadlines
from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.notify.v1 import reconciliation_events_pb2 as reconciliations
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.journal import Recorded
from services.kernel.metrics import Metric
from services.kernel.rpc import reason_of
from services.notify import metrics
from services.notify.obligation import Owe
from tests.contract.agencies import AUD, CASE_HANDLING, CYL, OTHER_SWO, PROC, SWO, head, new_id
from tests.contract.notices import PROCURATOR, System

ACCEPTED = "guanhu.intake.v1.ReferralAccepted"
SUBMITTED = "guanhu.intake.v1.ReferralSubmitted"
# No process of this machine listens on the first port.
NOBODY = "https://localhost:1/hooks"


@pytest.fixture
def told(telling_case: System) -> System:
    return telling_case


def refused(call: Any) -> str:
    with pytest.raises(grpc.RpcError) as refusal:
        call()
    return reason_of(refusal.value)


def problems(told: System) -> list[tuple[str, str, str]]:
    """What is missing: its kind, the recipient, the event."""
    name = reconciliations.DiscrepancyKind.Name
    missing = told.missing(told.reconcile())
    return [(name(found.kind).removeprefix("DISCREPANCY_KIND_"), found.to_uscc, found.cause.type) for found in missing]


def figures(told: System, from_uscc: str, to_uscc: str) -> tuple[int, ...]:
    """Owed, delivered, receipts due, receipts acknowledged, under way, missing between two agencies."""
    for pair in told.reconcile(from_uscc).pairs:
        if (pair.from_uscc, pair.to_uscc) == (from_uscc, to_uscc):
            receipts = (pair.acknowledgement_due, pair.acknowledged)
            return (pair.owed, pair.delivered, *receipts, pair.under_way, pair.discrepancies)
    return (0, 0, 0, 0, 0, 0)


def test_a_referral_is_told_acknowledged_and_accounted_for(told: System) -> None:
    before = figures(told, PROC, CYL)
    referral_id = told.refer()
    told.settle()
    [message] = told.inbox(CYL)
    assert (message.from_uscc, message.handoff_id) == (PROC, "HO-05")
    assert message.cause.stream == f"referral-{referral_id}"
    assert message.text_zh.startswith("【观护·移送 HO-05】转介提交。")
    assert "盗窃" not in message.text_zh + message.text_en
    assert message.HasField("owed_at") and not message.HasField("acknowledged_at")
    told.until(lambda: told.sent(PROC)[0].status == api.OBLIGATION_STATUS_DELIVERED)
    told.acknowledge(message)
    told.settle()
    [sent] = told.sent(PROC)
    assert (sent.status, sent.channel) == (api.OBLIGATION_STATUS_ACKNOWLEDGED, subscriptions.CHANNEL_INBOX)
    assert sent.owed_at.ToDatetime() <= sent.delivered_at.ToDatetime() <= sent.acknowledged_at.ToDatetime()
    after = figures(told, PROC, CYL)
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1, 1, 0, 0]


def test_an_accepted_referral_is_told_to_sender_and_provider(told: System) -> None:
    told.accept(told.refer())
    told.settle()
    assert [message.kind for message in told.inbox(PROC)] == [obligations.OBLIGATION_KIND_ANSWER]
    assert [message.handoff_id for message in told.inbox(SWO)] == ["HO-05"]
    assert problems(told) == []


def test_a_party_subscribes_and_a_stranger_hears_nothing(told: System) -> None:
    added = "guanhu.directory.v1.ParticipantAdded"
    for uscc in (CYL, SWO, OTHER_SWO):
        wanted = subscriptions.EventFilter(subscription_id=new_id(), case_id=told.case.case_id)
        told.call("Subscribe", api.SubscribeRequest(head=head(), uscc=uscc, filter=wanted), uscc)
    quiet = api.SetPreferenceRequest(head=head(), uscc=CYL, event_type=added, suppressed=True)
    told.call("SetPreference", quiet, CYL)
    told.clock.move(seconds=6)
    told.accept(told.refer())
    told.until(lambda: bool(told.inbox(SWO, status=api.OBLIGATION_STATUS_DELIVERED)))
    told.settle()
    assert {message.cause.type for message in told.inbox(SWO)} == {ACCEPTED, added}
    assert {message.cause.type for message in told.inbox(CYL)} == {SUBMITTED}, "nobody is told of the own act"
    assert {message.cause.type for message in told.inbox(CYL, status=api.OBLIGATION_STATUS_SUPPRESSED)} == {added}
    assert told.inbox(OTHER_SWO) == []
    assert problems(told) == []


def test_only_the_recipient_acknowledges_and_a_stranger_learns_nothing(told: System) -> None:
    told.refer()
    told.settle()
    [message] = told.inbox(CYL)
    request = api.AcknowledgeReceiptRequest(head=head(), obligation_id=message.obligation_id)
    assert refused(lambda: told.call("AcknowledgeReceipt", request, PROC)) == "NOT_ALLOWED"
    assert refused(lambda: told.call("AcknowledgeReceipt", request, OTHER_SWO)) == "SEALED_OR_NOT_FOUND"
    unknown = api.AcknowledgeReceiptRequest(head=head(), obligation_id=new_id())
    assert refused(lambda: told.call("AcknowledgeReceipt", unknown, CYL)) == "SEALED_OR_NOT_FOUND"


def test_only_the_operator_opens_a_way_out_and_an_agency_names_only_its_own_endpoint(told: System) -> None:
    allow = api.AllowHostsRequest(head=head(), uscc=PROC, hosts=["localhost"])
    assert refused(lambda: told.call("AllowHosts", allow, PROC)) == "NOT_ALLOWED"
    endpoint = subscriptions.Endpoint(channel=subscriptions.CHANNEL_WEBHOOK, address="https://localhost/")
    register = api.RegisterEndpointRequest(head=head(), uscc=PROC, endpoint=endpoint)
    assert refused(lambda: told.call("RegisterEndpoint", register, PROC)) == "ENDPOINT_HOST_NOT_ALLOWED"
    assert refused(lambda: told.call("RegisterEndpoint", register, CYL)) == "SEALED_OR_NOT_FOUND"


def test_an_auditor_sees_all_accounts_and_an_agency_its_own(told: System) -> None:
    told.accept(told.refer())
    told.settle()
    everything = told.reconcile(AUD, "auditor-1", "AUDITOR").pairs
    assert {(pair.from_uscc, pair.to_uscc) for pair in everything} >= {(PROC, CYL), (CYL, PROC), (CYL, SWO)}
    own = {(pair.from_uscc, pair.to_uscc) for pair in told.reconcile(SWO).pairs}
    assert (CYL, SWO) in own and all(SWO in pair for pair in own)


def test_the_account_of_a_case_is_of_that_case_only(told: System) -> None:
    told.refer()
    told.settle()
    request = api.ReconcileRequest(purpose=CASE_HANDLING, case_id=told.case.case_id)
    answer = told.call("Reconcile", request, AUD, "auditor-1", "AUDITOR")
    assert [(pair.from_uscc, pair.to_uscc, pair.owed) for pair in answer.pairs] == [(PROC, CYL, 1)]
    request.case_id = new_id()
    assert list(told.call("Reconcile", request).pairs) == []


def test_a_warning_and_a_lapse_of_a_clock_reach_the_agency_that_had_to_act(told: System) -> None:
    """DL-RIGHTS-3D, set by the organ; the system itself tells of its end."""
    stream = f"case-{told.case.case_id}"
    request = deadlines.SetDeadlineRequest(head=head(), service="intake", stream=stream, rule_id="DL-RIGHTS-3D")
    # In custody no holiday prolongs the period, so that its end is known here.
    request.liberty_restricted = True
    told.client.call("deadline", "SetDeadline", request, *PROCURATOR)
    for days, expected in ((3, ["DeadlineWarned"]), (1, ["DeadlineWarned", "DeadlineExpired"])):
        told.clock.move(days=days)
        told.until(lambda expected=expected: len(told.inbox(PROC)) == len(expected))  # type: ignore[misc]
        assert [message.cause.type.rpartition(".")[2] for message in told.inbox(PROC)] == expected
    warning, lapse = told.inbox(PROC)
    assert {message.kind for message in (warning, lapse)} == {obligations.OBLIGATION_KIND_DEADLINE}
    assert not warning.HasField("acknowledge_by") and lapse.HasField("acknowledge_by")
    assert lapse.from_uscc == "" and "（DL-RIGHTS-3D）" in lapse.text_zh
    assert problems(told) == []


def test_a_row_deleted_from_the_view_is_named(told: System) -> None:
    told.refer()
    told.settle()
    schema = told.running.services["notify"].views["obligations"].schema
    with psycopg.connect(told.running.resources.database_url) as conn:
        table = sql.Identifier(schema, "obligations")
        row = conn.execute(
            sql.SQL("delete from {} where case_id = %s returning *").format(table), [told.case.case_id]
        ).fetchone()
        assert row is not None
    assert problems(told) == [("NOT_LISTED", CYL, SUBMITTED)]
    with psycopg.connect(told.running.resources.database_url) as conn:
        values = sql.SQL(", ").join(sql.Placeholder() * len(row))
        conn.execute(sql.SQL("insert into {} values ({})").format(table, values), row)


def test_an_event_that_a_follower_skipped_is_named(told: System, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = next(f for f in told.running.services["notify"].followers if f.name == "telling:intake")
    whole = follower._effect

    def broken(conn: psycopg.Connection, rows: Sequence[Recorded]) -> None:
        whole(conn, [row for row in rows if row.type != ACCEPTED])

    monkeypatch.setattr(follower, "_effect", broken)
    told.accept(told.refer())
    told.settle()
    assert problems(told) == [], "the event is young: its messages may be on their way"
    told.clock.move(seconds=61)
    assert sorted(problems(told)) == sorted([("NOT_OWED", PROC, ACCEPTED), ("NOT_OWED", SWO, ACCEPTED)])


def test_an_obligation_that_no_event_demands_is_named(told: System) -> None:
    registered = "guanhu.directory.v1.AgencyRegistered"
    cause = obligations.Cause(origin="intake", position=1, stream="agency-x", type=registered, case_id=told.case.case_id)
    owed = obligations.MessageOwed(obligation_id=new_id(), cause=cause, from_uscc=PROC, to_uscc=CYL)
    owed.kind = obligations.OBLIGATION_KIND_SUBSCRIPTION
    books: Any = told.running.services["notify"].led()["reconciliation"]
    books._ledger.execute({owed.obligation_id: Owe(owed)})
    told.settle()
    assert problems(told)[0][0] == "UNFOUNDED"


def test_an_overdue_receipt_alerts_the_sender_and_is_named(told: System) -> None:
    told.refer()
    told.settle()
    told.until(lambda: told.inbox(CYL)[0].status == api.OBLIGATION_STATUS_DELIVERED)
    told.clock.move(days=12)
    told.until(lambda: bool(told.inbox(PROC)))
    [alert] = told.inbox(PROC)
    assert (alert.kind, alert.from_uscc) == (obligations.OBLIGATION_KIND_ESCALATION, CYL)
    assert told.inbox(CYL)[0].escalated
    assert problems(told) == [("NOT_ACKNOWLEDGED", CYL, SUBMITTED)]


@pytest.fixture
def stopped_books(told: System) -> Iterator[Any]:
    """What reconciles, which else looks for a new day once a minute by itself."""
    books: Any = told.running.services["notify"].led()["reconciliation"]
    books.stop()
    yield books
    books.start()


def test_the_days_account_is_recorded_once(told: System, stopped_books: Any) -> None:
    told.refer()
    told.settle()
    # Nothing is open, so that the account stays as it is while days pass.
    told.acknowledge(told.inbox(CYL)[0])
    told.settle()
    told.clock.move(days=3)
    assert [stopped_books.step(told.clock.now()) for _ in range(2)] == [True, False]
    journal = told.running.services["notify"].journal
    assert journal is not None
    [*_, row] = [row for row in journal.read(0, 10_000) if row.stream.startswith("reconciliation-")]
    event: Any = told.running.services["notify"].codec.clear(row)
    assert event.pairs == told.reconcile().pairs
    told.clock.move(days=1)
    assert stopped_books.step(told.clock.now())


def test_gauges_tell_what_waits_and_what_the_days_account_names(told: System, stopped_books: Any) -> None:
    def gauge(metric: Metric) -> float:
        [(value, attributes)] = told.running.services["notify"].gauges[metric]()
        assert attributes == {}
        return value

    told.listen(CYL, subscriptions.CHANNEL_WEBHOOK, NOBODY)
    told.refer()
    told.until(lambda: gauge(metrics.UNDELIVERED) == 1 and told.inbox(CYL)[0].attempts == 1)
    told.clock.move(minutes=1)
    assert gauge(metrics.OLDEST) >= 60
    told.clock.move(days=7)
    told.until(lambda: told.inbox(CYL)[0].status == api.OBLIGATION_STATUS_EXHAUSTED)
    told.until(lambda: gauge(metrics.UNDELIVERED) == 0)
    assert gauge(metrics.OLDEST) == 0
    assert stopped_books.step(told.clock.now())
    account = told.reconcile()
    assert gauge(metrics.MISSING) == account.total
    assert told.missing(account) != []
    told.clock.move(hours=20)
    assert 20 * 3600 <= gauge(metrics.RECONCILED) < 21 * 3600


def test_a_watch_goes_on_where_it_was_broken_off(told: System) -> None:
    for _ in range(3):
        told.refer()
    told.settle()
    before = told.inbox(CYL)[0].position - 1
    positions: list[int] = []
    for expected in range(1, 4):
        # Broken off after every message: the next watch begins after the last position whose effect was stored.
        stub = told.client.channel(CYL).unary_stream(
            "/guanhu.notify.v1.NotifyService/Watch",
            request_serializer=api.WatchRequest.SerializeToString,
            response_deserializer=api.WatchResponse.FromString,
        )
        stream = stub(api.WatchRequest(purpose=CASE_HANDLING, after=max(positions, default=before)), timeout=20)
        positions.append(next(iter(stream)).message.position)
        stream.cancel()  # type: ignore[no-untyped-call]
        assert len(positions) == expected
    assert positions == [message.position for message in told.inbox(CYL)]
