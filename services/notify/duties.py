"""Which events of today must be told to whom: the active rows of the hand-off matrix, the answers to hand-offs, and clocks.

Law: domain/07 §7.2: every hand-off is a pair of a request and its answer, and work stays with the sender until acceptance.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as adults
from guanhu.appropriate_adult.v1 import callout_events_pb2 as callouts
from guanhu.deadline.v1 import deadline_events_pb2 as clocks
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from services.kernel.decision import CHINA_STANDARD_TIME
from services.notify.matrix import BY_ID, DEFAULT_ACKNOWLEDGE
from services.notify.parties import HOLDER, HOME, LEFT_HOME, ORGAN, PROVIDER, RECEIVER, SENDER, Parties

HANDOFF, ANSWER, ESCALATION, DEADLINE = (
    obligations.OBLIGATION_KIND_HANDOFF,
    obligations.OBLIGATION_KIND_ANSWER,
    obligations.OBLIGATION_KIND_ESCALATION,
    obligations.OBLIGATION_KIND_DEADLINE,
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
    # A body that is asked for an adult, and the home agency of the adult whom it found, must act before the session (HO-06).
    # Where both are one agency it is told once, as of the work: the first line counts.
    Duty(adults.AppropriateAdultRequested, PROVIDER, HANDOFF, "HO-06"),
    # What the need says of the minor changed, and with it who may come (AA-X08).
    Duty(adults.AppropriateAdultNeedCorrected, PROVIDER, ANSWER),
    Duty(adults.CandidateProposed, HOME, HANDOFF, "HO-06"),
    Duty(adults.CandidateProposed, ORGAN, ANSWER),
    # The calendar refused, or there is a conflict: the search is the body's again, and the organ knows that it goes on.
    Duty(adults.CandidateUnavailable, PROVIDER, HANDOFF, "HO-06"),
    Duty(adults.CandidateUnavailable, ORGAN, ANSWER),
    Duty(adults.ConflictFound, PROVIDER, HANDOFF, "HO-06"),
    Duty(adults.ConflictFound, ORGAN, ANSWER),
    Duty(adults.ConflictFound, LEFT_HOME, ANSWER),
    # An adult is asked: the home agency's system sends the link, before the time for the answer runs out.
    Duty(callouts.OfferMade, HOME, HANDOFF, "HO-06"),
    # ESC-R03: organ and desk know that the county, or the prefecture, has nobody and who is asked now.
    Duty(callouts.EscalationRaised, ORGAN, ANSWER),
    Duty(callouts.EscalationRaised, PROVIDER, ANSWER),
    Duty(callouts.EscalationForwarded, ORGAN, ANSWER),
    Duty(callouts.EscalationForwarded, PROVIDER, ANSWER),
    # The conflict check has to be made again before anything goes on (AA-X04).
    Duty(adults.PartyAdded, PROVIDER, HANDOFF),
    # AA-R07: a refusal is no waiver; another adult is found.
    Duty(adults.CandidateRejected, PROVIDER, HANDOFF, "HO-06"),
    Duty(adults.CandidateRejected, ORGAN, ANSWER),
    Duty(adults.CandidateRejected, LEFT_HOME, ANSWER),
    Duty(adults.AppropriateAdultConfirmed, HOME, HANDOFF, "HO-06"),
    Duty(adults.AppropriateAdultConfirmed, PROVIDER, ANSWER),
    # F3 is the adult's: it reaches the home agency, whose system hands it on.
    Duty(adults.AttendanceNoticeServed, HOME, HANDOFF, "HO-06"),
    Duty(adults.AttendanceNoticeServed, PROVIDER, ANSWER),
    Duty(adults.SessionScheduled, HOME, HANDOFF, "HO-06"),
    Duty(adults.SessionScheduled, PROVIDER, ANSWER),
    # The adult's calendar refused a further session: the organ looks for another time or another adult.
    Duty(adults.SessionAdultUnavailable, ORGAN, HANDOFF, "HO-06"),
    Duty(adults.SessionAdultUnavailable, PROVIDER, ANSWER),
    Duty(adults.SessionCancelled, HOME, ANSWER),
    Duty(adults.SessionCancelled, PROVIDER, ANSWER),
    Duty(adults.AppropriateAdultNoShow, PROVIDER, HANDOFF, "HO-06"),
    Duty(adults.AppropriateAdultNoShow, LEFT_HOME, ANSWER),
    Duty(adults.AppropriateAdultReplaced, PROVIDER, HANDOFF, "HO-06"),
    Duty(adults.AppropriateAdultReplaced, LEFT_HOME, ANSWER),
    # ESC-R03: nobody was found; the work is the organ's again, which may ask the next level.
    Duty(adults.AppropriateAdultUnavailable, ORGAN, HANDOFF),
    Duty(adults.AppropriateAdultUnavailable, PROVIDER, ANSWER),
    # AA-R11: whoever answers for the adult hears that questions could not begin, or were asked without one.
    Duty(adults.SessionBlocked, HOME, ANSWER),
    Duty(adults.SessionBlocked, PROVIDER, ANSWER),
    Duty(adults.StageRanWithoutAdult, HOME, ANSWER),
    Duty(adults.StageRanWithoutAdult, PROVIDER, ANSWER),
    # F5: what the adult observed goes to the adult's organisation, never to the organ.
    Duty(adults.ObservationsRecorded, HOME, ANSWER),
    Duty(adults.SessionClosed, HOME, ANSWER),
    Duty(adults.SessionClosed, PROVIDER, ANSWER),
    # AA-R11: procuratorate or court decided on a statement; the organ that took it answers for it.
    Duty(adults.SessionEvidenceExcluded, ORGAN, HANDOFF),
    Duty(adults.SessionDefectCured, ORGAN, ANSWER),
    # AA-R18: the same adult goes on with the next organ.
    Duty(adults.AssignmentContinuedAtNextStage, ORGAN, HANDOFF, "HO-08"),
    Duty(adults.AssignmentContinuedAtNextStage, HOME, ANSWER),
    Duty(adults.AssignmentContinuedAtNextStage, PROVIDER, ANSWER),
    Duty(adults.AssignmentCompleted, PROVIDER, ANSWER),
    Duty(adults.AssignmentCompleted, LEFT_HOME, ANSWER),
    Duty(adults.AssignmentReleased, PROVIDER, ANSWER),
    Duty(adults.AssignmentReleased, LEFT_HOME, ANSWER),
)


_BY_EVENT: Mapping[type[Message], tuple[Duty, ...]] = {
    kind: tuple(duty for duty in DUTIES if duty.event is kind) for kind in dict.fromkeys(duty.event for duty in DUTIES)
}
# What is told of clocks: the end is near, over, or another one.
CLOCK_EVENTS: frozenset[type[Message]] = frozenset(
    {
        clocks.DeadlineWarned,
        clocks.DeadlineExpired,
        clocks.DeadlinePaused,
        clocks.DeadlineResumed,
        clocks.DeadlineExtended,
        clocks.DeadlineReset,
        clocks.DeadlineRecomputed,
        clocks.DeadlineWaived,
    }
)


def owing(event: Any, parties: Parties, actor: str, recorded_at: datetime) -> Iterator[Owing]:
    """What an event demands, after the parties took it in; one message for each agency at most.

    `actor` is the agency whose act the event is, "" where a service acted by itself. Nobody is told of the own act.
    """
    told = {actor}
    for duty in _BY_EVENT.get(type(event), ()):
        to = parties.of(duty.to)
        if not to or to in told:
            continue
        told.add(to)
        handoff = _REFERRAL_HANDOFFS.get(parties.referral_kind, "") if duty.handoff == _BY_REFERRAL else duty.handoff
        yield Owing(
            _teller(event, parties, actor, to), to, duty.kind, handoff, _acknowledge_by(duty.kind, handoff, recorded_at)
        )
    if type(event) in CLOCK_EVENTS:
        yield from _of_clock(event, parties, actor, recorded_at)


def _of_clock(event: Any, parties: Parties, actor: str, recorded_at: datetime) -> Iterator[Owing]:
    """Warnings go to the agency that must act; a lapse, and an end that moved, also to those who are informed of the clock.

    Only a lapse asks for a receipt. Law: domain/00 §0.4 (an alert; nothing follows by itself).
    """
    clock = parties.clocks.get(event.deadline_id)
    if clock is None or not _worth_telling(event):
        return
    yet = set(parties.everybody(recorded_at.astimezone(CHINA_STANDARD_TIME).date()))
    # Who has left the case since is informed no more; who must act in time is told all the same.
    informed = [] if isinstance(event, clocks.DeadlineWarned) else [uscc for uscc in clock.informed if uscc in yet]
    by = DEFAULT_ACKNOWLEDGE.after(recorded_at) if isinstance(event, clocks.DeadlineExpired) else None
    for to in dict.fromkeys((clock.owner, *informed)):
        if to != actor:
            yield Owing(actor, to, DEADLINE, acknowledge_by=by)


def _worth_telling(event: Any) -> bool:
    match event:
        case clocks.DeadlineRecomputed():
            return bool(event.moved)
        case clocks.DeadlineWaived():
            # What a clock stood for ended: that event is told itself.
            return bool(event.reason != clocks.WAIVER_REASON_MOOT)
    return True


def _teller(event: Any, parties: Parties, actor: str, to: str) -> str:
    if isinstance(event, obligations.ObligationEscalated):
        return str(event.about_uscc)
    named = (actor, parties.of(SENDER), parties.of(ORGAN), parties.of(PROVIDER))
    return next((uscc for uscc in named if uscc and uscc != to), "")


def _acknowledge_by(kind: "obligations.ObligationKind.ValueType", handoff: str, recorded_at: datetime) -> datetime | None:
    if kind == ESCALATION:
        return None
    return (BY_ID[handoff].acknowledge if handoff else DEFAULT_ACKNOWLEDGE).after(recorded_at)
