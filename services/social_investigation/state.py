"""What the events of one investigation add up to. It is folded without any personal field."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from guanhu.social_investigation.v1 import forms_pb2 as forms
from guanhu.social_investigation.v1 import investigation_events_pb2 as events
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel import deadline
from services.kernel.dates import to_date

ACCEPT, SUPPLEMENT = "DL-SI-ACCEPT", "DL-SI-SUPPL"
# What the handing in of a report meets.
REPORT_RULES = frozenset({"DL-SI-ARREST", "DL-SI-PROS", SUPPLEMENT})


@dataclass(frozen=True, slots=True)
class Assigned:
    """An investigator as far as later decisions need."""

    officer: str
    woman: bool


@dataclass(frozen=True, slots=True)
class State:
    """One investigation; `status` is that of api.InvestigationStatus, 0 before the first event.

    `consents` holds (who, for what) that stand; `recusals` the undecided ones by id; `barred` the officers who must be
    replaced; `objections` and `allegations` the open ones.
    """

    status: int = 0
    investigation_id: str = ""
    case_id: str = ""
    referral_id: str = ""
    subject_id: str = ""
    organ: str = ""
    provider: str = ""
    stage: int = 0
    urgency: int = 0
    act_on: date | None = None
    woman_required: bool = False
    undertaking_required: bool = False
    due_on: date | None = None
    host_deadline_on: date | None = None
    accept_by: date | None = None
    report_due_on: date | None = None
    investigators: tuple[Assigned, ...] = ()
    supervisor: str = ""
    recusals: dict[str, str] = field(default_factory=dict)
    recusals_known: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    contacts: dict[str, int] = field(default_factory=dict)
    documents: frozenset[str] = frozenset()
    consents: frozenset[tuple[int, int]] = frozenset()
    consents_known: frozenset[str] = frozenset()
    draft_no: int = 0
    author: str = ""
    report_no: str = ""
    submitted: bool = False
    submitted_draft: int = 0
    issued: tuple[int, bytes, bytes] | None = None
    forwarded: bool = False
    transferred_to: str = ""
    objections: frozenset[str] = frozenset()
    objections_known: frozenset[str] = frozenset()
    allegations: frozenset[str] = frozenset()
    allegations_known: frozenset[str] = frozenset()
    falsified: bool = False
    summoned: frozenset[str] = frozenset()
    deadlines: dict[str, deadline.Deadline] = field(default_factory=dict)

    @property
    def frozen(self) -> bool:
        """Whether the report's re-use is frozen by an allegation or a finding of falsification (SI-R11)."""
        return self.falsified or bool(self.allegations)

    @property
    def officers(self) -> frozenset[str]:
        """The assigned investigators."""
        return frozenset(assigned.officer for assigned in self.investigators)


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    kind = type(event)
    if kind in deadline.EVENTS:
        return _clock(state, event)
    if kind not in _CHANGES and kind not in STATUS_AFTER:
        raise TypeError(event.DESCRIPTOR.full_name)
    if kind in _CHANGES:
        state = _CHANGES[kind](state, event)
    return replace(state, status=STATUS_AFTER.get(kind, state.status))


def _clock(state: State, event: Any) -> State:
    deadlines = deadline.evolve(state.deadlines, event)
    clock = deadlines[event.deadline_id]
    # What is late is measured by the clock as it was extended or recounted.
    moved = clock.rule_id in REPORT_RULES and clock.due is not None
    due_on = to_date(clock.due.due_on) if moved and clock.due is not None else state.report_due_on
    return replace(state, deadlines=deadlines, report_due_on=due_on)


def _drafted(state: State, event: events.InvestigationCommissionDrafted) -> State:
    return replace(
        _with_letter(state, event.letter),
        investigation_id=event.investigation_id,
        case_id=event.case_id,
        referral_id=event.referral_id,
        act_on=to_date(event.act_on),
        woman_required=event.woman_required,
    )


def _commissioned(state: State, event: events.InvestigationCommissioned) -> State:
    return replace(
        _with_letter(state, event.letter),
        accept_by=to_date(event.accept_by),
        woman_required=event.woman_required,
    )


def _with_letter(state: State, letter: forms.CommissionLetter) -> State:
    return replace(
        state,
        subject_id=letter.subject_id,
        organ=letter.organ_uscc,
        provider=letter.provider_uscc,
        stage=letter.case_stage,
        urgency=letter.urgency,
        undertaking_required=letter.undertaking_required,
        due_on=to_date(letter.due_on),
        host_deadline_on=to_date(letter.host_deadline_on),
    )


def _assigned(state: State, event: events.InvestigatorsAssigned) -> State:
    investigators = tuple(Assigned(i.officer, i.woman) for i in event.investigators)
    return replace(state, investigators=investigators, supervisor=event.supervisor)


def _recusal_requested(state: State, event: events.RecusalRequested) -> State:
    return replace(
        state,
        recusals={**state.recusals, event.recusal_id: event.officer},
        recusals_known=state.recusals_known | {event.recusal_id},
    )


def _recusal_decided(state: State, event: events.RecusalDecided) -> State:
    left = {key: officer for key, officer in state.recusals.items() if key != event.recusal_id}
    return replace(state, recusals=left, barred=state.barred | ({event.officer} if event.granted else set()))


def _replaced(state: State, event: events.InvestigatorReplaced) -> State:
    new = Assigned(event.replacement.officer, event.replacement.woman)
    investigators = tuple(new if old.officer == event.officer else old for old in state.investigators)
    return replace(state, investigators=investigators, barred=state.barred - {event.officer})


