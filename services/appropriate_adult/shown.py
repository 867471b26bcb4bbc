"""What is shown of adults, assignments and sessions, and what is withheld from whom.

The organ reads what it recorded; desk and adult read what attendance needs, and the adult's own observations, which the
organ does not read. Law: domain/11 §11.2; F5.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult import presence
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.state import State
from services.appropriate_adult.views import AdultLine, AssignmentLine
from services.kernel.dates import from_datetime
from services.kernel.personal import Opened

# Of an entry, what only the home agency sees.
_AT_HOME = ("identity_reference", "birth_date")
# Events whose facts are the organ's: the minor's family, statements, what conflict checks found.
ORGANS_ALONE = (events.LegalRepNotified, events.LegalRepOutcomeRecorded, events.ConflictFound)


def fill_adult(found: api.Adult, state: AdultState, opened: Iterable[Opened], *, at_home: bool) -> None:
    """The entry, and the records behind it for the home agency."""
    for item in opened:
        event = item.event
        if isinstance(event, adults.AdultRegistered | adults.AdultEntryChanged):
            found.entry.CopyFrom(event.entry)
            found.withheld[:] = item.withheld
        elif isinstance(event, adults.AdultTrained) and at_home:
            found.trainings.append(event.training)
        elif isinstance(event, adults.AdultRecordQueried) and at_home:
            found.query.CopyFrom(event.query)
        elif isinstance(event, adults.AvailabilitySet) and at_home:
            found.availability[:] = event.times
    if not at_home:
        for name in _AT_HOME:
            found.entry.ClearField(name)  # type: ignore[arg-type]
        found.withheld.extend(name for name in _AT_HOME if name not in found.withheld)
        return
    for shift_id, turn in state.shifts.items():
        found.shifts.add(
            shift_id=shift_id,
            division_code=turn.division_code,
            begins_at=from_datetime(turn.begins_at),
            ends_at=from_datetime(turn.ends_at),
        )
    for engagement_id, booking in state.open_engagements.items():
        found.engagements.add(
            engagement_id=engagement_id,
            assignment_id=booking.assignment_id,
            begins_at=from_datetime(booking.begins_at),
            ends_at=from_datetime(booking.ends_at),
            status=booking.status,
        )


def adult_row(line: AdultLine) -> api.AdultRow:
    """An adult in a list."""
    status = api.ADULT_STATUS_SUSPENDED if line.suspended else api.ADULT_STATUS_ACTIVE
    if line.excluded:
        status = api.ADULT_STATUS_EXCLUDED
    return api.AdultRow(
        adult_id=line.adult_id,
        home_uscc=line.home_uscc,
        occupation=line.occupation,  # type: ignore[arg-type]
        sex=line.sex,  # type: ignore[arg-type]
        languages=line.languages,
        districts=line.districts,
        status=api.ADULT_STATUS_REMOVED if line.removed else status,
    )


def assignment_row(line: AssignmentLine) -> api.AssignmentRow:
    """An assignment in a list."""
    return api.AssignmentRow(
        assignment_id=line.assignment_id,
        case_id=line.case_id,
        organ_uscc=line.organ_uscc,
        provider_uscc=line.provider_uscc,
        status=line.status,  # type: ignore[arg-type]
        adult_id=line.adult_id,
        planned_from=_instant(line.planned_from),
    )


def assignment(state: State, version: int) -> api.Assignment:
    """An assignment without anything personal."""
    candidate = state.candidate
    return api.Assignment(
        assignment_id=state.assignment_id,
        case_id=state.case_id,
        referral_id=state.referral_id,
        organ_uscc=state.organ,
        provider_uscc=state.provider,
        subject_id=state.subject_id,
        role=state.role,  # type: ignore[arg-type]
        guard=state.guard,  # type: ignore[arg-type]
        status=state.status,  # type: ignore[arg-type]
        candidate_id=candidate.candidate_id if candidate else "",
        adult_id=candidate.adult_id if candidate else "",
        reserved=candidate is not None and candidate.reserved,
        check_stale=candidate is not None and candidate.stale,
        sessions=[session(item) for item in state.sessions.values()],
        refusals=state.refusals,
        replacements=state.replacements,
        version=version,
    )


def fill_assignment(found: api.Assignment, opened: Iterable[Opened], *, for_organ: bool) -> None:
    """What the events say beyond the state, as far as the reader's part goes."""
    for item in opened:
        event = item.event
        if isinstance(event, ORGANS_ALONE) and not for_organ:
            continue
        match event:
            case events.LegalRepNotified():
                found.notices.append(event)
            case events.LegalRepOutcomeRecorded():
                found.outcome.CopyFrom(event)
            case events.ConflictFound():
                found.conflicts.append(event)
            case events.AppropriateAdultRequested():
                found.request.CopyFrom(event)
            case events.AttendanceNoticeServed():
                found.notice.CopyFrom(event.notice)
            case _:
                continue
        found.withheld.extend(path for path in item.withheld if path not in found.withheld)


