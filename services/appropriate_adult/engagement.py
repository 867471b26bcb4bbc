"""The adult's calendar: nobody is in two places.

Engagements are events of the adult's own stream. The store takes one append for each version of a stream, so that of two
reservations that overlap one is decided after the other and sees it, whichever processes they come from.
"""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import adult_events_pb2 as events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.qualification import shortcomings
from services.appropriate_adult.rota import span
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState


def reserve(command: api.ReserveEngagementRequest, state: AdultState, act: Act, _: Facts) -> Sequence[Message]:
    """A refusal is an event too: the assignment waits for an answer and must get one."""
    if not state.home:
        raise IllegalState("ADULT_UNKNOWN", "there is no such adult")
    if command.engagement_id in state.engagements:
        return []
    begins_at, ends_at = span(command.begins_at, command.ends_at)
    reason = refusal(state, begins_at, ends_at, act)
    if reason:
        refused = events.EngagementRefused(
            engagement_id=command.engagement_id,
            assignment_id=command.assignment_id,
            reason=reason,  # type: ignore[arg-type]
        )
        return [refused]
    reserved = events.EngagementReserved(
        engagement_id=command.engagement_id,
        assignment_id=command.assignment_id,
        case_id=command.case_id,
        subject_id=command.subject_id,
        begins_at=command.begins_at,
        ends_at=command.ends_at,
    )
    return [reserved]


def confirm(command: api.ConfirmEngagementRequest, state: AdultState, _: Act, __: Facts) -> Sequence[Message]:
    """The assignment confirmed the adult."""
    booking = state.engagements.get(command.engagement_id)
    if booking is None:
        raise IllegalState("ENGAGEMENT_UNKNOWN", "there is no such engagement")
    if booking.status != api.ENGAGEMENT_STATUS_RESERVED:
        return []
    return [events.EngagementConfirmed(engagement_id=command.engagement_id)]


def release(command: api.ReleaseEngagementRequest, state: AdultState, _: Act, __: Facts) -> Sequence[Message]:
    """Ends what there is; where nothing was reserved, or all is over, nothing is left to end."""
    booking = state.engagements.get(command.engagement_id)
    if booking is None or booking.status == api.ENGAGEMENT_STATUS_OVER:
        return []
    return [events.EngagementReleased(engagement_id=command.engagement_id, end=command.end)]


def refusal(state: AdultState, begins_at: datetime, ends_at: datetime, act: Act) -> int:
    """Why the calendar refuses a span; 0 where it is free."""
    if shortcomings(state, act.on):
        return events.ENGAGEMENT_REFUSAL_REASON_NOT_QUALIFIED
    return clash(state, begins_at, ends_at)


def clash(state: AdultState, begins_at: datetime, ends_at: datetime) -> int:
    """Which leave or engagement overlaps a span; 0 where none does."""
    if any(b < ends_at and begins_at < e for b, e in state.holidays.values()):
        return events.ENGAGEMENT_REFUSAL_REASON_HOLIDAY
    if any(b.begins_at < ends_at and begins_at < b.ends_at for b in state.open_engagements.values()):
        return events.ENGAGEMENT_REFUSAL_REASON_OVERLAP
    return 0
