"""Numbers and guards that the commands share. Each number has its source; P marks our own proposed default.

Law: domain/04 §4.3 and §4.4; DL-AA-DESK, DL-AA-ONSITE (domain/10).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.presence import Session
from services.appropriate_adult.register import county
from services.appropriate_adult.state import State
from services.kernel.dates import to_datetime
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

DESK_ANSWER = timedelta(minutes=30)  # P, DL-AA-DESK, HO-06
ON_SITE_URBAN = timedelta(hours=2)  # model rule W14, DL-AA-ONSITE
ON_SITE_RURAL = timedelta(hours=4)  # model rule W14, DL-AA-ONSITE
TRAVEL_MINUTES = 60  # P: within the counties that an adult covers
TRAVEL_MINUTES_MAX = 24 * 60
REFUSALS_ALERT = 2  # P, AA-R08: no limit, and the supervisor looks from the second on
SESSION_LENGTH_MAX = timedelta(hours=24)  # AA-R16: no frame is longer

# Which guards a procedure has (AA-R11, AA-R13, CON-08).
GUARDS: dict[int, int] = {
    events.MINOR_ROLE_SUSPECT: events.GUARD_STRENGTH_HARD,
    events.MINOR_ROLE_DEFENDANT: events.GUARD_STRENGTH_HARD,
    events.MINOR_ROLE_VICTIM: events.GUARD_STRENGTH_CURABLE,
    events.MINOR_ROLE_WITNESS: events.GUARD_STRENGTH_CURABLE,
    events.MINOR_ROLE_ADMIN_OFFENDER: events.GUARD_STRENGTH_NOTED,
}
# Which organ has the case at a stage.
STAGE_ORGANS: dict[int, str] = {
    referrals.CASE_STAGE_INVESTIGATION: "PSB",
    referrals.CASE_STAGE_ARREST_REVIEW: "PROC",
    referrals.CASE_STAGE_PROSECUTION_REVIEW: "PROC",
    referrals.CASE_STAGE_TRIAL: "COURT",
    referrals.CASE_STAGE_CIVIL_FAMILY: "COURT",
}
PROVIDER_TYPES = frozenset({"CYL", "SWO"})
ENDED = frozenset({api.ASSIGNMENT_STATUS_COMPLETED, api.ASSIGNMENT_STATUS_RELEASED})
# The longest that the law lets a minor be kept for questions (AA-R16).
FRAMES: dict[int, timedelta] = {
    events.SESSION_FRAME_SUMMONS_12H: timedelta(hours=12),
    events.SESSION_FRAME_SUMMONS_24H: timedelta(hours=24),
    events.SESSION_FRAME_FIRST_AFTER_DETENTION: timedelta(hours=24),
    events.SESSION_FRAME_ADMIN_8H: timedelta(hours=8),
    events.SESSION_FRAME_ADMIN_12H: timedelta(hours=12),
    events.SESSION_FRAME_ADMIN_24H: timedelta(hours=24),
}


@dataclass(frozen=True, slots=True)
class AssignmentFacts(Facts):
    """What a decision is told besides: the adult that it is about, as registered."""

    adult: AdultState = field(default_factory=AdultState)


def adult_of(facts: Facts) -> AdultState:
    """The adult of the decision."""
    assert isinstance(facts, AssignmentFacts)
    return facts.adult


def in_status(state: State, *statuses: int) -> None:
    """Raises IllegalState unless the assignment is in one of the states."""
    if not state.status:
        raise IllegalState("ASSIGNMENT_UNKNOWN", "there is no such assignment")
    if state.status not in statuses:
        name = api.AssignmentStatus.Name(state.status).removeprefix("ASSIGNMENT_STATUS_")  # type: ignore[arg-type]
        raise IllegalState("ASSIGNMENT_STATE", f"the assignment is {name}")


def not_ended(state: State) -> None:
    """Raises IllegalState where nothing more can happen to the assignment."""
    in_status(state, *(number for number in api.AssignmentStatus.values() if number and number not in ENDED))


def by_organ(state: State, act: Act) -> None:
    """Raises IllegalState unless the organ of the case acts."""
    if act.organ != state.organ:
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the organ of the case takes this step", rule="ACT-07")


def by_party(state: State, act: Act) -> None:
    """Raises IllegalState unless the organ acts, or the body that is asked for an adult."""
    if act.organ not in {state.organ, state.provider}:
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the organ, or whom it asked, takes this step", rule="ACT-07")


def by_system(act: Act) -> None:
    """Raises IllegalState unless a service of the house acts."""
    if not act.by_service:
        raise IllegalState("ORGAN_NOT_COMPETENT", "the system takes this step by itself")


def session_of(state: State, session_id: str, *statuses: int) -> Session:
    """The session, in one of the states where any is named.

    Raises:
        IllegalState: there is none, it is over, or it is in another state.
    """
    session = state.sessions.get(session_id)
    if session is None:
        raise IllegalState("SESSION_UNKNOWN", "there is no such session")
    if session.status not in statuses if statuses else session.over:
        name = api.SessionStatus.Name(session.status).removeprefix("SESSION_STATUS_")  # type: ignore[arg-type]
        raise IllegalState("SESSION_STATE", f"the session is {name}")
    return session


def in_order(session: Session, act: Act) -> datetime:
    """The instant of an act in a session.

    Raises:
        Invalid: it lies before an act that is recorded already; what the record says happened in that order.
    """
    if session.last_at and act.occurred_at < session.last_at:
        raise Invalid(Violation("head.occurred_at", "lies before the last recorded act of the session"))
    return act.occurred_at


def check_plan(plan: events.SessionPlan, state: State) -> None:
    """Raises Invalid for a plan that cannot be held, or for an id that a session which is over had."""
    violations = list(county(plan.division_code, "session.division_code"))
    begins_at, ends_at = to_datetime(plan.planned_from), to_datetime(plan.planned_until)
    if not begins_at < ends_at <= begins_at + SESSION_LENGTH_MAX:
        violations.append(Violation("session.planned_until", "is not within 24 hours after the beginning"))
    if plan.travel_minutes > TRAVEL_MINUTES_MAX:
        violations.append(Violation("session.travel_minutes", f"is more than {TRAVEL_MINUTES_MAX}"))
    if violations:
        raise Invalid(*violations)
    known = state.sessions.get(plan.session_id)
    if known is not None and known.over:
        raise IllegalState("SESSION_EXISTS", "a session with this id was held or cancelled")


def engaged(session: Session) -> tuple[datetime, datetime]:
    """When an adult is engaged for a session, travel included."""
    travel = timedelta(minutes=session.travel_minutes or TRAVEL_MINUTES)
    return session.planned_from - travel, session.planned_until + travel


def ending(state: State, *, adult_id: str = "", session_id: str = "") -> list[str]:
    """Engagements that end where an adult leaves the assignment, or a session is over.

    The event names them, so that whoever follows it ends these and no later ones, however often it is taken in.
    """
    return sorted(key for key in state.engaged if state.bookings[key][0] == adult_id or state.bookings[key][1] == session_id)


def planned(plan: events.SessionPlan) -> Session:
    """A session as its plan makes it."""
    return Session(
        plan.session_id,
        to_datetime(plan.planned_from),
        to_datetime(plan.planned_until),
        plan.division_code,
        plan.travel_minutes,
        plan.purpose,
    )
