"""What the events of one assignment add up to. It is folded without any personal field."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult import session_state
from services.appropriate_adult.presence import OVER, Session, disqualified, without_part
from services.kernel import deadline
from services.kernel.dates import to_datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """The adult at hand, from proposal to the end of the part."""

    candidate_id: str
    adult_id: str
    session_id: str
    home: str = ""
    officer: str = ""
    reserved: bool = False
    checked: bool = False
    stale: bool = False
    consulted: bool = False
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """One assignment; `status` is that of api.AssignmentStatus, 0 before the first event.

    `bookings` are all engagements ever asked for, adult and session by id, and `engaged` those that are not ended;
    `put_aside` are the adults whom the minor refused or who were in conflict; `requests` counts how often an adult was asked
    for, and `languages` are those of the newest request.
    """

    status: int = 0
    assignment_id: str = ""
    case_id: str = ""
    referral_id: str = ""
    organ: str = ""
    provider: str = ""
    subject_id: str = ""
    role: int = 0
    stage: int = 0
    guard: int = 0
    female_staff_required: bool = False
    recording_required: bool = False
    sex_preference: int = 0
    related_case_ids: frozenset[str] = frozenset()
    notified: bool = False
    outcome: int = 0
    requests: int = 0
    languages: frozenset[str] = frozenset()
    candidate: Candidate | None = None
    candidates_known: frozenset[str] = frozenset()
    put_aside: frozenset[str] = frozenset()
    bookings: dict[str, tuple[str, str]] = field(default_factory=dict)
    engaged: frozenset[str] = frozenset()
    sessions: dict[str, Session] = field(default_factory=dict)
    objections: dict[str, str] = field(default_factory=dict)
    refusals: int = 0
    replacements: int = 0
    deadlines: dict[str, deadline.Deadline] = field(default_factory=dict)

    @property
    def adult_id(self) -> str:
        """The confirmed adult; empty where there is none."""
        return self.candidate.adult_id if self.candidate and self.candidate.confirmed else ""

    @property
    def open_session(self) -> Session | None:
        """The session that is planned or under way; there is one at most."""
        return next((session for session in self.sessions.values() if session.status not in OVER), None)

    @property
    def records(self) -> int:
        """How many numbers of records were given out."""
        return sum(bool(session.record_no) for session in self.sessions.values())


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    kind = type(event)
    if kind in deadline.EVENTS:
        return replace(state, deadlines=deadline.evolve(state.deadlines, event))
    if kind in session_state.CHANGES:
        session_id = state.objections[event.objection_id] if kind is events.ObjectionResolved else event.session_id
        session = session_state.CHANGES[kind](state.sessions[session_id], event)
        state = replace(state, sessions={**state.sessions, session_id: session})
    elif kind not in _CHANGES:
        raise TypeError(event.DESCRIPTOR.full_name)
    if kind in _CHANGES:
        state = _CHANGES[kind](state, event)
    ended = frozenset(getattr(event, "engagement_ids", ()))
    return replace(state, status=STATUS_AFTER.get(kind, state.status), engaged=state.engaged - ended)


def _need(state: State, event: events.AppropriateAdultNeedIdentified) -> State:
    return replace(
        _guards(state, event),
        assignment_id=event.assignment_id,
        case_id=event.case_id,
        referral_id=event.referral_id,
        organ=event.organ_uscc,
        provider=event.provider_uscc,
        subject_id=event.subject_id,
        stage=event.case_stage,
    )


def _guards(state: State, event: events.AppropriateAdultNeedIdentified | events.AppropriateAdultNeedCorrected) -> State:
    return replace(
        state,
        role=event.role,
        guard=event.guard,
        female_staff_required=event.female_staff_required,
        recording_required=event.recording_required,
        sex_preference=event.sex_preference,
        related_case_ids=frozenset(event.related_case_ids),
    )


def _notified(state: State, _: events.LegalRepNotified) -> State:
    first = state.status == api.ASSIGNMENT_STATUS_NEED_IDENTIFIED
    status = api.ASSIGNMENT_STATUS_LEGAL_REP_NOTIFIED if first else state.status
    return replace(state, notified=True, status=status)


def _outcome(state: State, event: events.LegalRepOutcomeRecorded) -> State:
    attends = event.outcome == events.LEGAL_REP_OUTCOME_ATTENDING
    status = api.ASSIGNMENT_STATUS_LEGAL_REP_ATTENDING if attends else api.ASSIGNMENT_STATUS_ADULT_REQUIRED
    state = replace(state, outcome=event.outcome, status=status if state.status in BEFORE_REQUEST else state.status)
    if event.outcome not in EXCLUDING_OUTCOMES:
        return state
    representative = events.ATTENDEE_PART_LEGAL_REPRESENTATIVE
    sessions = {key: s if s.over else without_part(s, representative) for key, s in state.sessions.items()}
    return replace(state, sessions=sessions)


def _requested(state: State, event: events.AppropriateAdultRequested) -> State:
    return replace(
        _planned(state, event.session),
        provider=event.provider_uscc,
        requests=state.requests + 1,
        languages=frozenset(event.languages),
    )


def _planned(state: State, plan: events.SessionPlan) -> State:
    known = state.sessions.get(plan.session_id)
    session = replace(
        known or Session(plan.session_id, to_datetime(plan.planned_from), to_datetime(plan.planned_until)),
        planned_from=to_datetime(plan.planned_from),
        planned_until=to_datetime(plan.planned_until),
        division_code=plan.division_code,
        travel_minutes=plan.travel_minutes,
        purpose=plan.purpose,
    )
    return replace(state, sessions={**state.sessions, plan.session_id: session})


def _proposed(state: State, event: events.CandidateProposed) -> State:
    candidate = Candidate(event.candidate_id, event.adult_id, event.session_id, event.home_uscc, event.officer)
    booked = {**state.bookings, event.candidate_id: (event.adult_id, event.session_id)}
    known = state.candidates_known | {event.candidate_id}
    engaged = state.engaged | {event.candidate_id}
    return replace(state, candidate=candidate, bookings=booked, engaged=engaged, candidates_known=known)


def _candidate(**changes: Any) -> Callable[[State, Any], State]:
    def change(state: State, _: Any) -> State:
        assert state.candidate is not None
        return replace(state, candidate=replace(state.candidate, **changes))

    return change


def _checked(state: State, _: events.ConflictCheckPassed) -> State:
    assert state.candidate is not None
    proposed = state.status == api.ASSIGNMENT_STATUS_PROPOSED
    status = api.ASSIGNMENT_STATUS_CHECKED if proposed else state.status
    return replace(state, candidate=replace(state.candidate, checked=True, stale=False), status=status)


def _consulted(state: State, event: events.MinorConsulted) -> State:
    assert state.candidate is not None
    if event.refusal_allowed:
        return replace(state, refusals=state.refusals + 1)
    candidate = replace(state.candidate, consulted=True)
    return replace(state, candidate=candidate, status=api.ASSIGNMENT_STATUS_CONSULTED)


def _party(state: State, _: events.PartyAdded) -> State:
    candidate = replace(state.candidate, stale=True) if state.candidate else None
    return replace(state, candidate=candidate)


def _dropped(state: State, event: Any) -> State:
    sessions = {key: s if s.over else disqualified(s, event.adult_id) for key, s in state.sessions.items()}
    return replace(state, candidate=None, sessions=sessions, put_aside=_aside(state, event))


def _unavailable(state: State, event: events.CandidateUnavailable) -> State:
    return replace(_dropped(state, event), engaged=state.engaged - {event.candidate_id})


def _aside(state: State, event: Any) -> frozenset[str]:
    # Whom the calendar or the organ did not choose can be proposed again; the minor's refusal and a conflict are final.
    final = (
        isinstance(event, events.ConflictFound)
        or (isinstance(event, events.CandidateRejected) and event.refusal == events.CANDIDATE_REFUSAL_MINOR_REFUSED)
        or (isinstance(event, events.AppropriateAdultReplaced) and event.reason in FINAL_REASONS)
    )
    return state.put_aside | {event.adult_id} if final else state.put_aside


def _replaced(state: State, event: events.AppropriateAdultReplaced) -> State:
    return replace(_dropped(state, event), replacements=event.replacements)


def _scheduled(state: State, event: events.SessionScheduled) -> State:
    state = _planned(state, event.session)
    if not event.engagement_id:
        return state
    booked = {**state.bookings, event.engagement_id: (event.adult_id, event.session.session_id)}
    return replace(state, bookings=booked, engaged=state.engaged | {event.engagement_id})


def _continued(state: State, event: events.AssignmentContinuedAtNextStage) -> State:
    return replace(state, organ=event.to_uscc, stage=event.to_stage)


def _objected(state: State, event: events.ObjectionRaised) -> State:
    return replace(state, objections={**state.objections, event.objection_id: event.session_id})


# After these the adult cannot be proposed again in the same assignment.
FINAL_REASONS = frozenset(
    {events.REPLACEMENT_REASON_MINORS_REQUEST, events.REPLACEMENT_REASON_CONFLICT, events.REPLACEMENT_REASON_MISCONDUCT}
)
# Until an adult is asked for, what is known of the legal representative decides the state.
BEFORE_REQUEST = frozenset(
    {
        api.ASSIGNMENT_STATUS_NEED_IDENTIFIED,
        api.ASSIGNMENT_STATUS_LEGAL_REP_NOTIFIED,
        api.ASSIGNMENT_STATUS_LEGAL_REP_ATTENDING,
        api.ASSIGNMENT_STATUS_ADULT_REQUIRED,
    }
)
# With these the legal representative must not attend (AA-R21), even where the person comes.
EXCLUDING_OUTCOMES = frozenset(
    {
        events.LEGAL_REP_OUTCOME_ACCOMPLICE,
        events.LEGAL_REP_OUTCOME_DEAD_MISSING_OR_INCAPABLE,
        events.LEGAL_REP_OUTCOME_HARMFUL,
        events.LEGAL_REP_OUTCOME_OBSTRUCTED,
    }
)

# The state that each event leads to (domain/04 §4.3); another leaves it as it is, or decides it by what it says.
STATUS_AFTER: dict[type, int] = {
    events.AppropriateAdultNeedIdentified: api.ASSIGNMENT_STATUS_NEED_IDENTIFIED,
    events.AppropriateAdultRequested: api.ASSIGNMENT_STATUS_REQUESTED,
    events.CandidateProposed: api.ASSIGNMENT_STATUS_PROPOSED,
    events.CandidateUnavailable: api.ASSIGNMENT_STATUS_REQUESTED,
    events.ConflictFound: api.ASSIGNMENT_STATUS_REQUESTED,
    events.CandidateRejected: api.ASSIGNMENT_STATUS_REQUESTED,
    events.AppropriateAdultConfirmed: api.ASSIGNMENT_STATUS_CONFIRMED,
    events.AttendanceNoticeServed: api.ASSIGNMENT_STATUS_NOTIFIED,
    events.AppropriateAdultNoShow: api.ASSIGNMENT_STATUS_REQUESTED,
    events.AppropriateAdultReplaced: api.ASSIGNMENT_STATUS_REQUESTED,
    events.AppropriateAdultUnavailable: api.ASSIGNMENT_STATUS_FAILED_NO_ADULT,
    events.AssignmentCompleted: api.ASSIGNMENT_STATUS_COMPLETED,
    events.AssignmentReleased: api.ASSIGNMENT_STATUS_RELEASED,
}

_CHANGES: dict[type, Callable[[State, Any], State]] = {
    events.AppropriateAdultNeedIdentified: _need,
    events.AppropriateAdultNeedCorrected: _guards,
    events.LegalRepNotified: _notified,
    events.LegalRepOutcomeRecorded: _outcome,
    events.AppropriateAdultRequested: _requested,
    events.CandidateProposed: _proposed,
    events.StandbyActivated: lambda s, _: s,
    events.CandidateReserved: _candidate(reserved=True),
    events.CandidateUnavailable: _unavailable,
    events.ConflictCheckPassed: _checked,
    events.ConflictFound: _dropped,
    events.PartyAdded: _party,
    events.MinorConsulted: _consulted,
    events.CandidateRejected: _dropped,
    events.AppropriateAdultConfirmed: _candidate(confirmed=True),
    events.AttendanceNoticeServed: lambda s, _: s,
    events.SessionScheduled: _scheduled,
    events.SessionReserved: lambda s, _: s,
    events.SessionAdultUnavailable: lambda s, e: replace(s, engaged=s.engaged - {e.session_id}),
    events.AppropriateAdultNoShow: _dropped,
    events.ObjectionRaised: _objected,
    events.AppropriateAdultReplaced: _replaced,
    events.AssignmentContinuedAtNextStage: _continued,
    events.AssignmentCompleted: lambda s, _: s,
    events.AssignmentReleased: lambda s, _: s,
    events.AppropriateAdultUnavailable: lambda s, _: s,
    events.ObservationsRecorded: lambda s, _: s,
}
