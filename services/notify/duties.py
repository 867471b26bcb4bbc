"""Which events of today must be told to whom: the active rows of the hand-off matrix, and the answers to hand-offs.

Law: domain/07 §7.2: every hand-off is a pair of a request and its answer, and work stays with the sender until acceptance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from services.notify.matrix import BY_ID, DEFAULT_ACKNOWLEDGE
from services.notify.parties import HOLDER, ORGAN, PROVIDER, RECEIVER, SENDER, Parties

HANDOFF, ANSWER, ESCALATION = (
    obligations.OBLIGATION_KIND_HANDOFF,
    obligations.OBLIGATION_KIND_ANSWER,
    obligations.OBLIGATION_KIND_ESCALATION,
)
# A referral carries one of these hand-offs, by what it asks for.
_BY_REFERRAL = "by the referral's kind"
_REFERRAL_HANDOFFS: dict[int, str] = {
    referrals.REFERRAL_KIND_SOCIAL_INVESTIGATION: "HO-05",
    referrals.REFERRAL_KIND_APPROPRIATE_ADULT: "HO-06",
}


@dataclass(frozen=True, slots=True)
class Duty:
    """Whom an event must be told to: the agency in the role `to`, unless it acted itself."""

    event: type[Message]
    to: str
    kind: "obligations.ObligationKind.ValueType"
    handoff: str = ""


@dataclass(frozen=True, slots=True)
class Owing:
    """A message that an event demands; `acknowledge_by` is None where the receipt need not be acknowledged."""

    from_uscc: str
    to_uscc: str
    kind: "obligations.ObligationKind.ValueType"
    handoff_id: str = ""
    acknowledge_by: datetime | None = None
    subscription_id: str = ""
    suppressed: bool = False


DUTIES: tuple[Duty, ...] = (
    Duty(referrals.ReferralSubmitted, RECEIVER, HANDOFF, _BY_REFERRAL),
    Duty(referrals.ReferralAccepted, SENDER, ANSWER),
    Duty(referrals.ReferralAccepted, PROVIDER, HANDOFF, _BY_REFERRAL),
    Duty(referrals.ReferralDeclined, SENDER, ANSWER),
    Duty(referrals.ReferralWithdrawn, RECEIVER, ANSWER),
    Duty(referrals.ReferralWithdrawn, PROVIDER, ANSWER),
    Duty(referrals.ReferralClosed, SENDER, ANSWER),
    Duty(referrals.ReferralClosed, RECEIVER, ANSWER),
    Duty(referrals.ReferralClosed, PROVIDER, ANSWER),
    Duty(investigations.InvestigationCommissioned, PROVIDER, HANDOFF, "HO-05"),
    Duty(investigations.CommissionAccepted, ORGAN, ANSWER),
    Duty(investigations.CommissionDeclined, ORGAN, ANSWER),
    Duty(investigations.CommissionWithdrawn, PROVIDER, ANSWER),
    # SI-R17: the commissioning organ decides on a recusal.
    Duty(investigations.RecusalRequested, ORGAN, HANDOFF),
    Duty(investigations.RecusalDecided, PROVIDER, ANSWER),
    # The host period goes on while the investigation rests, so the organ must know.
    Duty(investigations.InvestigationSuspended, ORGAN, ANSWER),
    Duty(investigations.InvestigationResumed, ORGAN, ANSWER),
    Duty(investigations.ReportSubmitted, HOLDER, HANDOFF, "HO-07"),
    Duty(investigations.SupplementRequested, PROVIDER, HANDOFF),
    Duty(investigations.ReportAdopted, PROVIDER, ANSWER),
    Duty(investigations.ReportNotAdopted, PROVIDER, ANSWER),
    Duty(investigations.ReportTransferred, HOLDER, HANDOFF, "HO-08"),
    Duty(investigations.ReportObjectionRaised, HOLDER, HANDOFF),
    Duty(investigations.ObjectionHandled, PROVIDER, ANSWER),
    # SI-R07: the authors are called to court through their institution.
    Duty(investigations.InvestigatorSummoned, PROVIDER, HANDOFF),
    # SI-R11: the organ that has the file decides on an allegation.
    Duty(investigations.FalsificationAlleged, HOLDER, HANDOFF),
    Duty(investigations.FalsificationConfirmed, PROVIDER, ANSWER),
    Duty(investigations.FalsificationDismissed, PROVIDER, ANSWER),
    Duty(investigations.InvestigationTerminated, ORGAN, ANSWER),
    Duty(investigations.InvestigationTerminated, PROVIDER, ANSWER),
    Duty(investigations.InvestigationClosed, PROVIDER, ANSWER),
    Duty(obligations.ObligationEscalated, SENDER, ESCALATION),
)


def owing(event: Any, parties: Parties, actor: str, recorded_at: datetime) -> Iterator[Owing]:
    """What an event demands, after the parties took it in; one message for each agency at most.

    `actor` is the agency whose act the event is, "" where a service acted by itself. Nobody is told of the own act.
    """
    told = {actor}
    for duty in DUTIES:
        to = parties.of(duty.to)
        if duty.event is not type(event) or not to or to in told:
            continue
        told.add(to)
        handoff = _REFERRAL_HANDOFFS.get(parties.referral_kind, "") if duty.handoff == _BY_REFERRAL else duty.handoff
        yield Owing(_teller(event, parties, actor), to, duty.kind, handoff, _acknowledge_by(duty.kind, handoff, recorded_at))


def _teller(event: Any, parties: Parties, actor: str) -> str:
    if isinstance(event, obligations.ObligationEscalated):
        return str(event.about_uscc)
    return actor or parties.of(SENDER) or parties.of(ORGAN)


def _acknowledge_by(kind: "obligations.ObligationKind.ValueType", handoff: str, recorded_at: datetime) -> datetime | None:
    if kind == ESCALATION:
        return None
    return (BY_ID[handoff].acknowledge if handoff else DEFAULT_ACKNOWLEDGE).after(recorded_at)
