"""Queries of appropriate adults, and the one command whose answer says more than where its events stand."""

import grpc

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult import shown
from services.appropriate_adult.qualification import shortcomings
from services.appropriate_adult.routes import ADULT_ROLE, Routes
from services.appropriate_adult.views import Adults, Assignments
from services.kernel import page, validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.clock import Clock
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.errors import IllegalState
from services.kernel.rpc import current_call
from services.kernel.watch import Watches

WATCH_S = 10.0


class AppropriateAdultServicer:
    """The methods that are no plain command."""

    def __init__(
        self,
        routes: Routes,
        admission: Admission,
        assignments: Assignments,
        adults: Adults,
        clock: Clock,
        watches: Watches,
    ) -> None:
        self._routes = routes
        self._admission = admission
        self._assignments = assignments
        self._adults = adults
        self._clock = clock
        self._watches = watches

    def StartSession(self, request: api.StartSessionRequest, _: grpc.ServicerContext) -> api.StartSessionResponse:
        """Begins the questions, or records that they must not begin."""
        receipt = self._routes.route("StartSession").run(self._admission, "StartSession", request, current_call())
        response = api.StartSessionResponse(receipt=receipt)
        if receipt.validated:
            return response
        # What the command came to stands in the log: a repeated request is answered as the first one was.
        event = self._routes.assignments.opened(request.assignment_id)[receipt.version - 1].event
        response.unmet.extend(event.unmet)
        if isinstance(event, events.SessionStarted):
            response.started, response.record_no = True, event.record_no
        return response

    def GetAdult(self, request: api.GetAdultRequest, _: grpc.ServicerContext) -> api.GetAdultResponse:
        """An adult with what qualifies the person today."""
        validate.check(request)
        call = current_call()
        loaded = self._routes.adults.load(request.adult_id)
        seen = self._routes.adult_resource(request, loaded.state)
        self._admission.read(call, "GetAdult", seen, request.purpose)
        today = self._clock.now().astimezone(CHINA_STANDARD_TIME).date()
        found = api.Adult(
            status=loaded.state.status,  # type: ignore[arg-type]
            attended=loaded.state.attended,
            shortcomings=shortcomings(loaded.state, today),  # type: ignore[arg-type]
            version=loaded.version,
        )
        opened = self._routes.adults.opened(request.adult_id)
        shown.fill_adult(found, loaded.state, opened, at_home=call.principal.agency == loaded.state.home)
        return api.GetAdultResponse(adult=found)

    def ListAdults(self, request: api.ListAdultsRequest, _: grpc.ServicerContext) -> api.ListAdultsResponse:
        """The caller's adults, newest first."""
        validate.check(request)
        call = current_call()
        seen = ResourceFacts("Adult", participants=frozenset({call.principal.agency}))
        self._admission.read(call, "ListAdults", seen, request.purpose)
        self._adults.view.wait(request.min_position)
        size, before = page.size(request.page_size), page.cursor(request.page_token)
        lines = self._adults.page(call.principal.agency, request.division_code, request.language, before, size + 1)
        response = api.ListAdultsResponse(adults=[shown.adult_row(line) for line in lines[:size]])
        if len(lines) > size:
            response.next_page_token = page.token(lines[size - 1].registered_at, lines[size - 1].adult_id)
        return response

    def GetAssignment(self, request: api.GetAssignmentRequest, _: grpc.ServicerContext) -> api.GetAssignmentResponse:
        """An assignment with its sessions, as far as the caller's part in it goes."""
        validate.check(request)
        call = current_call()
        loaded = self._routes.assignments.load(request.assignment_id)
        state = loaded.state
        seen = self._routes.assignment_resource(request, state)
        self._admission.read(call, "GetAssignment", seen, request.purpose, case_id=state.case_id)
        found = shown.assignment(state, loaded.version)
        opened = self._routes.assignments.opened(request.assignment_id)
        shown.fill_assignment(found, opened, for_organ=_leads(call.principal.agency, call.principal.role, seen))
        return api.GetAssignmentResponse(assignment=found)

    def WatchAssignment(
        self, request: api.WatchAssignmentRequest, context: grpc.ServicerContext
    ) -> api.WatchAssignmentResponse:
        """Waits, bounded, until the assignment has moved past a version."""
        validate.check(request)
        loaded = self._routes.assignments.load(request.assignment_id)
        seen = self._routes.assignment_resource(request, loaded.state)
        self._admission.read(current_call(), "WatchAssignment", seen, request.purpose, case_id=loaded.state.case_id)

        def moved() -> bool:
            return self._routes.assignments.load(request.assignment_id).version > request.after_version

        self._watches.until(context, moved, WATCH_S)
        loaded = self._routes.assignments.load(request.assignment_id)
        found = shown.assignment(loaded.state, loaded.version)
        return api.WatchAssignmentResponse(assignment=found, moved=loaded.version > request.after_version)

    def ListAssignments(self, request: api.ListAssignmentsRequest, _: grpc.ServicerContext) -> api.ListAssignmentsResponse:
        """The caller's assignments, newest first; an adult sees the own ones only."""
        validate.check(request)
        call = current_call()
        seen = ResourceFacts("Assignment", participants=frozenset({call.principal.agency}))
        self._admission.read(call, "ListAssignments", seen, request.purpose, case_id=request.case_id)
        self._assignments.view.wait(request.min_position)
        size, before = page.size(request.page_size), page.cursor(request.page_token)
        officer = call.principal.officer if call.principal.role == ADULT_ROLE else ""
        lines = self._assignments.page(call.principal.agency, officer, request.status, request.case_id, before, size + 1)
        response = api.ListAssignmentsResponse(assignments=[shown.assignment_row(line) for line in lines[:size]])
        if len(lines) > size:
            response.next_page_token = page.token(lines[size - 1].opened_at, lines[size - 1].assignment_id)
        return response

    def GetAttendanceRecord(
        self, request: api.GetAttendanceRecordRequest, _: grpc.ServicerContext
    ) -> api.GetAttendanceRecordResponse:
        """F5 of a session: the organ's part without the adult's observations, the other part with them alone."""
        validate.check(request)
        call = current_call()
        state = self._routes.assignments.load(request.assignment_id).state
        seen = self._routes.assignment_resource(request, state)
        self._admission.read(call, "GetAttendanceRecord", seen, request.purpose, case_id=state.case_id)
        if request.session_id not in state.sessions:
            raise IllegalState("SESSION_UNKNOWN", "there is no such session")
        opened = self._routes.assignments.opened(request.assignment_id)
        for_organ = _leads(call.principal.agency, call.principal.role, seen)
        return api.GetAttendanceRecordResponse(
            record=shown.attendance_record(state, request.session_id, opened, for_organ=for_organ)
        )


def _leads(agency: str, role: str, seen: ResourceFacts) -> bool:
    """Whether the caller reads as an organ of the case, and not as desk or adult."""
    return role != ADULT_ROLE and (agency == seen.organ or agency != seen.provider)
