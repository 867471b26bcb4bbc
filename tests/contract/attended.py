"""A session that an adult attended to its end, over the API: what forms, claims and watches are about."""

from dataclasses import dataclass
from typing import Any

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from services.appropriate_adult.session import EVERY_LINE
from tests.contract.agencies import PROC, OpenedCase
from tests.contract.test_appropriate_adult import ADULT, Service, confirmed, register
from tests.unit.appropriate_adult import builders as b

NOTICE_NO = "检未通〔2026〕7号"
PLACE = "试验县人民检察院未成年人检察办案区"
STATE = "起初紧张，后平稳"
OBSERVATION = "低头不语，改用方言后开口"


@dataclass(frozen=True)
class Attended:
    """The assignment, its session and its adult."""

    service: Service
    assignment_id: str
    session_id: str
    adult_id: str

    def step(self, kind: Any, who: tuple[str, str, str] | None = None, **fields: Any) -> Any:
        """A command on the session."""
        request = kind(assignment_id=self.assignment_id, session_id=self.session_id, **fields)
        name = kind.DESCRIPTOR.name.removesuffix("Request")
        return self.service.call(name, request, who) if who else self.service.call(name, request)


def noticed(service: Service, case: OpenedCase) -> Attended:
    """An adult is confirmed and has the notice."""
    adult_id = register(service)
    assignment_id = confirmed(service, case, adult_id)
    session_id = service.assignment(assignment_id).sessions[0].plan.session_id
    made = Attended(service, assignment_id, session_id, adult_id)
    serve_notice(made, case.subject_id)
    return made


def serve_notice(made: Attended, subject_id: str) -> None:
    """F3 is served on the adult."""
    notice = forms.AttendanceNotice(
        notice_no=NOTICE_NO,
        organ_uscc=PROC,
        subject_id=subject_id,
        minor_reference="阿某",
        adult=forms.NoticedAdult(adult_id=made.adult_id),
        basis_article="CPL Art. 281",
        purpose=forms.ATTENDANCE_PURPOSE_INTERROGATION,
        place=PLACE,
        planned_from=b.instant("2026-03-09 00:00"),
        contact_officer="李检察官",
    )
    served = api.ServeNoticeRequest(assignment_id=made.assignment_id, notice=notice, received=True)
    made.service.call("ServeNotice", served)


def attended(service: Service, case: OpenedCase) -> Attended:
    """The whole session, from arrival to its close, with the adult's observations."""
    made = noticed(service, case)
    part = events.ATTENDEE_PART_APPROPRIATE_ADULT
    made.step(api.RecordArrivalRequest, part=part, attendee_id=made.adult_id, identity_checked=True)
    made.step(api.InformRightsRequest, attendee_id=made.adult_id, told=sorted(EVERY_LINE), signed=True)
    staff = [events.SessionStaff(officer="procurator-1", woman=True)]
    made.step(api.StartSessionRequest, staff=staff, frame=events.SESSION_FRAME_NONE)
    made.step(api.EndSessionRequest, minors_state=STATE)
    made.step(api.ReadRecordRequest, method=events.READING_METHOD_READ_ALOUD)
    form = events.SIGNATURE_FORM_SIGNED_WITH_FINGERPRINT
    signers = (events.SIGNER_MINOR, events.SIGNER_APPROPRIATE_ADULT)
    made.step(api.SignRecordRequest, signatures=[events.RecordSignature(signer=s, form=form) for s in signers])
    made.step(api.RecordObservationsRequest, ADULT, observations=OBSERVATION)
    made.step(api.CloseSessionRequest)
    return made
