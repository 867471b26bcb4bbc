"""Deliveries to real receivers: HTTPS that verifies, fails, redirects, comes back; SMTP over TLS; files for text messages."""

import email
import email.policy
import ipaddress
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.clock import SystemClock
from services.notify.channels.egress import Egress, Forbidden
from tests.contract.agencies import CYL, PROC, SWO, head
from tests.contract.mailbox import Mailbox
from tests.contract.notices import System
from tests.contract.receiver import Certificates, Receiver, make_certificates, receiving, verified

WEBHOOK, EMAIL, SMS = subscriptions.CHANNEL_WEBHOOK, subscriptions.CHANNEL_EMAIL, subscriptions.CHANNEL_SMS
DELIVERED, EXHAUSTED = api.OBLIGATION_STATUS_DELIVERED, api.OBLIGATION_STATUS_EXHAUSTED
BACK_OFF_S = 7


@pytest.fixture
def told(telling_case: System) -> System:
    return telling_case


@pytest.fixture
def letters(mailbox: Mailbox) -> list[tuple[list[str], bytes]]:
    """What is mailed while a test runs."""
    mailbox.letters.clear()
    mailbox.refuses = ""
    return mailbox.letters


@pytest.fixture
def league(told: System, certificates: Certificates) -> Iterator[Receiver]:
    """The League's system, which takes webhooks."""
    with receiving(certificates) as receiver:
        told.listen(CYL, WEBHOOK, receiver.address)
        yield receiver


def statuses(told: System, uscc: str) -> list[int]:
    return [message.status for message in told.inbox(uscc)]


def outcomes(told: System, obligation_id: str) -> list[str]:
    """The outcomes of all attempts, as the journal has them."""
    notify = told.running.services["notify"]
    assert notify.journal is not None
    events = map(notify.codec.clear, notify.journal.read_stream(f"obligation-{obligation_id}"))
    name = obligations.AttemptOutcome.Name
    return [
        name(event.outcome).removeprefix("ATTEMPT_OUTCOME_")
        for event in events
        if isinstance(event, obligations.DeliveryAttempted)
    ]


def test_a_webhook_is_signed_and_holds_ids_type_and_position_only(told: System, league: Receiver) -> None:
    referral_id = told.refer()
    league.wait(lambda r: len(r.calls) == 1)
    path, headers, body = league.calls[0]
    key = told.public_key(CYL)
    assert (path, verified(headers, body, key)) == ("/hooks", True)
    assert not verified({**headers, "webhook-id": "another"}, body, key)
    assert not verified(headers, body + b" ", key)
    told.until(lambda: statuses(told, CYL) == [DELIVERED])
    [message] = told.inbox(CYL)
    event = json.loads(body)
    assert event["id"] == headers["webhook-id"] == message.obligation_id
    assert (event["type"], event["subject"]) == (message.cause.type, f"referral-{referral_id}")
    assert set(event["data"]) == {"obligation_id", "position", "case_id", "cause", "handoff_id", "acknowledge_by"}
    assert event["data"]["position"] == message.position
    assert outcomes(told, message.obligation_id) == ["DELIVERED"]


def test_a_receiver_that_fails_and_comes_back_gets_everything_in_order_under_the_same_ids(
    told: System, league: Receiver
) -> None:
    # Once: how often it would fail else, before it comes back, is for the machine's speed to say.
    answers = iter([(500, dict[str, str]())])
    league.answer = lambda _: next(answers, (204, {}))
    for _ in range(3):
        told.refer()
    league.wait(lambda r: len(r.calls) == 1)
    told.settle()
    told.clock.move(seconds=BACK_OFF_S)
    league.wait(lambda r: len(r.effects) == 3)
    told.until(lambda: statuses(told, CYL) == [DELIVERED] * 3)
    messages = told.inbox(CYL)
    assert [headers["webhook-id"] for _, headers, _ in league.calls] == [
        messages[0].obligation_id,
        *(message.obligation_id for message in messages),
    ]
    assert outcomes(told, messages[0].obligation_id) == ["REFUSED", "DELIVERED"]


def test_a_redirect_is_refused_and_nothing_is_sent_there(told: System, league: Receiver, certificates: Certificates) -> None:
    with receiving(certificates) as elsewhere:
        league.answer = lambda _: (307, {"location": elsewhere.address})
        told.refer()
        league.wait(lambda r: len(r.calls) == 1)
        told.until(lambda: told.inbox(CYL)[0].attempts == 1)
        assert outcomes(told, told.inbox(CYL)[0].obligation_id) == ["REDIRECTED"]
        assert elsewhere.calls == []