def session(state: presence.Session) -> api.Session:
    """A session with everybody's stays, minute by minute."""
    until = state.last_at or state.planned_from
    run = presence.ran(state, until)
    gaps = presence.uncovered(state, until)
    return api.Session(
        plan=events.SessionPlan(
            session_id=state.session_id,
            purpose=state.purpose,  # type: ignore[arg-type]
            planned_from=from_datetime(state.planned_from),
            planned_until=from_datetime(state.planned_until),
            division_code=state.division_code,
            travel_minutes=state.travel_minutes,
        ),
        status=state.status,  # type: ignore[arg-type]
        record_no=state.record_no,
        attendance=[
            api.Attendance(
                attendee_id=stay.attendee_id,
                part=stay.part,  # type: ignore[arg-type]
                came_at=from_datetime(stay.came_at),
                left_at=_instant(stay.left_at),
            )
            for stay in state.stays
        ],
        informed=sorted(state.informed),
        unmet=sorted(state.unmet),  # type: ignore[arg-type]
        started_at=_instant(run[0][0] if run else None),
        ended_at=_instant(run[-1][1] if run and state.running_since is None else None),
        questioned_minutes=presence.minutes(run),
        attended_minutes=int((presence.length(run) - presence.length(gaps)).total_seconds() // 60),
        open_objections=len(state.objections),
        defective=state.defective,
        excluded=state.excluded,
        cured=state.cured,
    )


def attendance_record(state: State, session_id: str, opened: Sequence[Opened], *, for_organ: bool) -> api.AttendanceRecord:
    """F5 from the events of the session."""
    record = api.AttendanceRecord(session=session(state.sessions[session_id]), organ_uscc=state.organ)
    objections: dict[str, api.RecordedObjection] = {}
    for item in opened:
        event = item.event
        if not _concerns(event, session_id, objections):
            continue
        if isinstance(event, events.ObservationsRecorded):
            if for_organ:
                continue
            record.observations.append(event.observations)
        elif isinstance(event, events.ObjectionRaised) and for_organ:
            objections[event.objection_id] = record.objections.add(raised=event)
        elif isinstance(event, events.ObjectionResolved):
            objections[event.objection_id].resolved.CopyFrom(event)
        else:
            _take(record, event, for_organ=for_organ)
        record.withheld.extend(path for path in item.withheld if path not in record.withheld)
    return record


def _concerns(event: Any, session_id: str, objections: dict[str, Any]) -> bool:
    if isinstance(event, events.ObjectionResolved):
        return event.objection_id in objections
    if isinstance(event, events.AppropriateAdultRequested | events.SessionScheduled):
        return bool(event.session.session_id == session_id)
    return getattr(event, "session_id", "") == session_id


def _take(record: api.AttendanceRecord, event: Any, *, for_organ: bool) -> None:
    match event:
        case events.AppropriateAdultRequested() | events.SessionScheduled():
            record.place = event.place
        case events.SessionStarted():
            record.recording_no = event.recording_no
            record.staff.extend(event.staff)
        case events.SessionPaused():
            record.pauses.append(event)
        case events.RightsAndDutiesInformed():
            record.rights.append(event)
        case events.StageRanWithoutAdult():
            record.flags.append(event)
        case events.RecordSigned():
            record.signed.append(event)
        case events.SessionEnded() if for_organ:
            record.minors_state = event.minors_state
        case events.RecordRead() if for_organ:
            record.reading.CopyFrom(event)
        case events.SignatureRefused() if for_organ:
            record.refused.append(event)


def _instant(at: datetime | None) -> Timestamp | None:
    return from_datetime(at) if at else None
