"""The events that a form rests on: those of the assignment up to the one that the form certifies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.appropriate_adult.v1 import form_events_pb2 as forms
from services.appropriate_adult.papers.terms import NOTHING
from services.kernel.errors import IllegalState
from services.kernel.personal import Opened
from services.paper.wording import one_line

_PLANS = (events.AppropriateAdultRequested, events.SessionScheduled)


@dataclass(frozen=True, slots=True)
class Gathered:
    """A form with the events behind it, as far as they can be read."""

    issued: forms.FormIssued
    opened: Sequence[Opened]

    @property
    def certified(self) -> Any:
        """The event whose paper the form is."""
        return self.read(self.opened[-1])

    def read(self, found: Opened) -> Any:
        """The event, whole.

        Raises:
            IllegalState: parts of it can't be read any more.
        """
        if found.withheld:
            raise IllegalState("CONTENT_WITHHELD", "the form cannot be read any more: a key is gone")
        return found.event

    def all_of(self, *kinds: type) -> list[Any]:
        """Events of some kinds, in order."""
        return [self.read(found) for found in self.opened if isinstance(found.event, kinds)]

    def in_session(self, *kinds: type) -> list[Any]:
        """Events of some kinds that are about the session of the form, in order."""
        return [event for event in self.all_of(*kinds) if event.session_id == self.issued.session_id]

    def adult(self, adult_id: str) -> forms.PrintedAdult | None:
        """What the form calls an adult; None for anybody else."""
        return next((adult for adult in self.issued.adults if adult.adult_id == adult_id), None)

    def name_of(self, attendee_id: str) -> str:
        """Name of somebody who attended."""
        adult = self.adult(attendee_id)
        if adult is not None:
            return one_line(adult.name) or NOTHING
        came = [event for event in self.all_of(events.AttendeeArrived) if event.attendee_id == attendee_id]
        return (one_line(came[-1].name) if came else "") or NOTHING

    def part_of(self, attendee_id: str) -> int:
        """The part in which somebody attended."""
        came = [event for event in self.all_of(events.AttendeeArrived) if event.attendee_id == attendee_id]
        return came[-1].part if came else events.ATTENDEE_PART_APPROPRIATE_ADULT

    @property
    def plan(self) -> Any:
        """The newest plan of the session, with its place; None where there is none."""
        planned = [event for event in self.all_of(*_PLANS) if event.session.session_id == self.issued.session_id]
        return planned[-1] if planned else None

    @property
    def minor_reference(self) -> str:
        """How the minor is named: a form of address and a case number, never the full name (domain/11 §11.2)."""
        said = [
            event.notice.minor_reference if isinstance(event, events.AttendanceNoticeServed) else event.minor_reference
            for event in self.all_of(events.AppropriateAdultRequested, events.AttendanceNoticeServed)
        ]
        return one_line(next((text for text in reversed(said) if text), "")) or NOTHING

    @property
    def role(self) -> int:
        """The part that the minor has in the procedure."""
        needs = self.all_of(events.AppropriateAdultNeedIdentified, events.AppropriateAdultNeedCorrected)
        return int(needs[-1].role)
