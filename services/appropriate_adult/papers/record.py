"""The course of a session as F5 tells it, act by act, and the signatures under it."""

from typing import Any, Final

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.papers.gathered import Gathered
from services.appropriate_adult.papers.terms import NOTHING, clock, term
from services.kernel.dates import to_datetime
from services.paper.wording import one_line

COMING: Final = (events.AppropriateAdultArrived, events.AttendeeArrived, events.AttendeeReturned)
_NAMED: Final[dict[type, str]] = {
    events.SessionBlocked: "条件不备",
    events.SessionStarted: "开始",
    events.SessionPaused: "暂停",
    events.SessionResumed: "恢复",
    events.SessionEnded: "结束",
    events.AttendeeLeft: "离场",
    events.AttendeeReturned: "返场",
}
_SIGNING: Final = (events.RecordSigned, events.SignatureRefused)
_PART_OF_SIGNER: Final[dict[int, int]] = {
    events.SIGNER_LEGAL_REPRESENTATIVE: events.ATTENDEE_PART_LEGAL_REPRESENTATIVE,
    events.SIGNER_APPROPRIATE_ADULT: events.ATTENDEE_PART_APPROPRIATE_ADULT,
}


def who(event: Any) -> str:
    """Who came, left or came back."""
    return str(event.adult_id if isinstance(event, events.AppropriateAdultArrived) else event.attendee_id)


def officer(gathered: Gathered, officer_id: str) -> str:
    """Name of a member of the staff; the officer id where the form was issued without a name."""
    named = [each.name for each in gathered.issued.officers if each.officer == officer_id]
    return (one_line(named[0]) if named else "") or officer_id


def course(gathered: Gathered) -> tuple[tuple[str, ...], ...]:
    """What happened from the first attempt to the end of the questions, breaks, food and rest among it."""
    return tuple(
        (clock(to_datetime(event.at)), _NAMED[type(event)], _said(gathered, event)) for event in gathered.in_session(*_NAMED)
    )


def signatures(gathered: Gathered) -> tuple[tuple[str, ...], ...]:
    """Who signed, and who refused with what reason."""
    rows = []
    for event in gathered.in_session(*_SIGNING):
        at = clock(to_datetime(event.at))
        if isinstance(event, events.SignatureRefused):
            rows.append(_signed(gathered, event.signer, f"{at}拒绝签名，理由：{one_line(event.reason) or NOTHING}"))
            continue
        rows += [_signed(gathered, each.signer, f"{at}{term('SignatureForm', each.form)}") for each in event.signatures]
    return tuple(rows)


def _signed(gathered: Gathered, signer: int, how: str) -> tuple[str, str, str]:
    name = gathered.minor_reference
    if signer in _PART_OF_SIGNER:
        came = gathered.in_session(events.AppropriateAdultArrived, events.AttendeeArrived)
        name = gathered.name_of([who(e) for e in came if gathered.part_of(who(e)) == _PART_OF_SIGNER[signer]][-1])
    return term("Signer", signer), name, how


def _said(gathered: Gathered, event: Any) -> str:
    match event:
        case events.SessionBlocked() | events.SessionStarted() | events.SessionResumed():
            return "；".join(term("SessionCondition", number) for number in event.unmet) or NOTHING
        case events.SessionPaused():
            return term("PauseReason", event.reason)
        case events.AttendeeLeft() | events.AttendeeReturned():
            return f"{term('AttendeePart', gathered.part_of(event.attendee_id))}{gathered.name_of(event.attendee_id)}"
    return NOTHING
