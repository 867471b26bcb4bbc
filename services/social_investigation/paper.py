"""The report on paper: gathers what the events of an investigation say and renders it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from services.kernel.dates import to_date
from services.kernel.directory import Directory
from services.kernel.errors import IllegalState
from services.kernel.handler import Handler
from services.paper.glyphs import MissingGlyph
from services.social_investigation.report import docx, pdf
from services.social_investigation.report.document import Document, Issue, Officer, build
from services.social_investigation.state import State


@dataclass(frozen=True, slots=True)
class IssuedPapers:
    """The two forms of one report, byte for byte."""

    pdf: bytes
    docx: bytes


class Papers:
    """Renders the reports of investigations."""

    def __init__(self, handler: Handler[State], directory: Directory, fonts: Path | None) -> None:
        self._handler = handler
        self._directory = directory
        self._fonts = fonts

    def report(self, investigation_id: str) -> forms.Report:
        """The newest draft of the report, whole.

        Raises:
            IllegalState: parts of it can't be read any more.
        """
        return self._gathered(investigation_id)[0].report

    def issue(self, investigation_id: str) -> IssuedPapers:
        """The papers of the report that was handed in last.

        Raises:
            IllegalState: a character has no glyph, or parts of the report can't be read any more.
        """
        document = self._document(investigation_id)
        try:
            return IssuedPapers(pdf.render(document, self._fonts), docx.render(document))
        except MissingGlyph as missing:
            raise IllegalState("GLYPH_MISSING", f"the report cannot be printed: {missing}") from None

    def _document(self, investigation_id: str) -> Document:
        drafted, opened = self._gathered(investigation_id)
        commissioned = _last(opened, events.InvestigationCommissioned)
        submitted = _last(opened, events.ReportSubmitted)
        contacts = [e.contact for e in opened if isinstance(e, events.InterviewConducted | events.VisitConducted)]
        documents = [e.document for e in opened if isinstance(e, events.DocumentObtained)]
        letter = commissioned.letter
        visits = frozenset(e.contact.contact_id for e in opened if isinstance(e, events.VisitConducted))
        consents = [e for e in opened if isinstance(e, events.ConsentRecorded)]
        assigned = _last(opened, events.InvestigatorsAssigned)
        issue = Issue(
            organ_name=self._directory.name(letter.organ_uscc),
            provider_name=self._directory.name(letter.provider_uscc),
            issued_on=max(day for signature in submitted.signatures if (day := to_date(signature.signed_on))),
            investigators=_investigators(opened, submitted),
            supervisor=Officer(assigned.supervisor, assigned.supervisor_name),
        )
        return build(drafted.report, letter, issue, contacts, documents, consents, visits)

    def _gathered(self, investigation_id: str) -> tuple[events.ReportDrafted, list[Any]]:
        opened = self._handler.opened(investigation_id)
        if any(found.withheld for found in opened):
            raise IllegalState("CONTENT_WITHHELD", "the report cannot be read any more: a key is gone")
        found = [each.event for each in opened]
        return _last(found, events.ReportDrafted), found


def _investigators(opened: list[Any], submitted: events.ReportSubmitted) -> tuple[Officer, ...]:
    known: dict[str, events.Investigator] = {}
    for event in opened:
        match event:
            case events.InvestigatorsAssigned():
                known |= {each.officer: each for each in event.investigators}
            case events.InvestigatorReplaced():
                known[event.replacement.officer] = event.replacement
    return tuple(
        Officer(signed.officer, known[signed.officer].name, known[signed.officer].licence_no, to_date(signed.signed_on))
        for signed in submitted.signatures
    )


def _last(opened: list[Any], kind: type) -> Any:
    found = [event for event in opened if isinstance(event, kind)]
    if not found:
        raise IllegalState("REPORT_NOT_SUBMITTED", "there is no report that was handed in")
    return found[-1]
