"""Queries of intake, and the stream that submits many referrals; commands go by their routes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc

from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.intake.disclosure import for_reader
from services.intake.routes import Routes
from services.intake.views import Agencies, Referrals
from services.kernel import page, validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.age import civil_age, criminal_age
from services.kernel.clock import Clock
from services.kernel.commands import Route
from services.kernel.dates import from_date, to_date
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.errors import Invalid, NotFound, Refusal, Violation
from services.kernel.handler import Call
from services.kernel.rpc import current_call

BATCH_MAX = 1_000
AGE_UNKNOWN = -1
# Items of a batch under way at once: they coalesce in the journal, and commands of others still find workers.
BATCH_PARALLEL = 8


class IntakeServicer:
    """The methods that are no plain command."""

    def __init__(self, routes: Routes, admission: Admission, agencies: Agencies, listed: Referrals, clock: Clock) -> None:
        self._routes = routes
        self._admission = admission
        self._agencies = agencies
        self._listed = listed
        self._clock = clock
        self._submit: Route[Any] = routes.by_command()["SubmitReferral"]

    def GetAgency(self, request: api.GetAgencyRequest, _: grpc.ServicerContext) -> api.GetAgencyResponse:
        """An agency of the directory; the directory is open to every registered agency and holds nothing personal."""
        validate.check(request)
        self._admission.command(current_call(), "GetAgency", ResourceFacts("Directory", request.uscc))
        loaded = self._routes.agencies.load(request.uscc)
        if loaded.state.agency is None:
            raise NotFound
        return api.GetAgencyResponse(agency=loaded.state.agency, suspended=loaded.state.suspended, version=loaded.version)

    def ListAgencies(self, request: api.ListAgenciesRequest, _: grpc.ServicerContext) -> api.ListAgenciesResponse:
        """Agencies by type and district."""
        validate.check(request)
        self._admission.command(current_call(), "ListAgencies", ResourceFacts("Directory"))
        if request.division_prefix and not request.division_prefix.isdigit():
            raise Invalid(Violation("division_prefix", "holds digits only"))
        self._agencies.view.wait(request.min_position)
        size = page.size(request.page_size)
        found = self._agencies.page(request.type, request.division_prefix, request.page_token, size + 1)
        token = found[size - 1].uscc if len(found) > size else ""
        return api.ListAgenciesResponse(agencies=found[:size], next_page_token=token)

    def GetPerson(self, request: api.GetPersonRequest, _: grpc.ServicerContext) -> api.GetPersonResponse:
        """A person as far as the reader's part in the case opens them, with both ages on a day."""
        validate.check(request)
        call = current_call()
        case_state = self._routes.cases.load(request.case_id).state
        loaded = self._routes.persons.load(request.person_id)
        belongs = bool(loaded.version) and case_state.subject_id == request.person_id
        participants = self._routes.taking_part(case_state) if belongs else frozenset()
        working = self._routes.working(request.case_id, call.principal, participants)
        resource = ResourceFacts(
            "Person",
            request.person_id,
            organ=case_state.organ if belongs else "",
            participants=participants,
            officers=working,
        )
        self._admission.read(call, "GetPerson", resource, request.purpose, case_id=request.case_id)
        response = api.GetPersonResponse(version=loaded.version)
        for opened in self._routes.persons.opened(request.person_id):
            event = opened.event
            response.details.CopyFrom(event.details)
            response.identity_status, response.age_basis = event.identity_status, event.age_basis
            if isinstance(event, persons.PersonRegistered):
                response.part = event.part
            del response.withheld[:], response.warnings[:]
            response.withheld.extend(path.removeprefix("details.") for path in opened.withheld)
            response.warnings.extend(event.warnings)
        agency = self._routes.agency(call.principal.agency)
        for_reader(response.details, response.withheld, agency, call.principal, working)
        response.criminal_age_years = response.civil_age_years = AGE_UNKNOWN
        on = to_date(request.on) or self._clock.now().astimezone(CHINA_STANDARD_TIME).date()
        born = to_date(response.details.birth_date)
        if born and born <= on:
            response.criminal_age_years = criminal_age(born, on)
            response.civil_age_years = civil_age(born, on)
        return response

    def GetCase(self, request: api.GetCaseRequest, _: grpc.ServicerContext) -> api.GetCaseResponse:
        """A case with its participants and numbers."""
        validate.check(request)
        loaded = self._routes.cases.load(request.case_id)
        state = loaded.state
        resource = self._routes.case_resource(request, state)
        self._admission.read(current_call(), "GetCase", resource, request.purpose, case_id=request.case_id)
        found = api.Case(
            case_id=state.case_id,
            kind=state.kind,  # type: ignore[arg-type]
            organ=state.organ,
            subject_id=state.subject_id,
            act_on=from_date(state.act_on),
            numbers=state.numbers,
            duplicate_of=state.duplicate_of,
            closed=state.closed,
            version=loaded.version,
        )
        for part in state.participants:
            added = found.participants.add(case_id=state.case_id, uscc=part.uscc, scope=part.scope, to=from_date(part.ends))
            if part.begins:
                getattr(added, "from").CopyFrom(from_date(part.begins))
        return api.GetCaseResponse(case=found)

    def GetReferral(self, request: api.GetReferralRequest, _: grpc.ServicerContext) -> api.GetReferralResponse:
        """A referral as far as the reader's part opens it."""
        validate.check(request)
        call = current_call()
        loaded = self._routes.referrals.load(request.referral_id)
        state = loaded.state
        case_id = state.content.case_id if state.content is not None else ""
        seen = self._routes.referral_resource(request, state)
        working = self._routes.working(case_id, call.principal, seen.participants)
        resource = replace(seen, officers=working)
        self._admission.read(call, "GetReferral", resource, request.purpose, case_id=case_id)
        found = api.Referral(provider=state.provider, version=loaded.version)
        found.status = self._status(state.status, expired=state.expired(self._clock.now()))
        for opened in self._routes.referrals.opened(request.referral_id):
            event = opened.event
            match event:
                case referrals.ReferralDrafted() | referrals.ReferralSubmitted():
                    _take_content(found, event.content, opened.withheld)
                case referrals.ReferralMilestoneReported():
                    found.milestones.append(event)
        agency = self._routes.agency(call.principal.agency)
        for_reader(found.content, found.withheld, agency, call.principal, working)
        return api.GetReferralResponse(referral=found)

    def ListReferrals(self, request: api.ListReferralsRequest, _: grpc.ServicerContext) -> api.ListReferralsResponse:
        """The caller's referrals, newest first, without anything personal."""
        validate.check(request)
        call = current_call()
        resource = ResourceFacts("Referral", participants=frozenset({call.principal.agency}))
        self._admission.read(call, "ListReferrals", resource, request.purpose, case_id=request.case_id)
        self._listed.view.wait(request.min_position)
        size = page.size(request.page_size)
        before = page.cursor(request.page_token)
        lines = self._listed.page(call.principal.agency, request.status, request.case_id, before, size + 1)
        response = api.ListReferralsResponse()
        now = self._clock.now()
        for line in lines[:size]:
            expired = line.status == api.REFERRAL_STATUS_DRAFT and line.expires_at is not None and now > line.expires_at
            response.referrals.add(
                referral_id=line.referral_id,
                case_id=line.case_id,
                kind=line.kind,
                from_uscc=line.from_uscc,
                to_uscc=line.to_uscc,
                status=self._status(line.status, expired=expired),
                due_on=from_date(line.due_on),
            )
        if len(lines) > size:
            response.next_page_token = page.token(lines[size - 1].recorded_at, lines[size - 1].referral_id)
        return response

    def SubmitReferrals(
        self, requests: Iterator[api.SubmitReferralsRequest], _: grpc.ServicerContext
    ) -> Iterator[api.SubmitReferralsResponse]:
        """Submits each referral by itself and answers in the order of the stream."""
        call = current_call()
        with ThreadPoolExecutor(BATCH_PARALLEL, thread_name_prefix="batch") as pool:
            window: list[Any] = []
            for number, item in enumerate(requests, start=1):
                if number > BATCH_MAX:
                    raise Invalid(Violation("item", f"a stream holds {BATCH_MAX} referrals at most"))
                window.append(pool.submit(self._submit_one, item, call))
                # Answered as it goes, so that neither side holds the whole stream.
                while len(window) >= 4 * BATCH_PARALLEL:
                    yield window.pop(0).result()
            for future in window:
                yield future.result()

    def _submit_one(self, item: api.SubmitReferralsRequest, call: Call) -> api.SubmitReferralsResponse:
        try:
            receipt = self._submit.run(self._admission, "SubmitReferral", item.referral, call)
        except Refusal as refusal:
            message = "; ".join(f"{v.field} {v.description}" for v in refusal.violations) or refusal.message
            return api.SubmitReferralsResponse(item=item.item, reason=refusal.reason, message=message)
        return api.SubmitReferralsResponse(item=item.item, receipt=receipt)

    @staticmethod
    def _status(status: int, *, expired: bool) -> Any:
        return api.REFERRAL_STATUS_EXPIRED if expired else status


def _take_content(found: api.Referral, content: referrals.ReferralContent, withheld: tuple[str, ...]) -> None:
    """A draft that was submitted as it stood keeps what is personal in the event that drafted it."""
    drafted = referrals.ReferralContent()
    drafted.CopyFrom(found.content)
    found.content.CopyFrom(content)
    paths = {path.removeprefix("content.") for path in withheld}
    for name in ("brief_facts", "needs"):
        if not getattr(content, name) and name not in paths and getattr(drafted, name):
            setattr(found.content, name, getattr(drafted, name))
    found.withheld.extend(sorted(paths - set(found.withheld)))
