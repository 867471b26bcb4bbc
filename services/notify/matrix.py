"""The hand-off matrix: an event at one agency opens work at another.

Law: domain/07 §7.2. `triggers` are the events that the page names. A row is active where `carried_by` names events that are
recorded today; the others are listed and wait until their events exist.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.period import add_working_days

_DAY_BEGINS = time(0, tzinfo=CHINA_STANDARD_TIME)


@dataclass(frozen=True, slots=True)
class Within:
    """A time for acknowledging: exactly one of the parts is used."""

    minutes: int = 0
    days: int = 0
    working_days: int = 0

    def after(self, start: datetime) -> datetime:
        """The last instant: minutes run at once, days end with the day in China Standard Time."""
        if self.minutes:
            return start + timedelta(minutes=self.minutes)
        day = start.astimezone(CHINA_STANDARD_TIME).date()
        last = add_working_days(day, self.working_days) if self.working_days else day + timedelta(days=self.days)
        return _end_of(last)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), _DAY_BEGINS)


@dataclass(frozen=True, slots=True)
class Handoff:
    """One row: `legal_time` is the law's own time as the page has it, `acknowledge` the proposed time for the receipt."""

    id: str
    triggers: tuple[str, ...]
    opens: str
    acknowledge: Within
    legal_time: str = ""
    carried_by: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Whether events of today open this hand-off."""
        return bool(self.carried_by)


_MINUTES_5, _MINUTES_15, _MINUTES_30, _HOUR = Within(5), Within(15), Within(30), Within(60)
_DAY = Within(days=1)
_WORKING_DAY, _WORKING_DAYS_3, _WORKING_DAYS_5 = Within(working_days=1), Within(working_days=3), Within(working_days=5)

# The receipt of a hand-off that no row names, and of the answer to a hand-off (proposed).
DEFAULT_ACKNOWLEDGE = _WORKING_DAY

HANDOFFS: tuple[Handoff, ...] = (
    Handoff(
        "HO-01",
        ("ProtectiveReportReceived",),
        "police incident; screening by civil affairs; copy to the procuratorate",
        _MINUTES_5,
        "immediately",
    ),
    Handoff("HO-02", ("ChildRemoved",), "placement; notice of the right to petition", _MINUTES_15, "on the spot"),
    Handoff("HO-03", ("ChildHandedOver",), "findings of the police for the institution", _HOUR, "5 working days"),
    Handoff(
        "HO-04",
        ("TemporaryGuardianshipStarted",),
        "school and health tasks; legal aid; social assistance; search for the parents",
        _DAY,
    ),
    Handoff(
        "HO-05",
        ("ArrestRequestReceived", "ProsecutionReviewAccepted"),
        "commission of a social investigation; check for an appropriate adult; notices of legal aid and of rights",
        _WORKING_DAY,
        "legal aid 3 days; rights 3 days",
        # The commission reaches the League's desk as a referral and the institution as a letter.
        ("ReferralSubmitted", "ReferralAccepted", "InvestigationCommissioned"),
    ),
    Handoff(
        "HO-06",
        ("DetentionNotified", "QuestioningPlanned"),
        "request for an appropriate adult",
        _MINUTES_30,
        "before questioning",
        # The organ asks, by a referral or at once; whatever sends the search back opens it again, and the home agency of
        # the adult who was found has its part of the work.
        (
            "ReferralSubmitted",
            "ReferralAccepted",
            "AppropriateAdultRequested",
            "CandidateProposed",
            "CandidateUnavailable",
            "ConflictFound",
            "CandidateRejected",
            "AppropriateAdultConfirmed",
            "AttendanceNoticeServed",
            "SessionScheduled",
            "SessionAdultUnavailable",
            "AppropriateAdultNoShow",
            "AppropriateAdultReplaced",
        ),
    ),
    Handoff("HO-07", ("ReportSubmitted",), "examination of the report", _WORKING_DAY, "host clock", ("ReportSubmitted",)),
    Handoff(
        "HO-08",
        ("CaseTransferred",),
        "report, roster, protective measures and sealing flags at the next organ",
        _WORKING_DAY,
        "with the file",
        # The report's part of the file, and the adult who goes on.
        ("ReportTransferred", "AssignmentContinuedAtNextStage"),
    ),
    Handoff("HO-09", ("PublicSecurityCaseDecided",), "corrective measure of the police", _WORKING_DAY),
    Handoff("HO-10", ("MeasureBreached",), "request for specialised education", _WORKING_DAYS_3),
    Handoff("HO-11", ("CaseDismissed",), "specialised correction, or an order to the guardian", _WORKING_DAYS_3),
    Handoff(
        "HO-12", ("PlacementDecided",), "admission to the school; result to the procuratorate", _WORKING_DAYS_3, "local: 7 days"
    ),
    Handoff("HO-13", ("CnpDecided",), "service tasks; supervision; release", _WORKING_DAY, "3 days"),
    Handoff("HO-14", ("SupervisionAssistanceEntrusted",), "assistance by another procuratorate", _WORKING_DAYS_3),
    Handoff(
        "HO-15", ("NonProsecutionDecided",), "sanction by the competent authority", _WORKING_DAYS_5, "result reported back"
    ),
    Handoff(
        "HO-16",
        ("IndictmentFiled",),
        "notice of the right to petition; review of the guardianship",
        _WORKING_DAY,
        "with the prosecution",
    ),
    Handoff("HO-17", ("ProsecutorialRecommendationIssued",), "decision to petition", _WORKING_DAYS_3, "1 month"),
    Handoff(
        "HO-18", ("RevocationPetitionFiled",), "docketing; decision to support; legal aid", _WORKING_DAY, "30 days to trial"
    ),
    Handoff("HO-19", ("ProtectionOrderGranted",), "police station; village or residents' committee", _HOUR, "at once"),
    Handoff("HO-20", ("ProtectionOrderBreached",), "sanction by the court; police incident", _MINUTES_15, "at once"),
    Handoff(
        "HO-21",
        ("JudgmentEffective",),
        "reception by justice administration; copies",
        _WORKING_DAY,
        "notice 5 days, papers 10 days",
    ),
    Handoff("HO-22", ("JudgmentEffective",), "sealing at every body that holds the record", _DAY, "3 days after receipt"),
    Handoff(
        "HO-23",
        ("NonProsecutionDecided", "MeasureCompleted", "StudentReturned"),
        "sealing at every participant",
        _DAY,
        "3 days after receipt",
    ),
    Handoff("HO-24", ("GuardianNeglectFound",), "admonition or order for family education", _WORKING_DAYS_3),
    Handoff("HO-25", ("WardReachedMajority",), "end of guardianship tasks; offer of aftercare", _WORKING_DAY),
    Handoff("HO-26", ("SubjectMoved",), "check of jurisdiction", _WORKING_DAY),
)

BY_ID = {handoff.id: handoff for handoff in HANDOFFS}
