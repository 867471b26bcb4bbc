"""What the forms of an assignment are printed from: each is the paper of one recorded event (domain/04 §4.5).

F3 is the paper of the notice that was served, F4 of the telling of rights and duties, F5 of the session that was closed, and
the sheet beside F5 of the adult's observations. Nothing else is looked at, so that a form says for ever what was known then.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import form_events_pb2 as forms


@dataclass(frozen=True, slots=True)
class Source:
    """One form: `version` is that of the assignment after the event, `organ` the body whose form it is.

    `attendee_id` says whom it is for or about, `home` and `officer` where that adult is kept and how the adult signs in;
    `adults` and `staff` are those whom it names.
    """

    kind: int
    version: int
    organ: str
    session_id: str = ""
    attendee_id: str = ""
    home: str = ""
    officer: str = ""
    adults: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()


def sources(recorded: Iterable[Any]) -> list[Source]:
    """The forms of an assignment, from all of its events in order."""
    walk = _Walk()
    found = (walk.source(version, event) for version, event in enumerate(recorded, start=1))
    return [source for source in found if source is not None]


def newest(found: Iterable[Source], kind: int, session_id: str = "", attendee_id: str = "") -> Source | None:
    """The newest form of a kind; of a session and for somebody, where they are named."""
    fitting = [
        source
        for source in found
        if source.kind == kind and session_id in {"", source.session_id} and attendee_id in {"", source.attendee_id}
    ]
    return fitting[-1] if fitting else None


@dataclass
class _Walk:
    """What is known of the assignment at an event."""

    organ: str = ""
    homes: dict[str, tuple[str, str]] = field(default_factory=dict)
    came: dict[str, list[str]] = field(default_factory=dict)
    staff: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def source(self, version: int, event: Any) -> Source | None:
        match event:
            case events.AppropriateAdultNeedIdentified():
                self.organ = event.organ_uscc
            case events.AssignmentContinuedAtNextStage():
                self.organ = event.to_uscc
            case events.CandidateProposed():
                self.homes[event.adult_id] = (event.home_uscc, event.officer)
            case events.AppropriateAdultArrived():
                self._arrived(event.session_id, event.adult_id)
            case events.SessionStarted():
                self.staff[event.session_id] = tuple(member.officer for member in event.staff)
            case events.AttendanceNoticeServed():
                return self._about(forms.FORM_KIND_NOTICE, version, "", event.notice.adult.adult_id)
            case events.RightsAndDutiesInformed():
                return self._about(forms.FORM_KIND_RIGHTS, version, event.session_id, event.attendee_id)
            case events.SessionClosed():
                return self._attendance(version, event.session_id)
            case events.ObservationsRecorded():
                return self._observations(version, event.session_id)
        return None

    def _arrived(self, session_id: str, adult_id: str) -> None:
        came = self.came.setdefault(session_id, [])
        if adult_id not in came:
            came.append(adult_id)

    def _about(self, kind: int, version: int, session_id: str, attendee_id: str) -> Source:
        home, officer = self.homes.get(attendee_id, ("", ""))
        adults = (attendee_id,) if attendee_id in self.homes else ()
        return Source(kind, version, self.organ, session_id, attendee_id, home, officer, adults)

    def _attendance(self, version: int, session_id: str) -> Source:
        came, staff = tuple(self.came.get(session_id, ())), self.staff.get(session_id, ())
        return Source(forms.FORM_KIND_ATTENDANCE, version, self.organ, session_id, adults=came, staff=staff)

    def _observations(self, version: int, session_id: str) -> Source | None:
        if session_id not in self.came:
            return None
        adult_id = self.came[session_id][-1]
        home, officer = self.homes[adult_id]
        # It never goes into the case file: the adult's own organisation issues and keeps it.
        return Source(forms.FORM_KIND_OBSERVATIONS, version, home, session_id, adult_id, home, officer, (adult_id,))
