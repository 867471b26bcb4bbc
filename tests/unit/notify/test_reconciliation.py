"""Accounts: every message that a journal demands is found again, or named."""

from collections.abc import Mapping
from typing import Any

import pytest

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.notify.v1 import notify_service_pb2 as api
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.notify.v1 import reconciliation_events_pb2 as events
from services.notify.obligation import Begin, Overdue, Owe, State
from services.notify.reconciliation import DECIDER, Account, Books, of_agency, of_case, reconcile
from tests.unit.gwt import Story
from tests.unit.intake.builders import command
from tests.unit.notify import builders as b

TIMELY = b.instant("2026-03-09 10:30")
LATE = b.instant("2026-03-12 00:00")
DEMAND = Owe(b.owed())
ACKNOWLEDGED = b.DELIVERED.after(command(api.AcknowledgeReceiptRequest, obligation_id=b.OBLIGATION), b.recipient())
SUPPRESSED = b.NEW.after(Owe(b.owed(), suppressed=True), b.system())
UNTIMED = Owe(b.owed(kind=obligations.OBLIGATION_KIND_SUBSCRIPTION, acknowledge_by=None))
READ = b.NEW.after(UNTIMED, b.system()).after(Begin(), b.system())


def account(
    state: State | None, now: Any = TIMELY, demand: Owe | None = DEMAND, listed: Mapping[str, int] | None = None
) -> Account:
    """The account of one message; the view shows what the ledger says unless told."""
    shown = {b.OBLIGATION: state.status} if state is not None else {}
    books = Books(
        {b.OBLIGATION: demand} if demand else {},
        {b.OBLIGATION: state} if state is not None else {},
        shown if listed is None else listed,
        {"social_investigation": 7},
    )
    return reconcile(books, now)


def kinds(found: Account) -> list[str]:
    name = events.DiscrepancyKind.Name
    return [name(one.kind).removeprefix("DISCREPANCY_KIND_") for one in found.discrepancies]


def figures(found: Account) -> tuple[int, ...]:
    """Owed, delivered, suppressed, receipts due, receipts acknowledged, under way, wrong."""
    [pair] = found.pairs
    assert (pair.from_uscc, pair.to_uscc) == (b.SWO, b.PROC)
    return (
        pair.owed,
        pair.delivered,
        pair.suppressed,
        pair.acknowledgement_due,
        pair.acknowledged,
        pair.under_way,
        pair.discrepancies,
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (ACKNOWLEDGED.state, (1, 1, 0, 1, 1, 0, 0)),
        (b.DELIVERED.state, (1, 1, 0, 1, 0, 1, 0)),
        (b.OWED.state, (1, 0, 0, 1, 0, 1, 0)),
        (SUPPRESSED.state, (1, 0, 1, 1, 0, 0, 0)),
    ],
)
def test_a_whole_account_has_nothing_wrong(state: State, expected: tuple[int, ...]) -> None:
    assert figures(account(state)) == expected
    assert kinds(account(state)) == []


def test_a_message_without_a_receipt_is_finished_once_it_is_delivered() -> None:
    assert figures(account(READ.state, LATE, UNTIMED)) == (1, 1, 0, 0, 0, 0, 0)


def test_an_event_that_became_no_obligation_is_named_once_it_is_a_minute_old() -> None:
    assert figures(account(None, b.instant("2026-03-09 10:01"))) == (1, 0, 0, 1, 0, 1, 0)
    found = account(None, b.instant("2026-03-09 10:01:01"))
    assert (kinds(found), figures(found)) == (["NOT_OWED"], (1, 0, 0, 1, 0, 0, 1))
    assert found.discrepancies[0].cause.position == 7
    assert found.discrepancies[0].handoff_id == "HO-07"


def test_what_was_given_up_or_whose_window_is_over_is_named() -> None:
    assert kinds(account(b.EXHAUSTED.state)) == ["NOT_DELIVERED"]
    assert kinds(account(b.OWED.state, LATE)) == ["NOT_DELIVERED"]


def test_a_receiver_that_says_it_took_what_it_dropped_is_found_by_its_missing_receipt() -> None:
    assert kinds(account(b.DELIVERED.after(Overdue(), b.system("2026-03-12 00:00")).state, LATE)) == ["NOT_ACKNOWLEDGED"]


def test_what_the_view_lost_or_shows_otherwise_is_named() -> None:
    assert kinds(account(b.OWED.state, listed={})) == ["NOT_LISTED"]
    assert kinds(account(b.OWED.state, listed={b.OBLIGATION: ACKNOWLEDGED.state.status})) == ["NOT_LISTED"]


def test_an_obligation_that_no_journal_demands_is_named_and_not_counted_as_owed() -> None:
    found = account(ACKNOWLEDGED.state, demand=None)
    assert (kinds(found), figures(found)[0]) == (["UNFOUNDED"], 0)


def test_an_obligation_whose_cause_came_after_the_journal_was_read_waits_for_the_next_account() -> None:
    books = Books({}, {b.OBLIGATION: b.OWED.state}, {b.OBLIGATION: b.OWED.state.status}, {"social_investigation": 6})
    assert reconcile(books, LATE) == Account((), ())


def test_the_account_of_one_case_holds_nothing_of_another() -> None:
    books = Books({b.OBLIGATION: DEMAND}, {b.OBLIGATION: ACKNOWLEDGED.state}, {b.OBLIGATION: ACKNOWLEDGED.state.status})
    assert of_case(books, "") == of_case(books, b.CASE) == books
    assert reconcile(of_case(books, b.OTHER_CASE), TIMELY) == Account((), ())


def test_an_agency_sees_its_own_pairs() -> None:
    whole = account(b.EXHAUSTED.state)
    assert of_agency(whole, "") == of_agency(whole, b.PROC) == of_agency(whole, b.SWO) == whole
    assert of_agency(whole, b.CYL) == Account((), ())


def test_a_days_account_is_recorded_once() -> None:
    day = Story.of(DECIDER)
    recorded = events.LedgerReconciled()
    assert DECIDER.decide(recorded, day.state, b.system(), day.facts) == [recorded]
    assert DECIDER.decide(recorded, day.given(recorded).state, b.system(), day.facts) == []
    with pytest.raises(TypeError, match="ParticipantAdded"):
        day.given(directory.ParticipantAdded())
