"""Attendance while it happens: the stream of an assignment's changes, and what an adult may know of the own part."""

from collections.abc import Iterator
from datetime import datetime

import grpc

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import attendance_service_pb2 as live
from guanhu.journal.v1 import record_pb2
from guanhu.options.v1 import options_pb2
from services.appropriate_adult.adult_state import AdultState, Booking
from services.appropriate_adult.claim_views import Claims
from services.appropriate_adult.expense import minutes_attended
from services.appropriate_adult.expense_servicer import claim_row
from services.appropriate_adult.routes import Routes
from services.appropriate_adult.shown import ORGANS_ALONE
from services.appropriate_adult.state import State, evolve
from services.kernel import validate
from services.kernel.admission import Admission
from services.kernel.clock import Clock
from services.kernel.codec import EventCodec
from services.kernel.dates import from_datetime
from services.kernel.directory import Directory
from services.kernel.handler import STREAM_EVENTS_MAX
from services.kernel.journal import Journal, Recorded
from services.kernel.rpc import current_call
from services.kernel.watch import Watches

HISTORY_MAX = 50
_HIDDEN = frozenset(kind.DESCRIPTOR.full_name for kind in ORGANS_ALONE)


class AttendanceServicer:
    """The methods of AttendanceService."""

    def __init__(
        self,
        routes: Routes,
        claims: Claims,
        admission: Admission,
        directory: Directory,
        journal: Journal,
        codec: EventCodec,
        clock: Clock,
        watches: Watches,
    ) -> None:
        self._routes = routes
        self._claims = claims
        self._admission = admission
        self._directory = directory
        self._journal = journal
        self._codec = codec
        self._clock = clock
        self._watches = watches

    def Watch(self, request: live.WatchRequest, context: grpc.ServicerContext) -> Iterator[live.WatchResponse]:
        """Every change after a position, in order, none left out and none twice."""
        validate.check(request)
        state = self._routes.assignments.load(request.assignment_id).state
        seen = self._routes.assignment_resource(request, state)
        call = current_call()
        self._admission.read(call, "Watch", seen, request.purpose, case_id=state.case_id)
        leads = call.principal.agency == seen.organ or call.principal.agency != seen.provider
        followed = _Followed(leads)
        stream = self._routes.assignments.stream(request.assignment_id)

        def news(_: int) -> Iterator[live.WatchResponse]:
            for row in self._journal.read_stream(stream, after=followed.version, limit=STREAM_EVENTS_MAX):
                change = followed.take(row, self._codec.clear(row))
                if row.position > request.after:
                    yield live.WatchResponse(change=change)

        yield from self._watches.run(context, news, live.WatchResponse)

    def GetOwnHistory(self, request: live.GetOwnHistoryRequest, _: grpc.ServicerContext) -> live.GetOwnHistoryResponse:
        """Engagements, trainings and claims of an adult."""
        validate.check(request)
        state = self._routes.adults.load(request.adult_id).state
        self._admission.read(current_call(), "GetOwnHistory", self._routes.adult_resource(request, state), request.purpose)
        response = live.GetOwnHistoryResponse(attended=state.attended)
        newest = sorted(state.engagements.items(), key=lambda item: item[1].begins_at, reverse=True)
        response.engagements.extend(self._past(state.adult_id, key, booking) for key, booking in newest[:HISTORY_MAX])
        for opened in self._routes.adults.opened(request.adult_id):
            if isinstance(opened.event, adults.AdultTrained):
                response.trainings.append(opened.event.training)
        lines = self._claims.page(state.home, "", state.adult_id, 0, None, HISTORY_MAX)
        response.claims.extend(map(claim_row, lines))
        return response

    def GetDirections(self, request: live.GetDirectionsRequest, _: grpc.ServicerContext) -> live.GetDirectionsResponse:
        """The next confirmed engagement that is not over, from the newest plan of its session and the notice."""
        validate.check(request)
        state = self._routes.adults.load(request.adult_id).state
        seen = self._routes.adult_resource(request, state)
        self._admission.read(current_call(), "GetDirections", seen, request.purpose)
        ahead = _next(state, self._clock.now())
        if ahead is None:
            return live.GetDirectionsResponse()
        return live.GetDirectionsResponse(directions=self._directions(state.adult_id, *ahead))

    def _past(self, adult_id: str, engagement_id: str, booking: Booking) -> live.PastEngagement:
        assignment = self._routes.assignments.load(booking.assignment_id).state
        _, session_id = assignment.bookings.get(engagement_id, ("", ""))
        session = assignment.sessions.get(session_id)
        engagement = api.Engagement(
            engagement_id=engagement_id,
            assignment_id=booking.assignment_id,
            begins_at=from_datetime(booking.begins_at),
            ends_at=from_datetime(booking.ends_at),
            status=booking.status,  # type: ignore[arg-type]
        )
        minutes = minutes_attended(session, adult_id) if session else None
        return live.PastEngagement(engagement=engagement, session_id=session_id, present_minutes=minutes or 0)

    def _directions(self, adult_id: str, engagement_id: str, booking: Booking) -> live.Directions:
        assignment = self._routes.assignments.load(booking.assignment_id).state
        _, session_id = assignment.bookings[engagement_id]
        found = live.Directions(
            engagement_id=engagement_id,
            assignment_id=booking.assignment_id,
            session_id=session_id,
            organ_name=self._directory.name(assignment.organ),
            leave_at=from_datetime(booking.begins_at),
        )
        for opened in self._routes.assignments.opened(booking.assignment_id):
            match opened.event:
                case events.AppropriateAdultRequested() | events.SessionScheduled() if (
                    opened.event.session.session_id == session_id
                ):
                    _plan(found, opened.event)
                case events.AttendanceNoticeServed() if opened.event.notice.adult.adult_id == adult_id:
                    notice = opened.event.notice
                    found.contact_officer, found.notice_no = notice.contact_officer, notice.notice_no
                    found.minor_reference = notice.minor_reference or found.minor_reference
                case _:
                    continue
            found.withheld.extend(path for path in opened.withheld if path not in found.withheld)
        return found


