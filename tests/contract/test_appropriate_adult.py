"""Appropriate adults over a real channel: what police, desk and adult may count on."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2_grpc as stubs
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.appropriate_adult import policies
from services.appropriate_adult.assignment import DECIDER
from services.appropriate_adult.session import EVERY_LINE
from services.demo.client import Client
from services.kernel.handler import Handler
from services.kernel.host import Running
from services.kernel.rpc import reason_of
from tests.contract.agencies import (
    CASE_HANDLING,
    CYL,
    OTHER_SWO,
    PROC,
    SWO,
    OpenedCase,
    date,
    head,
    new_id,
    open_case,
    referral,
    register_agencies,
)
from tests.unit.appropriate_adult import builders as b

PROCURATOR = (PROC, "procurator-1", "CASE_PROCURATOR")
DESK = (CYL, "desk-1", "DESK_OPERATOR")
MANAGER = (SWO, "manager-1", "SWO_MANAGER")
ADULT = (SWO, "adult-1", "APPROPRIATE_ADULT")
WITHIN_S = 15.0
ALL_DAY = {"planned_from": b.instant("2026-03-09 00:00"), "planned_until": b.instant("2026-03-10 00:00")}


@dataclass(frozen=True)
class Service:
    """The service with its callers."""

    client: Client

    def call(self, name: str, request: Any, who: tuple[str, str, str] = PROCURATOR) -> Any:
        """Calls a method as somebody; every command gets a head of its own."""
        if hasattr(request, "head"):
            request.head.CopyFrom(head())
        return self.client.call("appropriate_adult", name, request, *who)

    def refused(self, name: str, request: Any, who: tuple[str, str, str] = PROCURATOR) -> str:
        """The reason with which a call is refused."""
        with pytest.raises(grpc.RpcError) as refusal:
            self.call(name, request, who)
        return reason_of(refusal.value)

    def assignment(self, assignment_id: str, who: tuple[str, str, str] = PROCURATOR) -> api.Assignment:
        """The assignment as somebody sees it."""
        request = api.GetAssignmentRequest(assignment_id=assignment_id, purpose=CASE_HANDLING)
        found: api.Assignment = self.call("GetAssignment", request, who).assignment
        return found

    def until(self, assignment_id: str, holds: Any) -> api.Assignment:
        """Waits for what the policies do behind the commands, by the service's own watch."""
        ends, version = time.monotonic() + WITHIN_S, 0
        while time.monotonic() < ends:
            request = api.WatchAssignmentRequest(assignment_id=assignment_id, after_version=version, purpose=CASE_HANDLING)
            found = self.call("WatchAssignment", request).assignment
            if holds(found):
                return found  # type: ignore[no-any-return]
            version = found.version
        raise AssertionError("it does not come to pass")


@pytest.fixture
def service(client: Client) -> Service:
    register_agencies(client)
    return Service(client)


@pytest.fixture
def case(service: Service) -> OpenedCase:
    return open_case(service.client)


def register(service: Service, officer: str = "adult-1") -> str:
    """A trained and queried adult of the organisation."""
    adult_id = new_id()
    entry = b.entry(adult_id=adult_id, home_uscc=SWO, officer=officer)
    service.call("RegisterAdult", api.RegisterAdultRequest(entry=entry), MANAGER)
    training = b.training(training_id=new_id(), valid_until=date(2199, 1, 1))
    training.adult_id = adult_id
    service.call("RecordTraining", training, MANAGER)
    query = b.record_query()
    query.adult_id = adult_id
    query.query.queried_on.CopyFrom(date(2026, 9, 1))
    service.call("RecordCriminalRecordQuery", query, MANAGER)
    return adult_id


def requested(service: Service, case: OpenedCase, session_id: str = "", **plan: Any) -> str:
    """An assignment of the procuratorate's case for which an adult is asked."""
    assignment_id = new_id()

    def send(name: str, request: Any, **fields: Any) -> None:
        request.assignment_id = assignment_id
        for field, value in fields.items():
            setattr(request, field, value)
        service.call(name, request)

    stage = referrals.CASE_STAGE_PROSECUTION_REVIEW
    send("IdentifyNeed", b.need(case_id=case.case_id, subject_id=case.subject_id, case_stage=stage))
    send("NotifyLegalRep", b.notify())
    send("RecordLegalRepOutcome", b.rep_outcome())
    send("RequestAdult", b.ask(provider_uscc=CYL, session=b.plan(session_id or new_id(), **(plan or ALL_DAY))))
    return assignment_id


def propose(service: Service, assignment_id: str, adult_id: str) -> str:
    candidate_id = new_id()
    request = api.ProposeCandidateRequest(assignment_id=assignment_id, candidate_id=candidate_id, adult_id=adult_id)
    service.call("ProposeCandidate", request, DESK)
    return candidate_id


