"""Who is a party of a stream, as its own events say: folded from the journal, so that a duty follows from events alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import callout_events_pb2 as callouts
from guanhu.deadline.v1 import deadline_events_pb2 as deadlines
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from services.kernel.dates import to_date

# The sender of a referral and its receiver, who renders the service, the organ that opened or commissioned, and the organ
# that has the file now.
SENDER, RECEIVER, PROVIDER, ORGAN, HOLDER = "sender", "receiver", "provider", "organ", "holder"
# Of an appropriate adult: the home agency of the adult at hand, and of the one whose part the last event ended.
HOME, LEFT_HOME = "home", "left_home"
# The part of the adult at hand ends.
_LEAVING = (
    assignments.CandidateUnavailable,
    assignments.ConflictFound,
    assignments.CandidateRejected,
    assignments.AppropriateAdultNoShow,
    assignments.AppropriateAdultReplaced,
    assignments.AssignmentCompleted,
    assignments.AssignmentReleased,
)
_ASSIGNMENT_FILE = assignments.DESCRIPTOR.name


@dataclass(frozen=True, slots=True)
class Participation:
    """A part in a case: `until` is its last day, None while open."""

    uscc: str
    scope: int
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of a clock: the agency that must act in time, and others that are informed."""

    owner: str
    informed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parties:
    """Agencies by their role in one stream, those that take part in a case, what a referral asks for, and clocks by id."""

    roles: Mapping[str, str] = field(default_factory=dict)
    participations: tuple[Participation, ...] = ()
    referral_kind: int = 0
    clocks: Mapping[str, Told] = field(default_factory=dict)

    def of(self, role: str) -> str:
        """The agency in a role; "" where there is none."""
        return self.roles.get(role, "")

    def everybody(self, on: date) -> tuple[str, ...]:
        """Every agency that is a party on a day, in a fixed order."""
        open_parts = {part.uscc for part in self.participations if part.until is None or part.until >= on}
        return tuple(sorted(open_parts | set(self.roles.values())))

    def having(self, **roles: str) -> "Parties":
        """The same with agencies in the given roles; a role without an agency stays as it is."""
        return replace(self, roles={**self.roles, **{role: uscc for role, uscc in roles.items() if uscc}})

    def without(self, *roles: str) -> "Parties":
        """The same with nobody in the given roles."""
        return replace(self, roles={role: uscc for role, uscc in self.roles.items() if role not in roles})

    def to_json(self) -> str:
        """As a text that `from_json` reads."""
        parts = [[part.uscc, part.scope, part.until.isoformat() if part.until else ""] for part in self.participations]
        clocks = {deadline_id: [told.owner, *told.informed] for deadline_id, told in self.clocks.items()}
        content = {
            "roles": dict(self.roles),
            "participations": parts,
            "referral_kind": self.referral_kind,
            "clocks": clocks,
        }
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> "Parties":
        """Reads what `to_json` wrote."""
        content = json.loads(text)
        parts = tuple(
            Participation(uscc, scope, date.fromisoformat(until) if until else None)
            for uscc, scope, until in content["participations"]
        )
        clocks = {deadline_id: Told(owner, tuple(informed)) for deadline_id, (owner, *informed) in content["clocks"].items()}
        return cls(content["roles"], parts, content["referral_kind"], clocks)


def after(before: Parties, event: Any) -> Parties:
    """The parties after an event of the stream."""
    match event:
        case referrals.ReferralSubmitted():
            content = event.content
            return replace(before, referral_kind=content.kind).having(sender=content.from_uscc, receiver=content.to_uscc)
        case referrals.ReferralAccepted():
            return before.having(provider=event.provider)
        case investigations.InvestigationCommissionDrafted():
            # A draft binds nobody: the institution is no party of it yet.
            return before.having(organ=event.letter.organ_uscc, holder=event.letter.organ_uscc)
        case investigations.InvestigationCommissioned():
            letter = event.letter
            return before.having(organ=letter.organ_uscc, holder=letter.organ_uscc, provider=letter.provider_uscc)
        case investigations.ReportTransferred():
            return before.having(holder=event.to_uscc)
        case callouts.CalloutStarted():
            return before.having(organ=event.organ_uscc, provider=event.provider_uscc)
        case callouts.OfferMade():
            return before.having(home=event.home_uscc)
        case cases.CaseOpened():
            return before.having(organ=event.organ)
        case directory.ParticipantAdded():
            part = Participation(event.uscc, event.scope, to_date(event.to))
            return replace(before, participations=(*_without(before, event), part))
        case directory.ParticipantRemoved():
            return replace(before, participations=_without(before, event))
        case deadlines.DeadlineSet():
            told = Told(event.owner_uscc, tuple(event.informed_usccs))
            return replace(before, clocks={**before.clocks, event.deadline_id: told})
        case obligations.ObligationEscalated():
            return before.having(sender=event.to_uscc)
    if event.DESCRIPTOR.file.name == _ASSIGNMENT_FILE:
        return _of_assignment(before.without(LEFT_HOME), event)
    return before


def _of_assignment(before: Parties, event: Any) -> Parties:
    """Who takes part in an assignment: the organ, the body that it asked, and the home of the adult at hand."""
    match event:
        case assignments.AppropriateAdultNeedIdentified():
            return before.having(organ=event.organ_uscc, provider=event.provider_uscc)
        case assignments.AppropriateAdultRequested():
            return before.having(provider=event.provider_uscc)
        case assignments.CandidateProposed():
            return before.having(home=event.home_uscc)
        case assignments.AssignmentContinuedAtNextStage():
            return before.having(organ=event.to_uscc)
    if isinstance(event, _LEAVING):
        return before.without(HOME).having(left_home=before.of(HOME))
    return before


def _without(before: Parties, event: Any) -> tuple[Participation, ...]:
    return tuple(part for part in before.participations if (part.uscc, part.scope) != (event.uscc, event.scope))