class _Followed:
    """The assignment as the watch has seen it so far; `leads` says whether its reader may know everything that moved it."""

    def __init__(self, leads: bool) -> None:
        self._leads = leads
        self._state = State()
        self.version = 0

    def take(self, row: Recorded, event: object) -> live.AssignmentChange:
        """What an event changed."""
        before, self._state, self.version = self._state, evolve(self._state, event), row.version
        state, header = self._state, record_pb2.Header.FromString(row.header)
        change = live.AssignmentChange(
            position=row.position,
            version=row.version,
            recorded_at=header.recorded_at,
            occurred_at=header.occurred_at,
            status=state.status,  # type: ignore[arg-type]
            adult_id=state.candidate.adult_id if state.candidate else "",
            moved=_statuses(before) != _statuses(state),
        )
        if state.open_session is not None:
            change.session_id = state.open_session.session_id
            change.session_status = state.open_session.status  # type: ignore[assignment]
        if self._leads or row.type not in _HIDDEN:
            change.event_type = row.type
            change.title_zh = event.DESCRIPTOR.GetOptions().Extensions[options_pb2.title]  # type: ignore[attr-defined]
        return change


def _statuses(state: State) -> tuple[int, tuple[int, ...]]:
    return state.status, tuple(session.status for session in state.sessions.values())


def _next(state: AdultState, now: datetime) -> tuple[str, Booking] | None:
    ahead = [
        (key, booking)
        for key, booking in state.engagements.items()
        if booking.status == api.ENGAGEMENT_STATUS_CONFIRMED and booking.ends_at > now
    ]
    return min(ahead, key=lambda item: item[1].begins_at, default=None)


def _plan(found: live.Directions, planned: events.AppropriateAdultRequested | events.SessionScheduled) -> None:
    found.place = planned.place
    found.purpose = planned.session.purpose
    found.planned_from.CopyFrom(planned.session.planned_from)
    found.planned_until.CopyFrom(planned.session.planned_until)
    if isinstance(planned, events.AppropriateAdultRequested):
        found.minor_reference = planned.minor_reference
        found.languages[:] = planned.languages