def confirmed(service: Service, case: OpenedCase, adult_id: str) -> str:
    """An assignment with a confirmed adult."""
    assignment_id = requested(service, case)
    propose(service, assignment_id, adult_id)
    service.until(assignment_id, lambda found: found.reserved)
    for name, request in (
        ("RunConflictCheck", api.RunConflictCheckRequest(assignment_id=assignment_id)),
        ("ConsultMinor", api.ConsultMinorRequest(assignment_id=assignment_id, accepts=True)),
        ("ConfirmAdult", api.ConfirmAdultRequest(assignment_id=assignment_id)),
    ):
        service.call(name, request)
    return assignment_id


def test_an_accepted_referral_opens_an_assignment_and_hears_of_it(service: Service, case: OpenedCase) -> None:
    content = referral(case, kind=referrals.REFERRAL_KIND_APPROPRIATE_ADULT)
    submit = intake.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
    service.client.call("intake", "SubmitReferral", submit, *PROCURATOR)
    accept = intake.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO)
    service.client.call("intake", "AcceptReferral", accept, CYL, "league-1", "CYL_OFFICER")
    listing = api.ListAssignmentsRequest(case_id=case.case_id, purpose=CASE_HANDLING)
    ends = time.monotonic() + WITHIN_S
    while not (rows := service.call("ListAssignments", listing).assignments) and time.monotonic() < ends:
        pass
    found = service.assignment(rows[0].assignment_id)
    assert (found.referral_id, found.provider_uscc) == (content.referral_id, SWO)
    assert found.guard == events.GUARD_STRENGTH_HARD
    release = api.ReleaseAssignmentRequest(assignment_id=found.assignment_id, end=events.ASSIGNMENT_END_NEED_ENDED)
    service.call("ReleaseAssignment", release)
    query = intake.GetReferralRequest(referral_id=content.referral_id, purpose=CASE_HANDLING)
    while not (told := service.client.call("intake", "GetReferral", query, *PROCURATOR).referral.milestones):
        assert time.monotonic() < ends
    assert [milestone.milestone for milestone in told] == ["AssignmentReleased"]