def _contacted(state: State, event: events.InterviewConducted | events.VisitConducted) -> State:
    contacts = {**state.contacts, event.contact.contact_id: event.contact.person}
    return replace(state, contacts=contacts)


def _consent(state: State, event: events.ConsentRecorded) -> State:
    given = {(event.by, event.scope)}
    return replace(
        state,
        consents=state.consents - given if event.withdrawn else state.consents | given,
        consents_known=state.consents_known | {event.consent_id},
    )


def _report_drafted(state: State, event: events.ReportDrafted) -> State:
    return replace(
        state,
        draft_no=event.draft_no,
        author=event.author,
        report_no=event.report.report_no,
    )


def _objection(state: State, event: events.ReportObjectionRaised) -> State:
    return replace(
        state,
        objections=state.objections | {event.objection_id},
        objections_known=state.objections_known | {event.objection_id},
    )


def _alleged(state: State, event: events.FalsificationAlleged) -> State:
    return replace(
        state,
        allegations=state.allegations | {event.allegation_id},
        allegations_known=state.allegations_known | {event.allegation_id},
    )


# The state that each event leads to (domain/03 §3.3); an event that is not here leaves the state as it is.
STATUS_AFTER: dict[type, int] = {
    events.InvestigationCommissionDrafted: api.INVESTIGATION_STATUS_DRAFT,
    events.InvestigationCommissioned: api.INVESTIGATION_STATUS_COMMISSIONED,
    events.CommissionAccepted: api.INVESTIGATION_STATUS_ACCEPTED,
    events.CommissionDeclined: api.INVESTIGATION_STATUS_DECLINED,
    events.CommissionWithdrawn: api.INVESTIGATION_STATUS_WITHDRAWN,
    events.InvestigatorsAssigned: api.INVESTIGATION_STATUS_ASSIGNED,
    events.InterviewConducted: api.INVESTIGATION_STATUS_IN_PROGRESS,
    events.VisitConducted: api.INVESTIGATION_STATUS_IN_PROGRESS,
    events.DocumentObtained: api.INVESTIGATION_STATUS_IN_PROGRESS,
    events.InvestigationSuspended: api.INVESTIGATION_STATUS_SUSPENDED,
    events.InvestigationResumed: api.INVESTIGATION_STATUS_IN_PROGRESS,
    events.ReportDrafted: api.INVESTIGATION_STATUS_DRAFTED,
    events.ReportApprovedBySupervisor: api.INVESTIGATION_STATUS_UNDER_SUPERVISION,
    events.ReportReturnedBySupervisor: api.INVESTIGATION_STATUS_IN_PROGRESS,
    events.ReportSubmitted: api.INVESTIGATION_STATUS_SUBMITTED,
    events.ReportExaminationStarted: api.INVESTIGATION_STATUS_UNDER_EXAMINATION,
    events.SupplementRequested: api.INVESTIGATION_STATUS_RETURNED,
    events.ReportAdopted: api.INVESTIGATION_STATUS_ADOPTED,
    events.ReportNotAdopted: api.INVESTIGATION_STATUS_NOT_ADOPTED,
    events.ReportTransferred: api.INVESTIGATION_STATUS_TRANSFERRED,
    events.InvestigationTerminated: api.INVESTIGATION_STATUS_TERMINATED,
    events.InvestigationClosed: api.INVESTIGATION_STATUS_CLOSED,
}

_CHANGES: dict[type, Callable[[State, Any], State]] = {
    events.InvestigationCommissionDrafted: _drafted,
    events.InvestigationCommissioned: _commissioned,
    events.CommissionAccepted: lambda s, e: replace(s, report_due_on=to_date(e.report_due_on)),
    events.InvestigatorsAssigned: _assigned,
    events.RecusalRequested: _recusal_requested,
    events.RecusalDecided: _recusal_decided,
    events.InvestigatorReplaced: _replaced,
    events.InterviewConducted: _contacted,
    events.VisitConducted: _contacted,
    events.DocumentObtained: lambda s, e: replace(s, documents=s.documents | {e.document.document_id}),
    events.ConsentRecorded: _consent,
    events.ReportDrafted: _report_drafted,
    events.ReportSubmitted: lambda s, e: replace(s, submitted=True, submitted_draft=e.draft_no),
    events.ReportIssued: lambda s, e: replace(s, issued=(e.draft_no, e.pdf_sha256, e.docx_sha256)),
    events.SupplementRequested: lambda s, e: replace(s, report_due_on=to_date(e.due_on)),
    events.ReportNotAdopted: lambda s, e: replace(s, forwarded=e.forwarded_with_file),
    events.ReportTransferred: lambda s, e: replace(s, transferred_to=e.to_uscc),
    events.ReportObjectionRaised: _objection,
    events.ObjectionHandled: lambda s, e: replace(s, objections=s.objections - {e.objection_id}),
    events.InvestigatorSummoned: lambda s, e: replace(s, summoned=s.summoned | {e.officer}),
    events.InvestigatorTestified: lambda s, e: replace(s, summoned=s.summoned - {e.officer}),
    events.FalsificationAlleged: _alleged,
    events.FalsificationConfirmed: lambda s, e: replace(s, allegations=s.allegations - {e.allegation_id}, falsified=True),
    events.FalsificationDismissed: lambda s, e: replace(s, allegations=s.allegations - {e.allegation_id}),
}
