"""Queries of social investigations; commands go by their routes."""

from hashlib import sha256
from typing import Any

import grpc

from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel import page, validate
from services.kernel.access import OWN_WORK_ROLES, ResourceFacts
from services.kernel.admission import Admission
from services.kernel.dates import from_date
from services.kernel.errors import IllegalState
from services.kernel.rpc import current_call
from services.social_investigation.paper import Papers
from services.social_investigation.routes import Routes, resource
from services.social_investigation.views import Investigations

_SUFFIX = {api.DOCUMENT_FORMAT_PDF: "pdf", api.DOCUMENT_FORMAT_DOCX: "docx"}


class SocialInvestigationServicer:
    """The methods that are no plain command."""

    def __init__(self, routes: Routes, admission: Admission, listed: Investigations, papers: Papers) -> None:
        self._routes = routes
        self._admission = admission
        self._listed = listed
        self._papers = papers

    def GetInvestigation(self, request: api.GetInvestigationRequest, _: grpc.ServicerContext) -> api.GetInvestigationResponse:
        """An investigation with its letter, contacts, documents and newest report."""
        validate.check(request)
        loaded = self._routes.investigations.load(request.investigation_id)
        state = loaded.state
        seen = resource(request, state)
        self._admission.read(current_call(), "GetInvestigation", seen, request.purpose, case_id=state.case_id)
        found = api.Investigation(
            investigation_id=state.investigation_id,
            case_id=state.case_id,
            referral_id=state.referral_id,
            status=state.status,  # type: ignore[arg-type]
            supervisor=state.supervisor,
            draft_no=state.draft_no,
            report_due_on=from_date(state.report_due_on),
            frozen=state.frozen,
            version=loaded.version,
        )
        for opened in self._routes.investigations.opened(request.investigation_id):
            _take(found, opened.event)
            found.withheld.extend(path for path in opened.withheld if path not in found.withheld)
        return api.GetInvestigationResponse(investigation=found)

    def ListInvestigations(
        self, request: api.ListInvestigationsRequest, _: grpc.ServicerContext
    ) -> api.ListInvestigationsResponse:
        """The caller's investigations, newest first, without anything personal."""
        validate.check(request)
        call = current_call()
        seen = ResourceFacts("Investigation", participants=frozenset({call.principal.agency}))
        self._admission.read(call, "ListInvestigations", seen, request.purpose, case_id=request.case_id)
        self._listed.view.wait(request.min_position)
        size = page.size(request.page_size)
        officer = call.principal.officer if call.principal.role in OWN_WORK_ROLES else ""
        before = page.cursor(request.page_token)
        lines = self._listed.page(call.principal.agency, officer, request.status, request.case_id, before, size + 1)
        response = api.ListInvestigationsResponse()
        for line in lines[:size]:
            response.investigations.add(
                investigation_id=line.investigation_id,
                case_id=line.case_id,
                organ_uscc=line.organ_uscc,
                provider_uscc=line.provider_uscc,
                status=line.status,
                report_due_on=from_date(line.report_due_on),
            )
        if len(lines) > size:
            response.next_page_token = page.token(lines[size - 1].drafted_at, lines[size - 1].investigation_id)
        return response

    def GetReportDocument(
        self, request: api.GetReportDocumentRequest, _: grpc.ServicerContext
    ) -> api.GetReportDocumentResponse:
        """The report as it was issued, byte for byte: rendered again and held against the recorded hash."""
        validate.check(request)
        state = self._routes.investigations.load(request.investigation_id).state
        seen = resource(request, state)
        self._admission.read(current_call(), "GetReportDocument", seen, request.purpose, case_id=state.case_id)
        if state.issued is None:
            raise IllegalState("REPORT_NOT_ISSUED", "the report was not issued yet")
        draft_no, pdf_sha256, docx_sha256 = state.issued
        if draft_no != state.draft_no:
            raise IllegalState("REPORT_SUPERSEDED", "a newer draft is under way; its report is not issued yet")
        papers = self._papers.issue(request.investigation_id)
        is_pdf = request.format == api.DOCUMENT_FORMAT_PDF
        content, recorded = (papers.pdf, pdf_sha256) if is_pdf else (papers.docx, docx_sha256)
        if sha256(content).digest() != recorded:
            raise IllegalState("REPORT_DIFFERS", "what is printed now differs from what was issued")
        # No personal value in a file name: the id of the investigation says enough.
        name = f"report-{state.investigation_id}-{draft_no}.{_SUFFIX[request.format]}"
        return api.GetReportDocumentResponse(content=content, sha256=recorded, file_name=name)


def _take(found: api.Investigation, event: Any) -> None:
    match event:
        case events.InvestigationCommissionDrafted() | events.InvestigationCommissioned():
            found.letter.CopyFrom(event.letter)
        case events.InvestigatorsAssigned():
            found.investigators.extend(event.investigators)
        case events.InvestigatorReplaced():
            for number, investigator in enumerate(found.investigators):
                if investigator.officer == event.officer:
                    found.investigators[number].CopyFrom(event.replacement)
        case events.InterviewConducted() | events.VisitConducted():
            found.contacts.append(event.contact)
        case events.DocumentObtained():
            found.documents.append(event.document)
        case events.ReportDrafted():
            found.report.CopyFrom(event.report)
