"""Serves the clocks of every service in this process: the organs' commands on them, lists and explanations."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import grpc

from guanhu.command.v1 import command_pb2
from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from guanhu.journal.v1 import record_pb2
from services.kernel import calendarfeed, duedate, page, validate
from services.kernel.access import OWN_WORK_ROLES, ResourceFacts
from services.kernel.clock import Clock
from services.kernel.clocks import ClockRoute, Clocks
from services.kernel.dates import from_date, from_datetime, to_date, to_datetime
from services.kernel.deadline import EVENTS
from services.kernel.deadline_rules import RULES
from services.kernel.deadlinelist import NEVER, Asked, DeadlineLine
from services.kernel.errors import Invalid, NotFound, Violation
from services.kernel.explain import Past, explain, past_of
from services.kernel.handler import STREAM_EVENTS_MAX
from services.kernel.rpc import current_call
from services.kernel.service import Service


class DeadlineService:
    """The clocks of the services of this process, by service."""

    def __init__(self, services: Mapping[str, Service], clock: Clock) -> None:
        self._services = services
        self._clock = clock

    def SetDeadline(self, request: api.SetDeadlineRequest, _: grpc.ServicerContext) -> api.SetDeadlineResponse:
        """Starts a clock."""
        return api.SetDeadlineResponse(receipt=self._command("Set", request))

    def PauseDeadline(self, request: api.PauseDeadlineRequest, _: grpc.ServicerContext) -> api.PauseDeadlineResponse:
        """Lets a clock stand still."""
        return api.PauseDeadlineResponse(receipt=self._command("Pause", request))

    def ResumeDeadline(self, request: api.ResumeDeadlineRequest, _: grpc.ServicerContext) -> api.ResumeDeadlineResponse:
        """Lets a clock go on."""
        return api.ResumeDeadlineResponse(receipt=self._command("Resume", request))

    def ExtendDeadline(self, request: api.ExtendDeadlineRequest, _: grpc.ServicerContext) -> api.ExtendDeadlineResponse:
        """Extends a clock."""
        return api.ExtendDeadlineResponse(receipt=self._command("Extend", request))

    def ResetDeadline(self, request: api.ResetDeadlineRequest, _: grpc.ServicerContext) -> api.ResetDeadlineResponse:
        """Counts a clock anew."""
        return api.ResetDeadlineResponse(receipt=self._command("Reset", request))

    def MeetDeadline(self, request: api.MeetDeadlineRequest, _: grpc.ServicerContext) -> api.MeetDeadlineResponse:
        """Records that a clock was met."""
        return api.MeetDeadlineResponse(receipt=self._command("Meet", request))

    def WaiveDeadline(self, request: api.WaiveDeadlineRequest, _: grpc.ServicerContext) -> api.WaiveDeadlineResponse:
        """Records that nobody needs to meet a clock any more."""
        return api.WaiveDeadlineResponse(receipt=self._command("Waive", request))

    def RecomputeDeadline(
        self, request: api.RecomputeDeadlineRequest, _: grpc.ServicerContext
    ) -> api.RecomputeDeadlineResponse:
        """Counts a date again."""
        return api.RecomputeDeadlineResponse(receipt=self._command("Recompute", request))

    def ListDeadlines(self, request: api.ListDeadlinesRequest, _: grpc.ServicerContext) -> api.ListDeadlinesResponse:
        """Clocks of the caller's agency by due date; whoever sees only his own work sees the clocks that he answers for."""
        service, clocks, agency, officer = self._listing("List", request, request.officer, request.case_id)
        clocks.listed.view.wait(request.min_position)
        size = page.size(request.page_size)
        cursor = page.cursor(request.page_token)
        at, stream, deadline_id = _place(cursor) if cursor else (None, "", "")
        first, last = to_date(request.due_from), to_date(request.due_to)
        asked = Asked(
            agency,
            officer,
            request.case_id,
            request.include_closed,
            duedate.start_of(first) if first else None,
            duedate.end_of(last) if last else None,
            (at, stream, deadline_id) if at else None,
        )
        lines = clocks.listed.page(asked, size + 1)
        response = api.ListDeadlinesResponse()
        response.deadlines.extend(_shown(service.name, line) for line in _still_open(clocks, lines[:size], agency))
        if len(lines) > size:
            end = lines[size - 1]
            response.next_page_token = page.token(end.due_at or NEVER, f"{end.stream} {end.deadline_id}")
        return response

    def ExplainDeadline(self, request: api.ExplainDeadlineRequest, _: grpc.ServicerContext) -> api.ExplainDeadlineResponse:
        """How a date came about, from the events of its stream."""
        service, route, key = self._found(request)
        loaded = route.handler.load(key)
        case_id = route.case_id(loaded.state)
        service.admission.read(
            current_call(), "deadlines.Explain", route.seen(key, loaded.state), request.purpose, case_id=case_id
        )
        clock = route.deadlines(loaded.state).get(request.deadline_id)
        if clock is None:
            raise Invalid(Violation("deadline_id", "is no clock of this stream"))
        past = past_of(clock.deadline_id, _events(service, request.stream))
        set_event = past[0].event
        line = DeadlineLine(
            stream=request.stream,
            deadline_id=clock.deadline_id,
            case_id=case_id,
            rule_id=clock.rule_id,
            status=clock.status,
            owner_uscc=clock.owner,
            due_at=clock.due_at,
            due_on=to_date(clock.due.due_on) if clock.due is not None else None,
            provisional=clock.due.provisional if clock.due is not None else False,
            remaining=clock.remaining.SerializeToString() if clock.remaining is not None else b"",
            late=any(isinstance(each.event, pb.DeadlineMet) and each.event.late for each in past),
        )
        return api.ExplainDeadlineResponse(
            deadline=_shown(service.name, line),
            basis=set_event.basis,
            due=clock.due,
            lines=explain(clock, past, service.codec.registry),
        )

    def GetDeadlineCalendar(
        self, request: api.GetDeadlineCalendarRequest, _: grpc.ServicerContext
    ) -> api.GetDeadlineCalendarResponse:
        """The open clocks that the calling officer answers for, the next ones first."""
        officer = current_call().principal.officer
        service, clocks, agency, officer = self._listing("Calendar", request, officer, "")
        if not officer:
            raise Invalid(Violation("service", "only an officer has a calendar; the call bears no officer's token"))
        clocks.listed.view.wait(0)
        lines = clocks.listed.page(Asked(agency, officer), calendarfeed.EVENTS_MAX)
        content = calendarfeed.feed(service.name, _still_open(clocks, lines, agency), self._clock.now())
        return api.GetDeadlineCalendarResponse(content_type=calendarfeed.CONTENT_TYPE, content=content)

    def _command(self, action: str, request: Any) -> command_pb2.Receipt:
        service, route, key = self._found(request)
        call = current_call()

        def authorise(state: Any) -> None:
            service.admission.command(
                call,
                f"deadlines.{action}",
                route.seen(key, state),
                on_behalf_of=request.head.on_behalf_of,
                case_id=route.case_id(state),
            )

        return route.handler.execute(
            key,
            request,
            call,
            authorise=authorise,
            facts=lambda state: route.facts(request, state, call),
            case_id=route.case_id,
        )

    def _service(self, request: Any) -> tuple[Service, Clocks]:
        validate.check(request)
        service = self._services.get(request.service)
        if service is None or service.clocks is None:
            raise Invalid(Violation("service", "keeps no clocks in this process"))
        return service, service.clocks

    def _found(self, request: Any) -> tuple[Service, ClockRoute, str]:
        service, clocks = self._service(request)
        route, key = clocks.find(request.stream)
        if route is None:
            raise NotFound
        return service, route, key

    def _listing(self, action: str, request: Any, officer: str, case_id: str) -> tuple[Service, Clocks, str, str]:
        service, clocks = self._service(request)
        call = current_call()
        principal = call.principal
        if principal.role in OWN_WORK_ROLES:
            officer = principal.officer
        seen = ResourceFacts(
            "Deadline", participants=frozenset({principal.agency}), officers=frozenset({principal.officer} - {""})
        )
        service.admission.read(call, f"deadlines.{action}", seen, request.purpose, case_id=case_id)
        return service, clocks, principal.agency, officer