def test_an_adult_is_never_in_two_places(service: Service, running: Running) -> None:
    adult_id = register(service)
    wanted = [requested(service, open_case(service.client)) for _ in range(6)]
    service.client.channel(CYL)  # one certificate for all threads: the client makes it on first use
    threads = [threading.Thread(target=propose, args=(service, assignment, adult_id)) for assignment in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answered = [
        service.until(a, lambda found: found.reserved or found.status == api.ASSIGNMENT_STATUS_REQUESTED) for a in wanted
    ]
    assert [found.reserved for found in answered].count(True) == 1
    state = running.services["appropriate_adult"].deciders["adult"]
    journal = running.services["appropriate_adult"].journal
    assert journal is not None
    folded = state.initial
    for row in journal.read_stream(f"adult-{adult_id}"):
        folded = state.evolve(folded, running.services["appropriate_adult"].codec.clear(row))
    assert len(folded.open_engagements) == 1


def test_a_withdrawn_candidate_leaves_no_booking_behind(service: Service, case: OpenedCase) -> None:
    adult_id = register(service)
    assignment_id = requested(service, case)
    propose(service, assignment_id, adult_id)
    withdraw = api.WithdrawCandidateRequest(assignment_id=assignment_id, refusal=events.CANDIDATE_REFUSAL_WITHDREW)
    service.call("WithdrawCandidate", withdraw, DESK)
    candidate_id = propose(service, assignment_id, adult_id)
    found = service.until(assignment_id, lambda found: found.reserved)
    assert found.candidate_id == candidate_id
    query = api.GetAdultRequest(adult_id=adult_id, purpose=CASE_HANDLING)
    assert [e.engagement_id for e in service.call("GetAdult", query, MANAGER).adult.engagements] == [candidate_id]


def test_a_session_runs_from_arrival_to_signed_record(service: Service, case: OpenedCase) -> None:
    adult_id = register(service)
    assignment_id = confirmed(service, case, adult_id)
    session_id = service.assignment(assignment_id).sessions[0].plan.session_id

    def step(kind: Any, **fields: Any) -> Any:
        request = kind(assignment_id=assignment_id, session_id=session_id, **fields)
        return service.call(kind.DESCRIPTOR.name.removesuffix("Request"), request)

    staff = [events.SessionStaff(officer="procurator-1", woman=True)]
    begin = {"staff": staff, "frame": events.SESSION_FRAME_NONE}
    blocked = step(api.StartSessionRequest, **begin)
    assert (blocked.started, blocked.record_no) == (False, "")
    assert list(blocked.unmet) == [events.SESSION_CONDITION_NO_QUALIFIED_ADULT_PRESENT]
    part = events.ATTENDEE_PART_APPROPRIATE_ADULT
    step(api.RecordArrivalRequest, part=part, attendee_id=adult_id, identity_checked=True)
    step(api.InformRightsRequest, attendee_id=adult_id, told=sorted(EVERY_LINE), signed=True)
    started = step(api.StartSessionRequest, **begin)
    assert started.started
    assert started.record_no
    step(api.RaiseObjectionRequest, objection_id=new_id(), attendee_id=adult_id, statement="问题有诱导性")
    objection_id = _only_objection(service, assignment_id, session_id)
    step(api.LeaveRoomRequest, attendee_id=adult_id)
    paused = service.assignment(assignment_id).sessions[0]
    assert paused.status == api.SESSION_STATUS_PAUSED
    step(api.ReturnToRoomRequest, attendee_id=adult_id)
    step(api.ResumeSessionRequest)
    resolve = api.ResolveObjectionRequest(
        assignment_id=assignment_id, objection_id=objection_id, accepted=True, reason="已换问法"
    )
    service.call("ResolveObjection", resolve)
    step(api.EndSessionRequest, minors_state="平稳")
    step(api.ReadRecordRequest, method=events.READING_METHOD_READ_ALOUD)
    form = events.SIGNATURE_FORM_SIGNED_WITH_FINGERPRINT
    signers = (events.SIGNER_MINOR, events.SIGNER_APPROPRIATE_ADULT)
    step(api.SignRecordRequest, signatures=[events.RecordSignature(signer=s, form=form) for s in signers])
    observations = api.RecordObservationsRequest(assignment_id=assignment_id, session_id=session_id, observations="起初紧张")
    service.call("RecordObservations", observations, ADULT)
    step(api.CloseSessionRequest)
    assert not service.assignment(assignment_id).sessions[0].defective
    service.call("CompleteAssignment", api.CompleteAssignmentRequest(assignment_id=assignment_id))
    query = api.GetAttendanceRecordRequest(assignment_id=assignment_id, session_id=session_id, purpose=CASE_HANDLING)
    organ = service.call("GetAttendanceRecord", query).record
    own = service.call("GetAttendanceRecord", query, ADULT).record
    assert (organ.minors_state, list(organ.observations)) == ("平稳", [])
    assert (own.minors_state, list(own.observations)) == ("", ["起初紧张"])
    assert len(organ.session.attendance) == 2
    assert [len(organ.pauses), len(organ.rights), len(organ.signed), len(organ.flags)] == [1, 1, 1, 0]
    assert organ.objections[0].resolved.reason == "已换问法"


def _only_objection(service: Service, assignment_id: str, session_id: str) -> str:
    query = api.GetAttendanceRecordRequest(assignment_id=assignment_id, session_id=session_id, purpose=CASE_HANDLING)
    record = service.call("GetAttendanceRecord", query).record
    return str(record.objections[0].raised.objection_id)


def test_the_reason_of_a_conflict_is_the_organs_alone(service: Service, case: OpenedCase) -> None:
    adult_id = register(service)
    assignment_id = requested(service, case)
    propose(service, assignment_id, adult_id)
    check = api.RunConflictCheckRequest(assignment_id=assignment_id, found=[events.EXCLUSION_INTEREST], note="系邻居")
    service.call("RunConflictCheck", check)
    organ, desk = service.assignment(assignment_id), service.assignment(assignment_id, DESK)
    assert [list(found.exclusions) for found in organ.conflicts] == [[events.EXCLUSION_INTEREST]]
    assert (list(desk.conflicts), list(desk.notices), desk.HasField("outcome")) == ([], [], False)
    assert desk.request.minor_reference == "阿某"


def test_an_organ_sees_of_an_engaged_adult_what_a_notice_needs(service: Service, case: OpenedCase) -> None:
    adult_id = register(service)
    query = api.GetAdultRequest(adult_id=adult_id, purpose=CASE_HANDLING)
    assert service.refused("GetAdult", query) == "SEALED_OR_NOT_FOUND"
    confirmed(service, case, adult_id)
    seen = service.call("GetAdult", query).adult
    assert (seen.entry.name, seen.entry.telephone, seen.entry.identity_reference) == ("某某", "000", "")
    assert set(seen.withheld) == {"identity_reference", "birth_date"}
    own = service.call("GetAdult", query, ADULT).adult
    assert own.entry.identity_reference == "已核验身份证"
    assert len(own.trainings) == 1


def test_an_adult_keeps_the_own_calendar_and_nobody_elses(service: Service) -> None:
    own, other = register(service), register(service, "adult-2")
    set_ = api.SetAvailabilityRequest(adult_id=own)
    service.call("SetAvailability", set_, ADULT)
    set_.adult_id = other
    assert service.refused("SetAvailability", set_, ADULT) == "NOT_ALLOWED"


def test_a_swap_is_finished_by_the_system(service: Service) -> None:
    first, second = register(service), register(service, "adult-2")
    shift = b.shift(shift_id=new_id())
    service.call("AssignShift", api.AssignShiftRequest(adult_id=first, shift=shift), MANAGER)
    offer = api.OfferShiftRequest(adult_id=first, shift_id=shift.shift_id, to_adult_id=second)
    service.call("OfferShift", offer, ADULT)
    take = api.TakeShiftRequest(adult_id=second, shift_id=shift.shift_id, from_adult_id=first)
    service.call("TakeShift", take, (SWO, "adult-2", "APPROPRIATE_ADULT"))
    ends = time.monotonic() + WITHIN_S
    query = api.GetAdultRequest(adult_id=first, purpose=CASE_HANDLING)
    while service.call("GetAdult", query, MANAGER).adult.shifts:
        assert time.monotonic() < ends
    query.adult_id = second
    assert [s.shift_id for s in service.call("GetAdult", query, MANAGER).adult.shifts] == [shift.shift_id]


def test_only_the_system_takes_the_steps_of_the_hand_shake(service: Service) -> None:
    adult_id = register(service)
    request = b.reserve()
    request.adult_id = adult_id
    assert service.refused("ReserveEngagement", request, MANAGER) == "NOT_ALLOWED"


def test_act_07_desk_and_adult_confirm_nobody_and_start_nothing(service: Service, case: OpenedCase) -> None:
    adult_id = register(service)
    assignment_id = confirmed(service, case, adult_id)
    for who in (DESK, ADULT):
        confirm = api.ConfirmAdultRequest(assignment_id=assignment_id)
        assert service.refused("ConfirmAdult", confirm, who) == "NOT_ALLOWED"
    start = b.start(session_id=service.assignment(assignment_id).sessions[0].plan.session_id)
    start.assignment_id = assignment_id
    assert service.refused("StartSession", start, DESK) == "NOT_ALLOWED"


def test_a_body_that_takes_no_part_cannot_tell_an_assignment_from_none(service: Service, case: OpenedCase) -> None:
    stranger = (OTHER_SWO, "manager-9", "SWO_MANAGER")
    for assignment_id in (requested(service, case), new_id()):
        request = api.GetAssignmentRequest(assignment_id=assignment_id, purpose=CASE_HANDLING)
        assert service.refused("GetAssignment", request, stranger) == "SEALED_OR_NOT_FOUND"


def test_lists_show_the_callers_own_page_by_page(service: Service) -> None:
    for _ in range(3):
        register(service, new_id()[:8])
    seen: list[str] = []
    token = ""
    while True:
        request = api.ListAdultsRequest(language="iii", purpose=CASE_HANDLING, page_size=2, page_token=token)
        page = service.call("ListAdults", request, MANAGER)
        seen += [row.adult_id for row in page.adults]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) >= 3
    none = api.ListAdultsRequest(language="xxx", purpose=CASE_HANDLING)
    assert list(service.call("ListAdults", none, MANAGER).adults) == []


