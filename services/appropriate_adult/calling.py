"""The policy that carries a call-out: each round follows from what ended the last one, and the assignment from an acceptance.

It follows our own journal in order, like `booking` in policies.py, and its commands have request ids that follow from the
event: whatever is killed in between, a round is made once, an adult who accepted is proposed once, and nobody is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2_grpc as stubs
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as callout_api
from guanhu.appropriate_adult.v1 import callout_service_pb2_grpc as callout_stubs
from services.appropriate_adult.callout_state import CalloutState
from services.appropriate_adult.desk import AT_ONCE_MAX, DeskState
from services.kernel.codec import EventCodec
from services.kernel.follow import RowEffect
from services.kernel.handler import Handler
from services.kernel.journal import Recorded
from services.kernel.policy import PolicyRefused, command_head, derived_id, send

CALLING = "calling"
NOBODY_FOUND = "县、州（市）、省三级呼叫均未找到合适成年人"
# Each of these ends a round without an adult who comes: the next one is made.
_NEXT_ROUND = (
    events.OfferDeclined,
    events.OfferLapsed,
    events.OfferFellThrough,
    events.EscalationRaised,
    events.EscalationForwarded,
)
# What an assignment's event means to the offer by which its adult came; unset: the organ confirmed the adult.
_SETTLES: dict[type, events.OfferFailure.ValueType] = {
    assignments.AppropriateAdultConfirmed: events.OFFER_FAILURE_UNSPECIFIED,
    assignments.CandidateUnavailable: events.OFFER_FAILURE_CALENDAR,
    assignments.ConflictFound: events.OFFER_FAILURE_CONFLICT,
    assignments.CandidateRejected: events.OFFER_FAILURE_REJECTED,
    assignments.AppropriateAdultNoShow: events.OFFER_FAILURE_NO_SHOW,
    assignments.AppropriateAdultReplaced: events.OFFER_FAILURE_REPLACED,
}
_SESSION_OVER = (
    assignments.SessionCancelled,
    assignments.SessionClosed,
    assignments.AssignmentCompleted,
    assignments.AssignmentReleased,
    assignments.AppropriateAdultUnavailable,
)
# The assignment has moved on by other hands: there is nothing to record there any more.
_MOVED_ON = "ASSIGNMENT_STATE"


@dataclass(frozen=True, slots=True)
class _Step:
    """A command of the policy; `name` keeps the commands of one event apart."""

    name: str
    method: Any
    request: Any
    on_behalf_of: str = ""


def calling(
    stub: stubs.AppropriateAdultServiceStub,
    callout_stub: callout_stubs.CalloutServiceStub,
    callouts: Handler[CalloutState],
    desks: Handler[DeskState],
    codec: EventCodec,
) -> RowEffect:
    """The effect of our own events on call-outs, and of call-outs on assignments."""

    def effect(_: psycopg.Connection, row: Recorded) -> None:
        category, _dash, key = row.stream.partition("-")
        if category == "callout":
            steps = of_callout(codec.clear_if_known(row), key, row)
        elif category == "assignment":
            steps = of_assignment(codec.clear_if_known(row), key)
        else:
            return
        for step in steps:
            head = command_head(CALLING, codec.origin, row, on_behalf_of=step.on_behalf_of, step=step.name)
            step.request.head.CopyFrom(head)
            send(step.method, step.request)

    def of_callout(event: Any, key: str, row: Recorded) -> Iterator[_Step]:
        match event:
            case events.CalloutStarted():
                yield next_round(key, row, 0)
            case events.OfferAccepted():
                yield from propose(event, key, row)
            case events.CalloutEnded() if event.end == events.CALLOUT_END_NOBODY_FOUND:
                none = api.RecordNoAdultFoundRequest(assignment_id=key, note=NOBODY_FOUND)
                none.head.CopyFrom(head_of(row, "none", callouts.load(key).state.provider))
                _send_unless_moved_on(stub.RecordNoAdultFound, none)
            case _ if isinstance(event, _NEXT_ROUND) and not callouts.load(key).state.open_offers:
                yield next_round(key, row, event.round)

    def next_round(key: str, row: Recorded, after: int) -> _Step:
        ids = [derived_id(CALLING, codec.origin, row.position, f"offer:{number}") for number in range(AT_ONCE_MAX)]
        request = callout_api.MakeOffersRequest(assignment_id=key, after_round=after, offer_ids=ids)
        return _Step("round", callout_stub.MakeOffers, request)

    def propose(event: events.OfferAccepted, key: str, row: Recorded) -> Iterator[_Step]:
        state = callouts.load(key).state
        if state.holder != event.offer_id or state.status != callout_api.CALLOUT_STATUS_ACCEPTED:
            return
        proposal = api.ProposeCandidateRequest(
            assignment_id=key,
            candidate_id=event.offer_id,
            adult_id=event.adult_id,
            standby=state.offers[event.offer_id].standby,
        )
        proposal.head.CopyFrom(head_of(row, "propose", state.provider))
        try:
            send(stub.ProposeCandidate, proposal)
        except PolicyRefused:
            # Somebody was proposed by hand, or the adult's entry has changed: the search goes on, or is stopped by that.
            failure = events.OFFER_FAILURE_NOT_PROPOSED
            settle = callout_api.SettleOfferRequest(assignment_id=key, offer_id=event.offer_id, failure=failure)
            yield _Step("not proposed", callout_stub.SettleOffer, settle)

    def of_assignment(event: Any, key: str) -> Iterator[_Step]:
        if isinstance(event, assignments.AppropriateAdultRequested):
            if callouts.load(key).state.status:
                yield stop(key, events.CALLOUT_END_OVERTAKEN)
            if desks.load(event.provider_uscc).state.automatic:
                start = callout_api.StartCalloutRequest(assignment_id=key)
                yield _Step("start", callout_stub.StartCallout, start, event.provider_uscc)
            return
        if not isinstance(event, (*_SETTLES, *_SESSION_OVER, assignments.CandidateProposed)):
            return
        state, named = callouts.load(key).state, getattr(event, "candidate_id", "")
        if not state.status:
            return
        if isinstance(event, _SESSION_OVER):
            yield stop(key, events.CALLOUT_END_SESSION_OVER)
        elif isinstance(event, assignments.CandidateProposed):
            if named not in state.offers:
                yield stop(key, events.CALLOUT_END_OVERTAKEN)
        elif named in state.offers:
            failure = _SETTLES[type(event)]
            settle = callout_api.SettleOfferRequest(assignment_id=key, offer_id=named, failure=failure)
            yield _Step("settle", callout_stub.SettleOffer, settle)

    def stop(key: str, end: events.CalloutEnd.ValueType) -> _Step:
        return _Step("stop", callout_stub.StopCallout, callout_api.StopCalloutRequest(assignment_id=key, end=end))

    def head_of(row: Recorded, step: str, on_behalf_of: str) -> Any:
        return command_head(CALLING, codec.origin, row, on_behalf_of=on_behalf_of, step=step)

    return effect


def _send_unless_moved_on(method: Any, request: Any) -> None:
    try:
        send(method, request)
    except PolicyRefused as refused:
        if refused.reason != _MOVED_ON:
            raise