def test_a_receiver_that_does_not_answer_in_time_is_tried_again(
    told: System, league: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker: Any = told.running.services["notify"].led()["deliveries"]
    monkeypatch.setattr(worker._channels[WEBHOOK], "_timeout_s", 0.5)
    league.answer = lambda _: None
    told.refer()
    told.until(lambda: bool(told.inbox(CYL)) and told.inbox(CYL)[0].attempts == 1)
    assert outcomes(told, told.inbox(CYL)[0].obligation_id) == ["TIMED_OUT"]
    league.answer = lambda _: (204, {})
    told.clock.move(seconds=BACK_OFF_S)
    told.until(lambda: statuses(told, CYL) == [DELIVERED])


def test_a_receiver_whose_certificate_nobody_trusts_gets_nothing(told: System, tmp_path: Path) -> None:
    with receiving(make_certificates(tmp_path)) as stranger:
        told.listen(CYL, WEBHOOK, stranger.address)
        told.refer()
        told.until(lambda: bool(told.inbox(CYL)) and told.inbox(CYL)[0].attempts == 1)
        assert outcomes(told, told.inbox(CYL)[0].obligation_id) == ["UNREACHABLE"]
        assert stranger.calls == []


def test_a_dead_receiver_delays_nobody_else(told: System, league: Receiver, certificates: Certificates) -> None:
    league.answer = lambda _: None
    with receiving(certificates) as provider:
        told.listen(SWO, WEBHOOK, provider.address)
        ids = [told.refer() for _ in range(3)]
        league.wait(lambda r: len(r.calls) == 1)
        began = SystemClock().now()
        for referral_id in ids:
            told.accept(referral_id)
        provider.wait(lambda r: len(r.effects) == 3)
        assert SystemClock().now() - began < timedelta(seconds=8), "sooner than the other's time limit"


def test_what_nobody_takes_is_exhausted_and_the_sender_is_alerted_and_it_can_be_redriven(
    told: System, league: Receiver
) -> None:
    league.answer = lambda _: (503, {})
    told.refer()
    league.wait(lambda r: len(r.calls) == 1)
    told.clock.move(hours=25)
    told.until(lambda: statuses(told, CYL) == [EXHAUSTED])
    told.until(lambda: bool(told.inbox(PROC)))
    assert told.inbox(PROC)[0].kind == obligations.OBLIGATION_KIND_ESCALATION
    told.settle()
    assert [found.to_uscc for found in told.missing(told.reconcile())] == [CYL]
    league.answer = lambda _: (204, {})
    request = api.RedriveDeliveryRequest(head=head(), obligation_id=told.inbox(CYL)[0].obligation_id, reason="已恢复")
    told.call("RedriveDelivery", request, CYL)
    told.until(lambda: statuses(told, CYL) == [DELIVERED])
    told.settle()


def test_a_host_that_is_no_longer_allowed_gets_nothing(told: System, league: Receiver) -> None:
    told.call("AllowHosts", api.AllowHostsRequest(head=head(), uscc=CYL))
    told.refer()
    told.until(lambda: bool(told.inbox(CYL)) and told.inbox(CYL)[0].attempts == 1)
    assert outcomes(told, told.inbox(CYL)[0].obligation_id) == ["FORBIDDEN"]
    assert league.calls == []


def test_a_name_that_points_into_the_own_network_reaches_nothing() -> None:
    with pytest.raises(Forbidden):
        Egress().connect("localhost", 443, 1.0)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "::ffff:10.0.0.1", "fe80::1", "fd00::1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::"],
)  # fmt: skip
def test_private_and_translated_addresses_are_not_sent_to(address: str) -> None:
    assert not Egress().permits(ipaddress.ip_address(address))


def test_public_addresses_and_the_governments_own_network_are_sent_to() -> None:
    egress = Egress.parse("10.20.0.0/16, fd12::/32")
    permitted = ["1.1.1.1", "10.20.3.4", "::ffff:10.20.3.4", "fd12::1", "2606:4700::1111"]
    assert all(egress.permits(ipaddress.ip_address(address)) for address in permitted)
    assert not egress.permits(ipaddress.ip_address("10.21.0.1"))


def test_mail_goes_out_over_tls_in_both_languages_without_a_personal_value(
    told: System, letters: list[tuple[list[str], bytes]]
) -> None:
    told.listen(CYL, EMAIL, "duty@league.example", "league.example")
    told.refer()
    told.until(lambda: statuses(told, CYL) == [DELIVERED])
    [(recipients, content)] = letters
    letter = email.message_from_bytes(content, policy=email.policy.default)
    [message] = told.inbox(CYL)
    assert recipients == ["duty@league.example"]
    assert letter["Message-ID"] == f"<{message.obligation_id}@guanhu.example>"
    text = letter.get_body().get_content()  # type: ignore[union-attr]
    assert message.text_zh in text and message.text_en.strip() in text
    assert "盗窃" not in text and "段某某" not in text


@pytest.mark.usefixtures("letters")
def test_a_mailbox_that_refuses_is_tried_again(told: System, mailbox: Mailbox) -> None:
    mailbox.refuses = "452 full"
    told.listen(CYL, EMAIL, "duty@league.example", "league.example")
    told.refer()
    told.until(lambda: bool(told.inbox(CYL)) and told.inbox(CYL)[0].attempts == 1)
    mailbox.refuses = ""
    told.clock.move(seconds=BACK_OFF_S)
    told.until(lambda: statuses(told, CYL) == [DELIVERED])
    assert outcomes(told, told.inbox(CYL)[0].obligation_id) == ["REFUSED", "DELIVERED"]


def test_a_text_message_is_one_file_named_by_its_id(told: System) -> None:
    told.listen(CYL, SMS, "+861012355")
    told.refer()
    told.until(lambda: statuses(told, CYL) == [DELIVERED])
    [message] = told.inbox(CYL)
    [file] = (told.running.resources.config.state_folder / "sms").glob("*")
    assert file.name == f"{message.obligation_id}.json"
    assert json.loads(file.read_text(encoding="utf-8"))["text"] == message.text_zh


def test_mail_stands_in_for_a_system_that_is_away_for_half_the_window(
    told: System, letters: list[tuple[list[str], bytes]], certificates: Certificates
) -> None:
    with receiving(certificates) as closed:
        address = closed.address
    told.listen(CYL, WEBHOOK, address)
    told.listen(CYL, EMAIL, "duty@localhost")
    told.refer()
    told.until(lambda: bool(told.inbox(CYL)) and told.inbox(CYL)[0].attempts == 1)
    told.clock.move(hours=13)
    told.until(lambda: statuses(told, CYL) == [DELIVERED])
    assert len(letters) == 1