def test_every_malformed_field_of_a_need_is_named(service: Service) -> None:
    assert service.refused("IdentifyNeed", api.IdentifyNeedRequest(assignment_id="x")) == "INVALID_REQUEST"


def test_taking_the_whole_journal_in_again_books_and_ends_nothing(service: Service, running: Running) -> None:
    """What a crash between sending and remembering comes to, at every event at once."""
    adult_id = register(service)
    first = confirmed(service, open_case(service.client), adult_id)
    session_id = service.assignment(first).sessions[0].plan.session_id
    service.call("CancelSession", api.CancelSessionRequest(assignment_id=first, session_id=session_id))
    replaced = api.ReplaceAdultRequest(assignment_id=first, reason=events.REPLACEMENT_REASON_ILLNESS)
    service.call("ReplaceAdult", replaced)
    service.call("RequestAdult", _asked(first))
    propose(service, first, adult_id)
    service.until(first, lambda found: found.reserved)
    served = running.services["appropriate_adult"]
    assert served.journal is not None
    booking = next(follower for follower in served.followers if follower.name == "policy:booking")
    assert booking.wait(served.journal.head(), WITHIN_S)
    before = served.journal.head()
    own = running.resources.channel("appropriate_adult", "appropriate_adult")
    assignments: Handler[Any] = Handler(
        served.journal, DECIDER, served.codec, running.resources.clock, running.resources.request_key
    )
    effect = policies.booking(stubs.AppropriateAdultServiceStub(own), assignments, served.codec)
    with running.resources.pool.connection() as conn:
        for row in served.journal.read(0, before):
            effect(conn, row)
    assert served.journal.head() == before


def _asked(assignment_id: str) -> Any:
    request = b.ask(provider_uscc=CYL, session=b.plan(new_id(), **ALL_DAY))
    request.assignment_id = assignment_id
    return request
