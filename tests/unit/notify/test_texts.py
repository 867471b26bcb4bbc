"""What agencies read: from the event alone, in both languages, and never a personal value, whatever an event holds."""

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import message_factory

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.options.v1 import options_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from services.notify.duties import DUTIES, Owing
from services.notify.texts import render
from tests.unit.intake.builders import CASE, PROC, SWO
from tests.unit.notify import builders as b

CANARY = "金丝雀某某"
FILES = (directory, cases, persons, referrals, investigations, adults, assignments, clocks, obligations)


def filled_with_canary(message: Any, depth: int = 0) -> Any:
    """The message with the canary in every text, personal or not, at every depth."""
    for field in message.DESCRIPTOR.fields:
        value: Any = CANARY
        if field.message_type is not None:
            if depth > 4:
                continue
            value = filled_with_canary(message_factory.GetMessageClass(field.message_type)(), depth + 1)
        elif field.type != field.TYPE_STRING:
            continue
        if field.is_repeated:
            getattr(message, field.name).append(value)
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(value)
        else:
            setattr(message, field.name, value)
    return message


def events() -> Iterator[Any]:
    for file in FILES:
        for descriptor in file.DESCRIPTOR.message_types_by_name.values():
            if descriptor.GetOptions().Extensions[options_pb2.title]:
                yield message_factory.GetMessageClass(descriptor)()


@pytest.mark.parametrize("event", list(events()), ids=lambda event: event.DESCRIPTOR.name)
def test_no_text_holds_anything_that_somebody_wrote_into_the_event(event: Any) -> None:
    for kind in obligations.ObligationKind.values()[1:]:
        owing = Owing(SWO, PROC, kind, "HO-07", b.instant("2026-03-11 00:00"))
        assert all(CANARY not in text for text in render(filled_with_canary(event), owing, CASE))


def test_a_text_says_what_happened_from_whom_in_which_case_and_what_to_do() -> None:
    owing = Owing(SWO, PROC, obligations.OBLIGATION_KIND_HANDOFF, "HO-07", b.instant("2026-03-11 00:00"))
    zh, en = render(investigations.ReportSubmitted(), owing, CASE)
    assert zh == (
        f"【观护·移送 HO-07】报告提交。来自机构 {SWO}。案件 {CASE}。请于 2026-03-11 00:00 前签收。"
        "具体内容请凭本机构权限登录系统查看。"
    )
    assert en.startswith(f"[Guanhu: Hand-off HO-07] Report submitted. From agency {SWO}. Case {CASE}. Acknowledge before")


def test_an_alert_says_that_the_work_is_still_the_senders() -> None:
    zh, en = render(obligations.ObligationEscalated(), Owing(PROC, SWO, obligations.OBLIGATION_KIND_ESCALATION), "")
    assert "仍由贵单位承担" in zh and "still yours" in en
    assert "案件" not in zh and "签收。请" not in zh


def test_a_text_without_a_known_sender_names_none() -> None:
    zh, en = render(cases.CaseClosed(), Owing("", PROC, obligations.OBLIGATION_KIND_SUBSCRIPTION), CASE)
    assert "来自机构" not in zh and "From agency" not in en


def test_every_event_with_a_duty_has_a_label_to_be_told_by() -> None:
    assert all(duty.event.DESCRIPTOR.GetOptions().Extensions[options_pb2.title] for duty in DUTIES)
