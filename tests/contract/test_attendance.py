"""What is watched while it happens, and what an adult may know of the own part."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import attendance_service_pb2 as live
from guanhu.appropriate_adult.v1 import attendance_service_pb2_grpc as stubs
from services.demo.client import Client
from services.kernel import watch
from services.kernel.errors import Overloaded
from services.kernel.host import Running
from services.kernel.rpc import reason_of
from services.kernel.watch import Watches
from tests.contract.agencies import CASE_HANDLING, PROC, SWO, new_id, open_case, register_agencies
from tests.contract.attended import NOTICE_NO, Attended, attended, noticed, serve_notice
from tests.contract.test_appropriate_adult import (
    ADULT,
    DESK,
    MANAGER,
    PROCURATOR,
    WITHIN_S,
    Service,
    propose,
    register,
    requested,
)
from tests.unit.appropriate_adult import builders as b

SIBLING = (SWO, "adult-2", "APPROPRIATE_ADULT")
SYSTEM = (PROC, "", "")
Who = tuple[str, str, str]


@pytest.fixture
def service(client: Client) -> Service:
    register_agencies(client)
    return Service(client)


@pytest.fixture(scope="module")
def done(running: Running) -> Iterator[Attended]:
    """One session that was attended to its end."""
    assert running.resources.authority is not None
    with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
        register_agencies(client)
        yield attended(Service(client), open_case(client))


def watching(client: Client, assignment_id: str, who: Who = SYSTEM, after: int = 0) -> Any:
    """The stream, as somebody opens it."""
    uscc, officer, role = who
    request = live.WatchRequest(assignment_id=assignment_id, after=after, purpose=CASE_HANDLING)
    stub = stubs.AttendanceServiceStub(client.channel(uscc))
    return stub.Watch(request, metadata=client.metadata(uscc, officer, role), timeout=WITHIN_S)


def seen(stream: Any, until: int) -> list[live.AssignmentChange]:
    """The changes up to a version; then the watch is given up."""
    changes = []
    for answer in stream:
        changes.append(answer.change)
        if answer.change.version >= until:
            stream.cancel()
            return changes
    raise AssertionError("the stream ended before")


def refused(stream: Any) -> str:
    with pytest.raises(grpc.RpcError) as refusal:
        next(stream)
    return reason_of(refusal.value)


def test_a_system_watches_an_assignment_from_the_need_to_the_closed_session(done: Attended) -> None:
    found = done.service.assignment(done.assignment_id)
    changes = seen(watching(done.service.client, done.assignment_id), found.version)
    assert [change.version for change in changes] == list(range(1, found.version + 1))
    assert changes[-1].event_type == events.SessionClosed.DESCRIPTOR.full_name
    assert (changes[-1].title_zh, changes[-1].status) == ("场次办结", api.ASSIGNMENT_STATUS_NOTIFIED)
    moved = [change.session_status for change in changes if change.moved and change.session_id == done.session_id]
    assert moved[-4:] == [
        api.SESSION_STATUS_IN_SESSION,
        api.SESSION_STATUS_ENDED,
        api.SESSION_STATUS_RECORD_READ,
        api.SESSION_STATUS_SIGNED,
    ]


def test_a_watch_goes_on_after_its_position_and_misses_and_doubles_nothing(done: Attended) -> None:
    found = done.service.assignment(done.assignment_id)
    whole = seen(watching(done.service.client, done.assignment_id), found.version)
    middle = whole[len(whole) // 2].position
    rest = seen(watching(done.service.client, done.assignment_id, after=middle), found.version)
    assert rest == [change for change in whole if change.position > middle]


def test_what_happens_while_it_is_watched_arrives_by_itself(service: Service) -> None:
    ahead = noticed(service, open_case(service.client))
    before = service.assignment(ahead.assignment_id).version
    stream = watching(service.client, ahead.assignment_id)
    seen_before = [next(stream).change.version for _ in range(before)]
    part = events.ATTENDEE_PART_APPROPRIATE_ADULT
    ahead.step(api.RecordArrivalRequest, part=part, attendee_id=ahead.adult_id, identity_checked=True)
    [arrived] = seen(stream, before + 1)
    assert seen_before[-1] == before
    assert (arrived.session_status, arrived.adult_id) == (api.SESSION_STATUS_ARRIVED, ahead.adult_id)


def test_why_an_assignment_moved_is_not_told_to_those_who_may_not_know(service: Service) -> None:
    case = open_case(service.client)
    adult_id = register(service)
    assignment_id = requested(service, case)
    propose(service, assignment_id, adult_id)
    check = api.RunConflictCheckRequest(assignment_id=assignment_id, found=[events.EXCLUSION_INTEREST], note="系邻居")
    service.call("RunConflictCheck", check)
    until = service.assignment(assignment_id).version
    hidden = events.ConflictFound.DESCRIPTOR.full_name
    organ = [change.event_type for change in seen(watching(service.client, assignment_id), until)]
    desk = [change.event_type for change in seen(watching(service.client, assignment_id, DESK), until)]
    assert hidden in organ
    assert hidden not in desk
    assert [known or "" for known in desk].count("") == 3  # the conflict, and two facts about the representative


@pytest.mark.parametrize("who", [ADULT, (SWO, "manager-1", "SWO_MANAGER")])
def test_an_assignment_is_watched_by_organs_and_desk_alone(done: Attended, who: Who) -> None:
    assert refused(watching(done.service.client, done.assignment_id, who)) in {"NOT_ALLOWED", "SEALED_OR_NOT_FOUND"}


def test_an_unknown_assignment_is_not_watched(service: Service) -> None:
    assert refused(watching(service.client, new_id())) == "SEALED_OR_NOT_FOUND"


class Caller:
    """Somebody who listens until told otherwise."""

    def is_active(self) -> bool:
        return True


def test_a_watch_ends_at_once_when_the_server_drains(running: Running) -> None:
    journal = running.services["appropriate_adult"].journal
    assert journal is not None
    stopping = threading.Event()
    stream = Watches(journal, stopping).run(Caller(), lambda _: iter(["news"]), lambda: "alive")  # type: ignore[arg-type]
    assert next(stream) == "news"
    stopping.set()
    began = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - began < watch.WAIT_S


def test_more_watches_than_there_may_be_are_told_to_come_back(running: Running) -> None:
    journal = running.services["appropriate_adult"].journal
    assert journal is not None
    watches = Watches(journal, threading.Event())
    open_ = [watches.run(Caller(), lambda _: iter(["news"]), lambda: "alive") for _ in range(watch.WATCHERS_MAX)]  # type: ignore[arg-type]
    assert {next(stream) for stream in open_} == {"news"}
    with pytest.raises(Overloaded):
        next(watches.run(Caller(), lambda _: iter(["news"]), lambda: "alive"))  # type: ignore[arg-type]
    open_[0].close()  # type: ignore[attr-defined]
    assert next(watches.run(Caller(), lambda _: iter(["news"]), lambda: "alive")) == "news"  # type: ignore[arg-type]


def test_a_watch_on_which_nothing_happens_gives_signs_of_life_and_ends(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = running.services["appropriate_adult"].journal
    assert journal is not None
    for name, seconds in (("WATCH_S", 0.3), ("SIGN_OF_LIFE_S", 0.05), ("WAIT_S", 0.05)):
        monkeypatch.setattr(watch, name, seconds)
    stream = Watches(journal, threading.Event()).run(Caller(), lambda _: iter([]), lambda: "alive")  # type: ignore[arg-type]
    assert set(stream) == {"alive"}


def own(done: Attended, who: Who) -> live.GetOwnHistoryResponse:
    request = live.GetOwnHistoryRequest(adult_id=done.adult_id, purpose=CASE_HANDLING)
    found: live.GetOwnHistoryResponse = done.service.client.call("attendance", "GetOwnHistory", request, *who)
    return found


def directions(made: Attended, who: Who) -> live.GetDirectionsResponse:
    request = live.GetDirectionsRequest(adult_id=made.adult_id, purpose=CASE_HANDLING)
    found: live.GetDirectionsResponse = made.service.client.call("attendance", "GetDirections", request, *who)
    return found


def test_an_adult_sees_the_own_history_and_so_does_the_home_agency(done: Attended) -> None:
    for who in (ADULT, MANAGER):
        found = own(done, who)
        assert [each.session_id for each in found.engagements] == [done.session_id]
        assert len(found.trainings) == 1
    for who in (SIBLING, DESK, PROCURATOR):
        with pytest.raises(grpc.RpcError) as refusal:
            own(done, who)
        assert reason_of(refusal.value) in {"NOT_ALLOWED", "SEALED_OR_NOT_FOUND"}


def test_directions_tell_the_adult_alone_where_to_go_and_whom_to_ask_for(service: Service) -> None:
    adult_id = register(service)
    case = open_case(service.client)
    far: dict[str, Any] = {"planned_from": b.instant("2199-03-09 10:00"), "planned_until": b.instant("2199-03-09 12:00")}
    assignment_id = requested(service, case, **far)
    made = Attended(service, assignment_id, service.assignment(assignment_id).sessions[0].plan.session_id, adult_id)
    assert not directions(made, ADULT).HasField("directions")
    confirmed(made)
    found = wait_for_directions(made)
    assert (found.assignment_id, found.session_id, found.contact_officer) == (assignment_id, made.session_id, "")
    assert (found.minor_reference, list(found.languages), found.place) == ("阿某", ["iii"], "某县公安局办案区")
    assert found.planned_from == b.instant("2199-03-09 10:00")
    assert found.leave_at == b.instant("2199-03-09 09:00")
    serve_notice(made, case.subject_id)
    noticed_ = directions(made, ADULT).directions
    assert (noticed_.contact_officer, noticed_.notice_no) == ("李检察官", NOTICE_NO)
    for who in (SIBLING, MANAGER, PROCURATOR):
        with pytest.raises(grpc.RpcError) as refusal:
            directions(made, who)
        assert reason_of(refusal.value) in {"NOT_ALLOWED", "SEALED_OR_NOT_FOUND"}


def confirmed(made: Attended) -> None:
    propose(made.service, made.assignment_id, made.adult_id)
    made.service.until(made.assignment_id, lambda found: found.reserved)
    for name, request in (
        ("RunConflictCheck", api.RunConflictCheckRequest(assignment_id=made.assignment_id)),
        ("ConsultMinor", api.ConsultMinorRequest(assignment_id=made.assignment_id, accepts=True)),
        ("ConfirmAdult", api.ConfirmAdultRequest(assignment_id=made.assignment_id)),
    ):
        made.service.call(name, request)


def wait_for_directions(made: Attended) -> live.Directions:
    """The policy confirms the engagement behind the command."""
    ends = time.monotonic() + WITHIN_S
    while not (found := directions(made, ADULT)).HasField("directions"):
        assert time.monotonic() < ends
    return found.directions
