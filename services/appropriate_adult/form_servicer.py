"""Forms on paper: issued once, fetched byte for byte, and to whom each is open.

Law: domain/11 §11.2. F3 and F4 are open to the organs of the case, to whom was asked for an adult, and to the adult whom they
are for; F5 to the organs alone; the adult's observations to the adult's organisation and the adult, and never to an organ.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import grpc
from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import form_events_pb2 as events
from guanhu.appropriate_adult.v1 import form_service_pb2 as api
from services.appropriate_adult import form
from services.appropriate_adult.form import FormFacts, FormState
from services.appropriate_adult.form_sources import Source, newest, sources
from services.appropriate_adult.paper import Papers
from services.appropriate_adult.routes import ADULT_ROLE, Routes
from services.appropriate_adult.state import State
from services.kernel import validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState
from services.kernel.handler import Handler
from services.kernel.identity import Principal
from services.kernel.journal import Journal
from services.kernel.rpc import current_call
from services.paper.form import docx

FORMS_MAX = 200
_FORMS = uuid.UUID("2f3b8d0e-6d0b-4c6f-9a35-58c1f3f0a7d4")
_SUFFIX = {api.FORM_FORMAT_PDF: "pdf", api.FORM_FORMAT_DOCX: "docx"}
_CODE: dict[int, str] = {
    events.FORM_KIND_NOTICE: "F3",
    events.FORM_KIND_RIGHTS: "F4",
    events.FORM_KIND_ATTENDANCE: "F5",
    events.FORM_KIND_OBSERVATIONS: "F5-observations",
}


def form_id_of(assignment_id: str, source: Source) -> str:
    """The id of a form: one event of one assignment gives one form."""
    return str(uuid.uuid5(_FORMS, f"{assignment_id}/{source.version}"))


class FormServicer:
    """The methods of FormService."""

    def __init__(
        self, routes: Routes, forms: Handler[FormState], papers: Papers, admission: Admission, journal: Journal
    ) -> None:
        self._routes = routes
        self._forms = forms
        self._papers = papers
        self._admission = admission
        self._journal = journal

    def IssueForm(self, request: api.IssueFormRequest, _: grpc.ServicerContext) -> api.IssueFormResponse:
        """Issues a form: the guards, then the print, then the event with its hashes."""
        validate.check(request)
        call = current_call()
        state = self._routes.assignments.load(request.assignment_id).state
        source = newest(self._sources(request.assignment_id), request.kind, request.session_id, request.attendee_id)
        form_id = form_id_of(request.assignment_id, source) if source else ""
        seen = self._issuing(request, state, source)
        receipt = self._forms.execute(
            form_id or request.assignment_id,
            request,
            call,
            authorise=lambda _: self._admission.command(call, "IssueForm", seen, case_id=state.case_id),
            facts=lambda _: FormFacts(source=source),
            case_id=lambda _: state.case_id,
            decide=self._decide(form_id, state),
        )
        if receipt.replayed:
            # The repeat of a request is about the form that it issued then, whatever was recorded since.
            [row] = self._journal.read(receipt.position - 1, 1)
            form_id = row.stream.removeprefix(f"{form.DECIDER.category}-")
        return api.IssueFormResponse(receipt=receipt, form_id=form_id)

    def GetFormDocument(self, request: api.GetFormDocumentRequest, _: grpc.ServicerContext) -> api.GetFormDocumentResponse:
        """An issued form, printed again and held against the recorded hash."""
        validate.check(request)
        state = self._routes.assignments.load(request.assignment_id).state
        ids = {form_id_of(request.assignment_id, source): source for source in self._sources(request.assignment_id)}
        source = ids.get(request.form_id)
        seen = self._fetching(request, state, source)
        self._admission.read(current_call(), "GetFormDocument", seen, request.purpose, case_id=state.case_id)
        issued = self._issued(request.form_id)
        if source is None or issued is None:
            raise IllegalState("FORM_NOT_ISSUED", "no such form was issued")
        built = self._papers.form(issued)
        if request.format == api.FORM_FORMAT_PDF:
            content, recorded = self._papers.pdf(built), issued.pdf_sha256
        else:
            content, recorded = docx(built), issued.docx_sha256
        if sha256(content).digest() != recorded:
            raise IllegalState("FORM_DIFFERS", "what is printed now differs from what was issued")
        # No personal value in a file name: form, assignment and version say enough.
        name = f"{_CODE[source.kind]}-{request.assignment_id}-{source.version}.{_SUFFIX[request.format]}"
        return api.GetFormDocumentResponse(content=content, sha256=recorded, file_name=name)

    def ListForms(self, request: api.ListFormsRequest, _: grpc.ServicerContext) -> api.ListFormsResponse:
        """The forms that the caller may fetch, issued or not."""
        validate.check(request)
        call = current_call()
        state = self._routes.assignments.load(request.assignment_id).state
        seen = self._routes.assignment_resource(request, state)
        self._admission.read(call, "ListForms", seen, request.purpose, case_id=state.case_id)
        open_ = [source for source in self._sources(request.assignment_id) if _open_to(call.principal, source, seen)]
        return api.ListFormsResponse(forms=[self._row(request.assignment_id, source) for source in open_[-FORMS_MAX:]])

    def _row(self, assignment_id: str, source: Source) -> api.FormRow:
        form_id = form_id_of(assignment_id, source)
        issued = self._forms.load(form_id).state
        return api.FormRow(
            form_id=form_id,
            kind=source.kind,  # type: ignore[arg-type]
            session_id=source.session_id,
            attendee_id=source.attendee_id,
            assignment_version=source.version,
            organ_uscc=source.organ,
            issued=bool(issued.form_id),
            pdf_sha256=issued.pdf_sha256,
            docx_sha256=issued.docx_sha256,
        )

    def _decide(self, form_id: str, state: State) -> Callable[[Any, FormState, Act, Facts], Sequence[Message]]:
        def decide(command: Any, known: FormState, act: Act, facts: Facts) -> Sequence[Message]:
            assert isinstance(facts, FormFacts)
            # The guards first: nothing is printed for one who may not issue it.
            source = form.check(command, act, facts)
            # Issued before, it keeps the names that it was issued with.
            drawn = self._issued(form_id) or self._papers.drawn_up(form_id, source, state, command.officers)
            return form.decide(command, known, act, replace(facts, printed=self._papers.hashed(drawn)))

        return decide

    def _issued(self, form_id: str) -> events.FormIssued | None:
        opened = self._forms.opened(form_id)
        if any(found.withheld for found in opened):
            raise IllegalState("CONTENT_WITHHELD", "the form cannot be read any more: a key is gone")
        return opened[-1].event if opened else None

    def _sources(self, assignment_id: str) -> list[Source]:
        return sources(found.event for found in self._routes.assignments.opened(assignment_id))

    def _issuing(self, request: Any, state: State, source: Source | None) -> ResourceFacts:
        """As policies see a form that is issued: open to the body whose form it is alone."""
        if source is not None and source.kind == events.FORM_KIND_OBSERVATIONS:
            return _at_home(request.assignment_id, source)
        return ResourceFacts("Assignment", request.assignment_id, organ=state.organ, participants=self._organs(request, state))

    def _fetching(self, request: Any, state: State, source: Source | None) -> ResourceFacts:
        """As policies see a form that is fetched."""
        if source is None or source.kind in {events.FORM_KIND_ATTENDANCE, events.FORM_KIND_OBSERVATIONS}:
            return self._issuing(request, state, source)
        return replace(
            _at_home(request.assignment_id, source),
            organ=state.organ,
            provider=state.provider,
            participants=self._organs(request, state) | ({state.provider, source.home} - {""}),
        )

    def _organs(self, request: Any, state: State) -> frozenset[str]:
        seen = self._routes.assignment_resource(request, state)
        return (seen.participants - {seen.provider, seen.supervisor}) | ({state.organ} - {""})


def _at_home(assignment_id: str, source: Source) -> ResourceFacts:
    return ResourceFacts(
        "Assignment",
        assignment_id,
        provider=source.home,
        participants=frozenset({source.home} - {""}),
        officers=frozenset({source.officer} - {""}),
        supervisor=source.home,
    )


def _open_to(principal: Principal, source: Source, seen: ResourceFacts) -> bool:
    if principal.role == ADULT_ROLE:
        is_own = (principal.agency, principal.officer) == (source.home, source.officer)
        return is_own and source.kind != events.FORM_KIND_ATTENDANCE
    if principal.agency == seen.organ or principal.agency not in {seen.provider, source.home}:
        return source.kind != events.FORM_KIND_OBSERVATIONS
    if source.kind == events.FORM_KIND_OBSERVATIONS:
        return principal.agency == source.home
    return source.kind != events.FORM_KIND_ATTENDANCE and principal.agency == seen.provider
