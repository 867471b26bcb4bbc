"""A synthetic assignment and its adults, command by command; nobody in it exists."""

import uuid
from dataclasses import replace
from datetime import date
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adult_events
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from guanhu.command.v1 import command_pb2
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.types.v1 import types_pb2
from services.appropriate_adult import adult, assignment
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.rules import AssignmentFacts
from services.appropriate_adult.session import EVERY_LINE
from services.appropriate_adult.state import State
from services.kernel.dates import from_date, from_datetime
from services.kernel.decision import Act, AgencyFacts, CaseFacts, Facts
from tests.contract.agencies import uscc
from tests.unit.gwt import Story, act

PSB, PROC, COURT, CYL, SWO, STRANGER = (uscc(number) for number in range(41, 47))
ASSIGNMENT, CASE, MINOR, OTHER_CASE, OTHER_MINOR = (str(uuid.UUID(int=number)) for number in range(1, 6))
ADULT, SECOND_ADULT, RELATIVE = (str(uuid.UUID(int=number)) for number in (11, 12, 13))
CANDIDATE, SECOND_CANDIDATE, THIRD_CANDIDATE = (str(uuid.UUID(int=number)) for number in (21, 22, 23))
SESSION, SECOND_SESSION = (str(uuid.UUID(int=number)) for number in (31, 32))
FATHER, DEFENDER, OBJECTION = (str(uuid.UUID(int=number)) for number in (41, 42, 51))
SHIFT, HOLIDAY, TRAINING = (str(uuid.UUID(int=number)) for number in (61, 62, 63))
COUNTY = "513401"

AGENCIES = {
    PSB: AgencyFacts(PSB, "PSB"),
    PROC: AgencyFacts(PROC, "PROC"),
    COURT: AgencyFacts(COURT, "COURT"),
    CYL: AgencyFacts(CYL, "CYL"),
    SWO: AgencyFacts(SWO, "SWO"),
}
FACTS = Facts(AGENCIES, CaseFacts(CASE, PSB, MINOR, date(2026, 2, 20), frozenset({PSB, PROC})))

POLICE = act(PSB, "police")
DESK = act(CYL, "desk")
HOME = act(SWO, "manager")
PROCURATOR = act(PROC, "procurator")
SYSTEM = act("guanhu:appropriate_adult", "", by_service=True)


def at(text: str, by: Act = POLICE) -> Act:
    """An act of the police, or of another, at a time of the day of the session."""
    instant_ = act(by.agency, at=f"2026-03-09 {text}").occurred_at
    return replace(by, recorded_at=instant_, occurred_at=instant_)


def head() -> command_pb2.CommandHead:
    """A head with a request id of its own."""
    return command_pb2.CommandHead(request_id=str(uuid.uuid4()))


def day(text: str) -> types_pb2.Date:
    """A date of the protocol from its ISO text."""
    return from_date(date.fromisoformat(text))


def instant(text: str) -> Timestamp:
    """An instant of China Standard Time."""
    return from_datetime(act(PSB, at=text).occurred_at)


# The register.


def entry(**changes: Any) -> forms.RosterEntry:
    """An entry without any obstacle."""
    fields: dict[str, Any] = {
        "adult_id": ADULT,
        "standing": forms.STANDING_ROSTERED,
        "name": "某某",
        "identity_reference": "已核验身份证",
        "telephone": "000",
        "birth_date": day("1990-04-01"),
        "sex": persons.SEX_FEMALE,
        "occupation": forms.OCCUPATION_SOCIAL_WORKER,
        "languages": ["cmn", "iii"],
        "districts": [COUNTY],
        "home_uscc": SWO,
        "supervisor": "supervisor",
        "officer": "adult-1",
        "full_capacity": True,
    }
    return forms.RosterEntry(**{**fields, **changes})


def relative(**changes: Any) -> forms.RosterEntry:
    """An aunt who is named by the police for this case only."""
    fields: dict[str, Any] = {
        "adult_id": RELATIVE,
        "standing": forms.STANDING_CASE_ONLY,
        "occupation": forms.OCCUPATION_ADULT_RELATIVE,
        "home_uscc": PSB,
        "supervisor": "",
        "officer": "",
        **changes,
    }
    return entry(**fields)


def register(**changes: Any) -> Any:
    """RegisterAdult."""
    return api.RegisterAdultRequest(head=head(), entry=entry(**changes))


def of_adult(kind: Any, /, **fields: Any) -> Any:
    """A command on the adult."""
    return kind(**{"head": head(), "adult_id": ADULT, **fields})


def training(**changes: Any) -> Any:
    """RecordTraining."""
    fields = {
        "training_id": TRAINING,
        "held_on": day("2025-10-10"),
        "hours": 16,
        "provider_name": "市团校",
        "valid_until": day("2027-10-09"),
        **changes,
    }
    return of_adult(api.RecordTrainingRequest, training=forms.Training(**fields))


def record_query(queried_on: str = "2025-09-01", *, clear: bool = True) -> Any:
    """RecordCriminalRecordQuery."""
    query = forms.RecordQuery(queried_on=day(queried_on), document_no="查〔2025〕1号", clear=clear)
    return of_adult(api.RecordCriminalRecordQueryRequest, query=query)


