"""The forms on paper: gathers what a form says from recorded events, and prints it."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import form_events_pb2 as forms
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.form_sources import Source
from services.appropriate_adult.papers import attendance, notice, observations, rights
from services.appropriate_adult.papers.gathered import Gathered
from services.appropriate_adult.state import State
from services.kernel.directory import Directory
from services.kernel.errors import IllegalState
from services.kernel.handler import Handler
from services.paper import form as paper
from services.paper.form import Form
from services.paper.glyphs import MissingGlyph

BUILT: Final[Mapping[int, Callable[[Gathered], Form]]] = {
    forms.FORM_KIND_NOTICE: notice.build,
    forms.FORM_KIND_RIGHTS: rights.build,
    forms.FORM_KIND_ATTENDANCE: attendance.build,
    forms.FORM_KIND_OBSERVATIONS: observations.build,
}


class Papers:
    """Prints the forms of assignments."""

    def __init__(
        self, assignments: Handler[State], register: Handler[AdultState], directory: Directory, fonts: Path | None
    ) -> None:
        self._assignments = assignments
        self._register = register
        self._directory = directory
        self._fonts = fonts

    def drawn_up(
        self, form_id: str, source: Source, state: State, officers: Sequence[forms.PrintedOfficer]
    ) -> forms.FormIssued:
        """The form with the names of this moment, not printed yet.

        Raises:
            IllegalState: the body is not registered, so that its name is not known.
        """
        organ_name = self._directory.name(source.organ)
        if not organ_name:
            raise IllegalState("AGENCY_UNKNOWN", "the agency is not registered")
        drawn = forms.FormIssued(
            form_id=form_id,
            kind=source.kind,  # type: ignore[arg-type]
            assignment_id=state.assignment_id,
            case_id=state.case_id,
            assignment_version=source.version,
            session_id=source.session_id,
            subject_id=state.subject_id,
            organ_uscc=source.organ,
            organ_name=organ_name,
            officers=officers,
        )
        served = self._assignments.opened(state.assignment_id)[source.version - 1].event
        for adult_id in source.adults:
            adult = self._adult(adult_id)
            if isinstance(served, events.AttendanceNoticeServed):
                _as_noticed(adult, served)
            else:
                adult.ClearField("telephone")
            drawn.adults.append(adult)
        return drawn

    def form(self, issued: forms.FormIssued) -> Form:
        """The form from its own event and those of the assignment up to its version, and from nothing else.

        Raises:
            IllegalState: parts of it can't be read any more.
        """
        opened = self._assignments.opened(issued.assignment_id)[: issued.assignment_version]
        return BUILT[issued.kind](Gathered(issued, opened))

    def pdf(self, form: Form) -> bytes:
        """The form as PDF/A.

        Raises:
            IllegalState: a character has no glyph.
        """
        try:
            return paper.pdf(form, self._fonts)
        except MissingGlyph as missing:
            raise IllegalState("GLYPH_MISSING", f"the form cannot be printed: {missing}") from None

    def hashed(self, drawn: forms.FormIssued) -> forms.FormIssued:
        """The form with the hashes of its prints.

        Raises:
            IllegalState: as `form` and `pdf`.
        """
        form = self.form(drawn)
        drawn.pdf_sha256 = sha256(self.pdf(form)).digest()
        drawn.docx_sha256 = sha256(paper.docx(form)).digest()
        return drawn

    def _adult(self, adult_id: str) -> forms.PrintedAdult:
        home = self._register.load(adult_id).state.home
        adult = forms.PrintedAdult(adult_id=adult_id, organisation=self._directory.name(home))
        for found in self._register.opened(adult_id):
            if isinstance(found.event, adults.AdultRegistered | adults.AdultEntryChanged):
                adult.name, adult.telephone = found.event.entry.name, found.event.entry.telephone
        return adult


def _as_noticed(adult: forms.PrintedAdult, served: events.AttendanceNoticeServed) -> None:
    """The notice's own words come before the register's."""
    said = served.notice.adult
    for name in ("name", "organisation", "telephone"):
        if getattr(said, name):
            setattr(adult, name, getattr(said, name))
