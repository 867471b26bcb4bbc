"""Who is a party of a stream, as its own events say: folded from the journal, so that a duty follows from events alone."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from services.kernel.dates import to_date

# The sender of a referral and its receiver, who renders the service, the organ that opened or commissioned, and the organ
# that has the file now.
SENDER, RECEIVER, PROVIDER, ORGAN, HOLDER = "sender", "receiver", "provider", "organ", "holder"


@dataclass(frozen=True, slots=True)
class Participation:
    """A part in a case: `until` is its last day, None while open."""

    uscc: str
    scope: int
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Parties:
    """Agencies by their role in one stream, those that take part in a case, and what a referral asks for."""

    roles: Mapping[str, str] = field(default_factory=dict)
    participations: tuple[Participation, ...] = ()
    referral_kind: int = 0

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

    def to_json(self) -> str:
        """As a text that `from_json` reads."""
        parts = [[part.uscc, part.scope, part.until.isoformat() if part.until else ""] for part in self.participations]
        return json.dumps({"roles": dict(self.roles), "participations": parts, "referral_kind": self.referral_kind})

    @classmethod
    def from_json(cls, text: str) -> "Parties":
        """Reads what `to_json` wrote."""
        content = json.loads(text)
        parts = tuple(
            Participation(uscc, scope, date.fromisoformat(until) if until else None)
            for uscc, scope, until in content["participations"]
        )
        return cls(content["roles"], parts, content["referral_kind"])


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
        case cases.CaseOpened():
            return before.having(organ=event.organ)
        case directory.ParticipantAdded():
            part = Participation(event.uscc, event.scope, to_date(event.to))
            return replace(before, participations=(*_without(before, event), part))
        case directory.ParticipantRemoved():
            return replace(before, participations=_without(before, event))
        case obligations.ObligationEscalated():
            return before.having(sender=event.to_uscc)
    return before


def _without(before: Parties, event: Any) -> tuple[Participation, ...]:
    return tuple(part for part in before.participations if (part.uscc, part.scope) != (event.uscc, event.scope))