def shift(**changes: Any) -> adult_events.Shift:
    """A night on standby."""
    fields = {
        "shift_id": SHIFT,
        "division_code": COUNTY,
        "begins_at": instant("2026-03-09 20:00"),
        "ends_at": instant("2026-03-10 08:00"),
        **changes,
    }
    return adult_events.Shift(**fields)


def reserve(
    engagement_id: str = CANDIDATE, begins: str = "2026-03-09 09:00", ends: str = "2026-03-09 13:00", **changes: Any
) -> Any:
    """ReserveEngagement."""
    fields = {
        "engagement_id": engagement_id,
        "assignment_id": ASSIGNMENT,
        "case_id": CASE,
        "subject_id": MINOR,
        "begins_at": instant(begins),
        "ends_at": instant(ends),
        **changes,
    }
    return of_adult(api.ReserveEngagementRequest, **fields)


def unregistered() -> Story[AdultState]:
    """Nobody yet."""
    return Story.of(adult.DECIDER, FACTS)


def registered(**changes: Any) -> Story[AdultState]:
    """On the roster, neither trained nor queried."""
    return unregistered().after(register(**changes), HOME)


def qualified(**changes: Any) -> Story[AdultState]:
    """On the roster, trained and queried."""
    return registered(**changes).after(training(), HOME).after(record_query(), HOME)


# The assignment.


def command(kind: Any, /, **fields: Any) -> Any:
    """A command on the assignment."""
    return kind(**{"head": head(), "assignment_id": ASSIGNMENT, **fields})


def in_session(kind: Any, /, **fields: Any) -> Any:
    """A command on the session."""
    return command(kind, **{"session_id": SESSION, **fields})


def need(**changes: Any) -> Any:
    """IdentifyNeed of a girl who is suspected."""
    fields = {
        "case_id": CASE,
        "subject_id": MINOR,
        "role": events.MINOR_ROLE_SUSPECT,
        "case_stage": referrals.CASE_STAGE_INVESTIGATION,
        "subject_sex": persons.SEX_FEMALE,
        "birth_date": day("2011-01-05"),
        **changes,
    }
    return command(api.IdentifyNeedRequest, **fields)


def notify(**changes: Any) -> Any:
    """NotifyLegalRep."""
    fields = {"method": events.NOTICE_METHOD_TELEPHONE, "person": "父亲", **changes}
    return command(api.NotifyLegalRepRequest, **fields)


def rep_outcome(outcome: int = events.LEGAL_REP_OUTCOME_UNABLE, **changes: Any) -> Any:
    """RecordLegalRepOutcome."""
    fields = {"outcome": outcome, "evidence": "在外省务工，当日不能返回", "minor_told": True, "legal_rep_told": True, **changes}
    return command(api.RecordLegalRepOutcomeRequest, **fields)


def plan(session_id: str = SESSION, **changes: Any) -> events.SessionPlan:
    """The plan of a session."""
    fields = {
        "session_id": session_id,
        "purpose": forms.ATTENDANCE_PURPOSE_INTERROGATION,
        "planned_from": instant("2026-03-09 10:00"),
        "planned_until": instant("2026-03-09 12:00"),
        "division_code": COUNTY,
        **changes,
    }
    return events.SessionPlan(**fields)


def ask(**changes: Any) -> Any:
    """RequestAdult."""
    fields = {
        "provider_uscc": CYL,
        "session": plan(),
        "languages": ["iii"],
        "place": "某县公安局办案区",
        "minor_reference": "阿某",
        **changes,
    }
    return command(api.RequestAdultRequest, **fields)


def propose(candidate_id: str = CANDIDATE, adult_id: str = ADULT, **changes: Any) -> Any:
    """ProposeCandidate."""
    return command(api.ProposeCandidateRequest, candidate_id=candidate_id, adult_id=adult_id, **changes)


def reservation(engagement_id: str = CANDIDATE, *, reserved: bool = True) -> Any:
    """RecordReservation."""
    return command(api.RecordReservationRequest, engagement_id=engagement_id, reserved=reserved)


def check(*found: int, **changes: Any) -> Any:
    """RunConflictCheck."""
    return command(api.RunConflictCheckRequest, found=found, **changes)


def consult(*, accepts: bool = True, **changes: Any) -> Any:
    """ConsultMinor."""
    return command(api.ConsultMinorRequest, accepts=accepts, **changes)


def notice(**changes: Any) -> Any:
    """ServeNotice."""
    fields = {
        "notice_no": "公未通〔2026〕3号",
        "organ_uscc": PSB,
        "subject_id": MINOR,
        "minor_reference": "阿某",
        "adult": forms.NoticedAdult(adult_id=ADULT, name="某某"),
        "basis_article": "CPL Art. 281",
        "purpose": forms.ATTENDANCE_PURPOSE_INTERROGATION,
        "place": "某县公安局办案区",
        "planned_from": instant("2026-03-09 10:00"),
        **changes,
    }
    return command(api.ServeNoticeRequest, notice=forms.AttendanceNotice(**fields), received=True)


