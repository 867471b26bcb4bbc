"""How each event changes the session that it is about."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.presence import NOT_BEGUN, QUALIFYING, Session, Stay, with_stay, without
from services.kernel.dates import to_datetime


def _adult_arrived(session: Session, event: events.AppropriateAdultArrived) -> Session:
    at = to_datetime(event.at)
    stay = Stay(event.adult_id, events.ATTENDEE_PART_APPROPRIATE_ADULT, at)
    return _arrived(session, stay, at)


def _attendee_arrived(session: Session, event: events.AttendeeArrived) -> Session:
    at = to_datetime(event.at)
    return _arrived(session, Stay(event.attendee_id, event.part, at), at)


def _arrived(session: Session, stay: Stay, at: datetime) -> Session:
    first = session.status == api.SESSION_STATUS_SCHEDULED and stay.part in QUALIFYING
    status = api.SESSION_STATUS_ARRIVED if first else session.status
    return replace(with_stay(session, stay), status=status, last_at=at)


def _no_show(session: Session, event: events.AppropriateAdultNoShow) -> Session:
    return replace(session, last_at=to_datetime(event.at))


def _informed(session: Session, event: events.RightsAndDutiesInformed) -> Session:
    status = api.SESSION_STATUS_RIGHTS_INFORMED if session.status in NOT_BEGUN else session.status
    return replace(session, status=status, informed=session.informed | {event.attendee_id}, last_at=to_datetime(event.at))


def _started(session: Session, event: events.SessionStarted) -> Session:
    at = to_datetime(event.at)
    return replace(
        session,
        status=api.SESSION_STATUS_IN_SESSION,
        record_no=event.record_no,
        running_since=at,
        last_at=at,
        frame=event.frame,
        frame_began_at=to_datetime(event.frame_began_at) if event.HasField("frame_began_at") else None,
        unmet=frozenset(event.unmet),
    )


def _blocked(session: Session, event: events.SessionBlocked) -> Session:
    return replace(session, unmet=frozenset(event.unmet), last_at=to_datetime(event.at))


def _flagged(session: Session, event: events.StageRanWithoutAdult) -> Session:
    flag = (event.stage, to_datetime(event.begins_at), to_datetime(event.ends_at))
    return replace(session, flags=(*session.flags, flag))


def _left(session: Session, event: events.AttendeeLeft) -> Session:
    at = to_datetime(event.at)
    return replace(without(session, event.attendee_id, at), last_at=max(filter(None, (session.last_at, at))))


def _returned(session: Session, event: events.AttendeeReturned) -> Session:
    before = session.stay_of(event.attendee_id)
    assert before is not None
    at = to_datetime(event.at)
    counts_until = at if before.counts_until else None
    stay = Stay(event.attendee_id, before.part, at, counts_until=counts_until)
    return replace(with_stay(session, stay), last_at=at)


def _paused(session: Session, event: events.SessionPaused) -> Session:
    at = to_datetime(event.at)
    assert session.running_since is not None
    runs = (*session.runs, (session.running_since, at))
    return replace(session, status=api.SESSION_STATUS_PAUSED, runs=runs, running_since=None, last_at=at)


def _resumed(session: Session, event: events.SessionResumed) -> Session:
    at = to_datetime(event.at)
    unmet = session.unmet | frozenset(event.unmet)
    return replace(session, status=api.SESSION_STATUS_IN_SESSION, running_since=at, last_at=at, unmet=unmet)


def _ended(session: Session, event: events.SessionEnded) -> Session:
    at = to_datetime(event.at)
    runs = (*session.runs, *([(session.running_since, at)] if session.running_since else []))
    return replace(session, status=api.SESSION_STATUS_ENDED, runs=runs, running_since=None, last_at=at)


def _signed(session: Session, event: events.RecordSigned) -> Session:
    signed = session.signed | {signature.signer for signature in event.signatures}
    status = api.SESSION_STATUS_SIGNATURE_REFUSED if session.refused else api.SESSION_STATUS_SIGNED
    return replace(session, status=status, signed=signed, last_at=to_datetime(event.at))


def _refused(session: Session, event: events.SignatureRefused) -> Session:
    refused = session.refused | {event.signer}
    return replace(session, status=api.SESSION_STATUS_SIGNATURE_REFUSED, refused=refused, last_at=to_datetime(event.at))


def _objected(session: Session, event: events.ObjectionRaised) -> Session:
    return replace(session, objections=session.objections | {event.objection_id}, last_at=to_datetime(event.at))


def _resolved(session: Session, event: events.ObjectionResolved) -> Session:
    return replace(session, objections=session.objections - {event.objection_id}, last_at=to_datetime(event.at))


def _closed(session: Session, event: events.SessionClosed) -> Session:
    return replace(session, status=api.SESSION_STATUS_CLOSED, last_at=to_datetime(event.at))


CHANGES: dict[type, Callable[[Session, Any], Session]] = {
    events.SessionCancelled: lambda s, _: replace(s, status=api.SESSION_STATUS_CANCELLED),
    events.AppropriateAdultArrived: _adult_arrived,
    events.AttendeeArrived: _attendee_arrived,
    events.AppropriateAdultNoShow: _no_show,
    events.RightsAndDutiesInformed: _informed,
    events.SessionStarted: _started,
    events.SessionBlocked: _blocked,
    events.StageRanWithoutAdult: _flagged,
    events.AttendeeLeft: _left,
    events.AttendeeReturned: _returned,
    events.ObjectionRaised: _objected,
    events.ObjectionResolved: _resolved,
    events.SessionPaused: _paused,
    events.SessionResumed: _resumed,
    events.SessionEnded: _ended,
    events.RecordRead: lambda s, e: replace(s, status=api.SESSION_STATUS_RECORD_READ, last_at=to_datetime(e.at)),
    events.RecordSigned: _signed,
    events.SignatureRefused: _refused,
    events.SessionClosed: _closed,
    events.SessionEvidenceExcluded: lambda s, _: replace(s, excluded=True),
    events.SessionDefectCured: lambda s, _: replace(s, cured=True),
}
