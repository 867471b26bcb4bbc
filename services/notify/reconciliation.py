"""Reconciliation: what the journals demand against what the ledger holds and what its view shows; pure.

A message is missing where a journal demands it and no obligation exists, where delivery was given up, or where the receipt is
overdue: a receiver that says it took what it dropped is found by the receipt that never comes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.notify.v1 import reconciliation_events_pb2 as events
from services.kernel.dates import to_datetime
from services.kernel.decision import Act, Decider, Facts
from services.notify.obligation import ACKNOWLEDGED, DELIVERED, EXHAUSTED, SUPPRESSED, Owe
from services.notify.obligation import State as Obligation

# A younger event may be on its way still; an older one must have become its obligations.
GRACE = timedelta(seconds=60)
NAMED_MAX = 200


@dataclass(frozen=True, slots=True)
class Account:
    """The outcome: accounts of all pairs in a fixed order, and everything that is missing or wrong."""

    pairs: tuple[events.PairAccount, ...]
    discrepancies: tuple[events.Discrepancy, ...]


@dataclass(frozen=True, slots=True)
class Books:
    """What is held against each other: demands and obligations by id, and the status of each that the view shows."""

    demanded: Mapping[str, Owe]
    recorded: Mapping[str, Obligation]
    listed: Mapping[str, int]
    heads: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """Whether the reconciliation of a day was recorded."""

    recorded: bool = False


def decide(command: events.LedgerReconciled, state: State, _: Act, __: Facts) -> list[Message]:
    """The day's reconciliation is recorded once."""
    return [] if state.recorded else [command]


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    if isinstance(event, events.LedgerReconciled):
        return replace(state, recorded=True)
    raise TypeError(event.DESCRIPTOR.full_name)


DECIDER = Decider("reconciliation", State(), decide, evolve)


def reconcile(books: Books, now: datetime) -> Account:
    """Accounts for every message that the journals demand, and for every obligation that there is."""
    pairs: dict[tuple[str, str], events.PairAccount] = {}
    discrepancies: list[events.Discrepancy] = []
    for obligation_id in sorted(books.demanded.keys() | books.recorded.keys()):
        demand, state = books.demanded.get(obligation_id), books.recorded.get(obligation_id)
        owed = demand.owed if demand is not None else _owed(state)
        if demand is None and owed.cause.position > books.heads.get(owed.cause.origin, 0):
            # Its cause came after the journal was read; the next reconciliation sees both.
            continue
        key = (owed.from_uscc, owed.to_uscc)
        pair = pairs.setdefault(key, events.PairAccount(from_uscc=owed.from_uscc, to_uscc=owed.to_uscc))
        pair.owed += demand is not None
        found = [*_of_ledger(pair, demand, state, now), *_of_view(state, books.listed.get(obligation_id))]
        pair.discrepancies += len(found)
        discrepancies += [_named(kind, owed) for kind in found]
    return Account(tuple(pairs[key] for key in sorted(pairs)), tuple(discrepancies))


def of_case(books: Books, case_id: str) -> Books:
    """What is demanded and recorded of one case; all of it where none is given."""
    if not case_id:
        return books
    demanded = {key: demand for key, demand in books.demanded.items() if demand.owed.cause.case_id == case_id}
    recorded = {key: state for key, state in books.recorded.items() if _owed(state).cause.case_id == case_id}
    return replace(books, demanded=demanded, recorded=recorded)


def of_agency(account: Account, uscc: str) -> Account:
    """What concerns one agency; all of it where none is given."""
    if not uscc:
        return account
    return Account(
        tuple(pair for pair in account.pairs if uscc in {pair.from_uscc, pair.to_uscc}),
        tuple(found for found in account.discrepancies if uscc in {found.from_uscc, found.to_uscc}),
    )


Kinds = Iterator["events.DiscrepancyKind.ValueType"]


def _of_ledger(pair: events.PairAccount, demand: Owe | None, state: Obligation | None, now: datetime) -> Kinds:
    if demand is None:
        yield events.DISCREPANCY_KIND_UNFOUNDED
        return
    receipt_by = to_datetime(demand.owed.acknowledge_by) if demand.owed.HasField("acknowledge_by") else None
    pair.acknowledgement_due += receipt_by is not None
    if state is None:
        if to_datetime(demand.owed.cause.recorded_at) + GRACE < now:
            yield events.DISCREPANCY_KIND_NOT_OWED
        else:
            pair.under_way += 1
        return
    if state.status == SUPPRESSED:
        pair.suppressed += 1
    elif state.status == ACKNOWLEDGED:
        pair.delivered += 1
        pair.acknowledged += receipt_by is not None
    elif state.status == DELIVERED:
        pair.delivered += 1
        if receipt_by is not None and receipt_by < now:
            yield events.DISCREPANCY_KIND_NOT_ACKNOWLEDGED
        else:
            pair.under_way += receipt_by is not None
    elif state.status == EXHAUSTED or state.retry_until + GRACE < now:
        yield events.DISCREPANCY_KIND_NOT_DELIVERED
    else:
        pair.under_way += 1


def _of_view(state: Obligation | None, listed: int | None) -> Kinds:
    if state is not None and state.status != listed:
        yield events.DISCREPANCY_KIND_NOT_LISTED


def _owed(state: Obligation | None) -> obligations.MessageOwed:
    assert state is not None and state.owed is not None
    return state.owed


def _named(kind: "events.DiscrepancyKind.ValueType", owed: obligations.MessageOwed) -> events.Discrepancy:
    return events.Discrepancy(
        kind=kind,
        obligation_id=owed.obligation_id,
        cause=owed.cause,
        from_uscc=owed.from_uscc,
        to_uscc=owed.to_uscc,
        handoff_id=owed.handoff_id,
    )