def _still_open(clocks: Clocks, lines: Sequence[DeadlineLine], agency: str) -> list[DeadlineLine]:
    """The lines whose streams are open to the agency now: it may have left the case since it was told of a clock."""
    open_streams = {stream for stream in {line.stream for line in lines} if _takes_part(clocks, stream, agency)}
    return [line for line in lines if line.stream in open_streams]


def _takes_part(clocks: Clocks, stream: str, agency: str) -> bool:
    route, key = clocks.find(stream)
    if route is None:
        return False
    seen = route.seen(key, route.handler.load(key).state)
    return agency in seen.participants and not seen.sealed


def _place(cursor: tuple[datetime, str]) -> tuple[datetime, str, str]:
    at, last = cursor
    stream, _, deadline_id = last.partition(" ")
    return at, stream, deadline_id


def _shown(service: str, line: DeadlineLine) -> api.Deadline:
    rule = RULES[line.rule_id]
    return api.Deadline(
        service=service,
        stream=line.stream,
        deadline_id=line.deadline_id,
        rule_id=line.rule_id,
        name_zh=rule.name.zh,
        name_en=rule.name.en,
        case_id=line.case_id,
        status=line.status,  # type: ignore[arg-type]
        owner_uscc=line.owner_uscc,
        due_at=from_datetime(line.due_at) if line.due_at else None,
        due_on=from_date(line.due_on),
        provisional=line.provisional,
        remaining=pb.Length.FromString(line.remaining) if line.remaining else None,
        late=line.late,
    )


def _events(service: Service, stream: str) -> list[Past]:
    assert service.journal is not None
    found = []
    for row in service.journal.read_stream(stream, 0, STREAM_EVENTS_MAX):
        event = service.codec.clear_if_known(row)
        if event is not None and type(event) in EVENTS:
            recorded_at = to_datetime(record_pb2.Header.FromString(row.header).recorded_at)
            found.append(Past(row.version, event, recorded_at))
    return found
