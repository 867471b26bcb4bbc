"""Synthetic obligations and subscriptions; agencies and acts are those of intake's builders."""

from datetime import datetime
from typing import Any

from guanhu.notify.v1 import obligation_events_pb2 as events
from guanhu.notify.v1 import subscription_events_pb2 as subscriptions
from services.kernel.dates import from_datetime
from services.kernel.decision import CHINA_STANDARD_TIME, Act
from services.notify import obligation
from tests.unit.gwt import Story, act
from tests.unit.intake.builders import CASE, CYL, PROC, SWO

OBLIGATION = "00000000-0000-0000-0000-000000000101"
OTHER_CASE = "00000000-0000-0000-0000-000000000102"
FILTER = "00000000-0000-0000-0000-000000000103"
OTHER_FILTER = "00000000-0000-0000-0000-000000000104"
SUBMITTED = "guanhu.social_investigation.v1.ReportSubmitted"
EVENT_AT = "2026-03-09 10:00"
ACKNOWLEDGE_BY = "2026-03-11 00:00"


def instant(text: str) -> datetime:
    """An instant of China Standard Time."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA_STANDARD_TIME)


def system(at: str = EVENT_AT) -> Act:
    """An act of the service itself."""
    return act("guanhu:notify", "", at, role="SYSTEM", by_service=True)


def recipient(at: str = EVENT_AT) -> Act:
    """An act of the agency that is told."""
    return act(PROC, "procurator", at)


def owed(**changes: Any) -> events.MessageOwed:
    """The procuratorate must be told that the institution submitted its report (HO-07)."""
    cause = events.Cause(
        origin="social_investigation",
        position=7,
        stream="investigation-1",
        type=SUBMITTED,
        case_id=CASE,
        recorded_at=from_datetime(instant(EVENT_AT)),
    )
    fields: dict[str, Any] = {
        "obligation_id": OBLIGATION,
        "cause": cause,
        "from_uscc": SWO,
        "to_uscc": PROC,
        "kind": events.OBLIGATION_KIND_HANDOFF,
        "handoff_id": "HO-07",
        "acknowledge_by": from_datetime(instant(ACKNOWLEDGE_BY)),
        **changes,
    }
    return events.MessageOwed(**{name: value for name, value in fields.items() if value is not None})


NEW = Story.of(obligation.DECIDER)
OWED = NEW.after(obligation.Owe(owed()), system())
WEBHOOK, EMAIL, INBOX = subscriptions.CHANNEL_WEBHOOK, subscriptions.CHANNEL_EMAIL, subscriptions.CHANNEL_INBOX
BEGUN = OWED.after(obligation.Begin((WEBHOOK,)), system())
DONE = obligation.Finish(1, events.ATTEMPT_OUTCOME_DELIVERED, 204)
FAILED = obligation.Finish(1, events.ATTEMPT_OUTCOME_UNREACHABLE)
DELIVERED = BEGUN.after(DONE, system())
# The window is a day: an attempt that fails at its end is the last one.
EXHAUSTED = BEGUN.after(FAILED, system("2026-03-10 10:00"))

__all__ = ["CASE", "CYL", "PROC", "SWO"]
