"""What the items of a claim come to: time by the record of presence, everything else by receipt, both within the rates.

Law: F4 (right to reimbursement, domain/04 §4.5). Every number here is our own proposed limit (P).
"""

from collections.abc import Iterator, Sequence

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import expense_events_pb2 as events
from guanhu.appropriate_adult.v1 import expense_service_pb2 as api
from services.appropriate_adult import presence
from services.appropriate_adult.presence import Session
from services.appropriate_adult.rates import Rate
from services.kernel.errors import IllegalState, Invalid, Violation

SPENT_FEN_MAX = 1_000_000  # P: ten thousand yuan for one session
KILOMETRES_MAX = 2_000  # P
MINUTES_OF_AN_HOUR = 60
# Against a receipt; the rate is the most that is paid. The others are paid by rate and need one.
_BY_RECEIPT = frozenset({events.EXPENSE_KIND_FARE, events.EXPENSE_KIND_OTHER})


def minutes_attended(session: Session, adult_id: str) -> int | None:
    """Full minutes that the adult was in the room as appropriate adult; None where the adult never came.

    A departure that nobody recorded is taken to be the last recorded act of the session.
    """
    part = assignments.ATTENDEE_PART_APPROPRIATE_ADULT
    stays = [stay for stay in session.stays if stay.attendee_id == adult_id and stay.part == part]
    if not stays:
        return None
    return presence.minutes((stay.came_at, stay.left_at or session.last_at or stay.came_at) for stay in stays)


def check_items(items: Sequence[api.ClaimedItem]) -> None:
    """Raises Invalid for items that say too little, too much or the same twice."""
    kinds = [item.kind for item in items]
    violations = [violation for number, item in enumerate(items) for violation in _violations(item, f"items[{number}]")]
    violations += [
        Violation(f"items[{number}].kind", "stands twice") for number, kind in enumerate(kinds) if kind in kinds[:number]
    ]
    if violations:
        raise Invalid(*violations)


def item_of(claimed: api.ClaimedItem, minutes: int, rate: Rate | None) -> events.ExpenseItem:
    """The item with its amount.

    Raises:
        IllegalState: it is paid by a rate, and the agency has set none.
    """
    item = events.ExpenseItem(
        kind=claimed.kind, spent_fen=claimed.spent_fen, receipt_no=claimed.receipt_no, rate=rate.message() if rate else None
    )
    if claimed.kind in _BY_RECEIPT:
        item.amount_fen = min(claimed.spent_fen, rate.amount_fen) if rate else claimed.spent_fen
        return item
    if rate is None:
        raise IllegalState("EXPENSE_RATE_MISSING", "the agency has set no rate for this on that day")
    if claimed.kind == events.EXPENSE_KIND_DISTANCE:
        item.quantity = claimed.kilometres
        item.amount_fen = claimed.kilometres * rate.amount_fen
    else:
        item.quantity = minutes
        # Rounded up to a whole fen: a minute that was attended is never lost.
        item.amount_fen = -(-minutes * rate.amount_fen // MINUTES_OF_AN_HOUR)
    return item


def _violations(item: api.ClaimedItem, path: str) -> Iterator[Violation]:
    by_receipt = item.kind in _BY_RECEIPT
    if by_receipt != bool(item.spent_fen):
        yield Violation(f"{path}.spent_fen", "is required with a receipt, and only there")
    if by_receipt != bool(item.receipt_no):
        yield Violation(f"{path}.receipt_no", "is required with a receipt, and only there")
    if (item.kind == events.EXPENSE_KIND_DISTANCE) != bool(item.kilometres):
        yield Violation(f"{path}.kilometres", "is required with a distance, and only there")
    if item.spent_fen > SPENT_FEN_MAX:
        yield Violation(f"{path}.spent_fen", f"is more than {SPENT_FEN_MAX}")
    if item.kilometres > KILOMETRES_MAX:
        yield Violation(f"{path}.kilometres", f"is more than {KILOMETRES_MAX}")