def arrive(part: int = events.ATTENDEE_PART_APPROPRIATE_ADULT, attendee_id: str = ADULT, **changes: Any) -> Any:
    """RecordArrival."""
    return in_session(
        api.RecordArrivalRequest, **{"part": part, "attendee_id": attendee_id, "identity_checked": True, **changes}
    )


def inform(attendee_id: str = ADULT, **changes: Any) -> Any:
    """InformRights."""
    return in_session(api.InformRightsRequest, **{"attendee_id": attendee_id, "told": EVERY_LINE, "signed": True, **changes})


def start(**changes: Any) -> Any:
    """StartSession."""
    staff = [events.SessionStaff(officer="police"), events.SessionStaff(officer="policewoman", woman=True)]
    return in_session(api.StartSessionRequest, **{"staff": staff, "frame": events.SESSION_FRAME_NONE, **changes})


def leave(attendee_id: str = ADULT) -> Any:
    """LeaveRoom."""
    return in_session(api.LeaveRoomRequest, attendee_id=attendee_id)


def come_back(attendee_id: str = ADULT) -> Any:
    """ReturnToRoom."""
    return in_session(api.ReturnToRoomRequest, attendee_id=attendee_id)


def object_to(**changes: Any) -> Any:
    """RaiseObjection."""
    fields = {"objection_id": OBJECTION, "attendee_id": ADULT, "statement": "语速过快，未成年人没有听懂", **changes}
    return in_session(api.RaiseObjectionRequest, **fields)


def resolve(**changes: Any) -> Any:
    """ResolveObjection."""
    return command(
        api.ResolveObjectionRequest, **{"objection_id": OBJECTION, "accepted": True, "reason": "已放慢并重问", **changes}
    )


def end() -> Any:
    """EndSession."""
    return in_session(api.EndSessionRequest, minors_state="情绪平稳")


def read() -> Any:
    """ReadRecord."""
    corrections = [events.Correction(asked="时间写错", made=True)]
    return in_session(api.ReadRecordRequest, method=events.READING_METHOD_READ_ALOUD, corrections=corrections)


def sign(*signers: int) -> Any:
    """SignRecord, by minor and adult unless told."""
    form = events.SIGNATURE_FORM_SIGNED_WITH_FINGERPRINT
    named = signers or (events.SIGNER_MINOR, events.SIGNER_APPROPRIATE_ADULT)
    return in_session(api.SignRecordRequest, signatures=[events.RecordSignature(signer=s, form=form) for s in named])  # type: ignore[arg-type]


def knowing(story: Story[State], **changes: Any) -> Story[State]:
    """The same with another adult in the facts: one that is qualified, with changes to the folded state."""
    return story.knowing(AssignmentFacts(AGENCIES, FACTS.case, adult=replace(qualified().state, **changes)))


def opened(**changes: Any) -> Story[State]:
    """NEED_IDENTIFIED."""
    start_ = Story.of(assignment.DECIDER, AssignmentFacts(AGENCIES, FACTS.case, adult=qualified().state))
    return start_.after(need(**changes), at("08:00"))


def required(**changes: Any) -> Story[State]:
    """ADULT_REQUIRED."""
    return opened(**changes).after(notify(), at("08:05")).after(rep_outcome(), at("08:10"))


def requested(**changes: Any) -> Story[State]:
    """REQUESTED."""
    return required(**changes).after(ask(), at("08:15"))


def proposed(**changes: Any) -> Story[State]:
    """PROPOSED, the calendar holds the time."""
    return requested(**changes).after(propose(), at("08:20", DESK)).after(reservation(), at("08:20", SYSTEM))


def checked(**changes: Any) -> Story[State]:
    """CHECKED."""
    return proposed(**changes).after(check(), at("08:30"))


def consulted(**changes: Any) -> Story[State]:
    """CONSULTED."""
    return checked(**changes).after(consult(), at("08:40"))


def confirmed(**changes: Any) -> Story[State]:
    """CONFIRMED."""
    return consulted(**changes).after(command(api.ConfirmAdultRequest), at("08:45"))


def notified(**changes: Any) -> Story[State]:
    """NOTIFIED."""
    return confirmed(**changes).after(notice(), at("08:50"))


def arrived(**changes: Any) -> Story[State]:
    """The adult is in the room."""
    return notified(**changes).after(arrive(), at("09:50"))


def informed(**changes: Any) -> Story[State]:
    """Rights and duties are told."""
    return arrived(**changes).after(inform(), at("09:55"))


def started(**changes: Any) -> Story[State]:
    """IN_SESSION since ten."""
    return informed(**changes).after(start(), at("10:00"))


def ended(**changes: Any) -> Story[State]:
    """ENDED at eleven."""
    return started(**changes).after(end(), at("11:00"))


def signed(**changes: Any) -> Story[State]:
    """SIGNED."""
    return ended(**changes).after(read(), at("11:10")).after(sign(), at("11:20"))


def closed(**changes: Any) -> Story[State]:
    """The first session is closed."""
    return signed(**changes).after(in_session(api.CloseSessionRequest), at("11:25"))
