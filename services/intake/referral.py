"""Referrals: one body asks another for a service; work stays with the sender until acceptance.

Law: domain/07 §7.2 (hand-offs, HO-05 to HO-08); ACT-07, ACT-10 (what the Youth League and providers may do).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import referral_events_pb2 as events
from services.kernel.dates import from_datetime, to_date, to_datetime
from services.kernel.decision import Act, Decider, Facts
from services.kernel.errors import IllegalState, Invalid, Violation

# A proposed default: a draft that nobody submits is not carried any further.
DRAFT_LIFETIME = timedelta(days=14)
MILESTONES_MAX = 200

# Bodies that may be asked for a kind of service; those of _PROVIDERS render it themselves (ACT-08, ACT-10).
_PROVIDERS = frozenset({"SWO", "JUST"})
_RECEIVERS: dict[int, frozenset[str]] = {
    events.REFERRAL_KIND_SOCIAL_INVESTIGATION: frozenset({"CYL", "SWO", "JUST"}),
    events.REFERRAL_KIND_APPROPRIATE_ADULT: frozenset({"CYL", "SWO", "JUST", "WF", "EDU"}),
    events.REFERRAL_KIND_GUARDIANSHIP: frozenset({"CIVIL", "MPI", "CWI", "CYL", "SWO"}),
    events.REFERRAL_KIND_DISPOSITION: frozenset({"EDU", "SECOM", "JUST", "CYL", "SWO", "OBS"}),
    events.REFERRAL_KIND_SUPPORT: frozenset({"CYL", "SWO", "CIVIL", "WF", "EDU", "HOSP", "OBS", "MPI"}),
}
_REQUIRES_PROVIDER = frozenset({events.REFERRAL_KIND_SOCIAL_INVESTIGATION})


@dataclass(frozen=True, slots=True)
class State:
    """What is recorded of one referral in clear; `status` is that of api.ReferralStatus."""

    status: int = api.REFERRAL_STATUS_UNSPECIFIED
    content: events.ReferralContent | None = None
    provider: str = ""
    milestones: tuple[tuple[str, str], ...] = ()
    expires_at: datetime | None = None

    def expired(self, at: datetime) -> bool:
        """Whether it is a draft whose time is over."""
        return self.status == api.REFERRAL_STATUS_DRAFT and self.expires_at is not None and at > self.expires_at


def decide(command: Message, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    """Events of a command on one referral."""
    return _DECISIONS[type(command)](command, state, act, facts)


def evolve(state: State, event: Any) -> State:
    """The state after an event."""
    match event:
        case events.ReferralDrafted():
            return State(api.REFERRAL_STATUS_DRAFT, event.content, expires_at=to_datetime(event.expires_at))
        case events.ReferralSubmitted():
            return State(api.REFERRAL_STATUS_SUBMITTED, event.content)
        case events.ReferralAccepted():
            return replace(state, status=api.REFERRAL_STATUS_ACCEPTED, provider=event.provider)
        case events.ReferralDeclined():
            return replace(state, status=api.REFERRAL_STATUS_DECLINED)
        case events.ReferralWithdrawn():
            return replace(state, status=api.REFERRAL_STATUS_WITHDRAWN)
        case events.ReferralDraftExpired():
            return replace(state, status=api.REFERRAL_STATUS_EXPIRED)
        case events.ReferralMilestoneReported():
            return replace(state, milestones=(*state.milestones, (event.milestone, event.aggregate_id)))
        case events.ReferralClosed():
            return replace(state, status=api.REFERRAL_STATUS_CLOSED)
    raise TypeError(event.DESCRIPTOR.full_name)


def key(event: Any) -> str:
    """The sender's own number makes a submitted referral one, whatever ids and requests it comes with."""
    if isinstance(event, events.ReferralSubmitted) and event.content.external_number:
        return external_key(event.content)
    return ""


def external_key(content: events.ReferralContent) -> str:
    """What a sender's number claims: one referral of a kind."""
    return f"external:{content.from_uscc}:{content.kind}:{content.external_number}"


DECIDER = Decider("referral", State(), decide, evolve, key)


def _create(command: api.CreateReferralRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    _check(command.content, act, facts)
    expired = _expiry(state, act)
    if state.content is not None and not expired and state.status != api.REFERRAL_STATUS_EXPIRED:
        if _same(state.content, command.content):
            return []
        raise IllegalState("REFERRAL_EXISTS", "a referral with this id is there")
    drafted = events.ReferralDrafted(content=command.content, expires_at=from_datetime(act.recorded_at + DRAFT_LIFETIME))
    return [*expired, drafted]


def _submit(command: api.SubmitReferralRequest, state: State, act: Act, facts: Facts) -> Sequence[Message]:
    if state.status in {
        api.REFERRAL_STATUS_SUBMITTED,
        api.REFERRAL_STATUS_ACCEPTED,
        api.REFERRAL_STATUS_DECLINED,
        api.REFERRAL_STATUS_WITHDRAWN,
        api.REFERRAL_STATUS_CLOSED,
    }:
        # Submitted twice is one referral: the repeat finds it, whatever became of it since.
        if not command.HasField("content") or _same(_content(state), command.content):
            return []
        raise IllegalState("REFERRAL_EXISTS", "a referral with this id was submitted with another content")
    if command.HasField("content"):
        content = command.content
        if content.referral_id != command.referral_id:
            raise Invalid(Violation("content.referral_id", "differs from referral_id"))
    else:
        # The draft as it stands: what is personal of it stays in the event that drafted it.
        content = _in_status(state, api.REFERRAL_STATUS_DRAFT)
        if state.expired(act.recorded_at):
            raise IllegalState("DRAFT_EXPIRED", "the draft has expired; submit it with its content")
    _check(content, act, facts)
    if facts.twin:
        raise IllegalState("DUPLICATE_SUBMISSION", f"the external number was submitted as referral {facts.twin}")
    return [*_expiry(state, act), events.ReferralSubmitted(content=content)]


def _accept(command: api.AcceptReferralRequest, state: State, _: Act, facts: Facts) -> Sequence[Message]:
    content = _in_status(state, api.REFERRAL_STATUS_SUBMITTED)
    receiver = facts.agencies[content.to_uscc]
    provider = command.provider or (content.to_uscc if receiver.type in _PROVIDERS else "")
    if not provider and content.kind in _REQUIRES_PROVIDER:
        raise Invalid(Violation("provider", "is required: name the organisation that renders the service"))
    if provider:
        agency = facts.agencies.get(provider)
        if agency is None or agency.type not in _PROVIDERS:
            raise Invalid(Violation("provider", "is no registered service organisation"))
        if agency.suspended:
            raise IllegalState("PROVIDER_SUSPENDED", "the provider is suspended")
        if content.kind == events.REFERRAL_KIND_SOCIAL_INVESTIGATION and not agency.investigates:
            raise IllegalState("PROVIDER_NOT_ON_ROSTER", "the provider does not carry out investigations", rule="SI-R02")
    return [events.ReferralAccepted(referral_id=command.referral_id, provider=provider)]


def _decline(command: api.DeclineReferralRequest, state: State, _: Act, facts: Facts) -> Sequence[Message]:
    content = _in_status(state, api.REFERRAL_STATUS_SUBMITTED)
    if command.reason == events.REFERRAL_DECLINE_REASON_NOT_COMPETENT and (
        command.competent_uscc not in facts.agencies or command.competent_uscc == content.to_uscc
    ):
        raise Invalid(Violation("competent_uscc", "names the registered body thought competent (L1 Art. 110)"))
    if command.reason == events.REFERRAL_DECLINE_REASON_DUPLICATE and (
        command.duplicate_of not in facts.existing or command.duplicate_of == command.referral_id
    ):
        raise Invalid(Violation("duplicate_of", "names the referral that this one repeats"))
    declined = events.ReferralDeclined(
        referral_id=command.referral_id,
        reason=command.reason,
        competent_uscc=command.competent_uscc,
        duplicate_of=command.duplicate_of,
        note=command.note,
    )
    return [declined]


def _withdraw(command: api.WithdrawReferralRequest, state: State, _: Act, __: Facts) -> Sequence[Message]:
    _in_status(state, api.REFERRAL_STATUS_DRAFT, api.REFERRAL_STATUS_SUBMITTED, api.REFERRAL_STATUS_ACCEPTED)
    return [events.ReferralWithdrawn(referral_id=command.referral_id, reason=command.reason)]


def _milestone(command: api.ReportMilestoneRequest, state: State, _: Act, __: Facts) -> Sequence[Message]:
    _in_status(state, api.REFERRAL_STATUS_ACCEPTED, api.REFERRAL_STATUS_WITHDRAWN, api.REFERRAL_STATUS_CLOSED)
    if len(state.milestones) >= MILESTONES_MAX:
        raise IllegalState("STREAM_FULL", f"a referral takes {MILESTONES_MAX} milestones at most")
    reported = events.ReferralMilestoneReported(
        referral_id=command.referral_id, milestone=command.milestone, aggregate_id=command.aggregate_id
    )
    return [reported]


def _close(command: api.CloseReferralRequest, state: State, _: Act, __: Facts) -> Sequence[Message]:
    _in_status(state, api.REFERRAL_STATUS_ACCEPTED)
    return [events.ReferralClosed(referral_id=command.referral_id, outcome=command.outcome)]


def _check(content: events.ReferralContent, act: Act, facts: Facts) -> None:
    violations = []
    receiver = facts.agencies.get(content.to_uscc)
    if content.from_uscc != act.organ:
        violations.append(Violation("content.from_uscc", "is not the agency that refers"))
    if receiver is None:
        violations.append(Violation("content.to_uscc", "is not registered"))
    elif receiver.type not in _RECEIVERS[content.kind]:
        violations.append(Violation("content.to_uscc", "is no body that such a referral goes to"))
    if content.proposed_provider and content.proposed_provider not in facts.agencies:
        violations.append(Violation("content.proposed_provider", "is not registered"))
    due, host = to_date(content.due_on), to_date(content.host_deadline_on)
    if due and due < act.on:
        violations.append(Violation("content.due_on", "is past"))
    if due and host and due > host:
        violations.append(Violation("content.due_on", "is after host_deadline_on"))
    case = facts.case
    if case is None or not case.organ:
        violations.append(Violation("content.case_id", "is no opened case"))
    elif case.subject_id != content.subject_id:
        violations.append(Violation("content.subject_id", "is not the person of the case"))
    if violations:
        raise Invalid(*violations)
    assert case is not None and receiver is not None
    if act.organ not in case.participants:
        raise IllegalState("NOT_HANDLING", "the agency does not handle the case")
    if case.closed:
        raise IllegalState("CASE_CLOSED", "the case is closed")
    if receiver.suspended:
        raise IllegalState("RECEIVER_SUSPENDED", "the receiving agency is suspended")


def _expiry(state: State, act: Act) -> list[Message]:
    if state.expired(act.recorded_at):
        return [events.ReferralDraftExpired(referral_id=_content(state).referral_id)]
    return []


def _content(state: State) -> events.ReferralContent:
    if state.content is None:
        raise IllegalState("REFERRAL_UNKNOWN", "there is no such referral")
    return state.content


def _in_status(state: State, *statuses: int) -> events.ReferralContent:
    content = _content(state)
    if state.status not in statuses:
        name = api.ReferralStatus.Name(state.status).removeprefix("REFERRAL_STATUS_")  # type: ignore[arg-type]
        raise IllegalState("REFERRAL_STATE", f"the referral is {name}")
    return content


def _same(recorded: events.ReferralContent, submitted: events.ReferralContent) -> bool:
    """Whether both say the same in clear; what is personal is sealed and can't be compared here."""
    first, second = events.ReferralContent(), events.ReferralContent()
    for copy, source in ((first, recorded), (second, submitted)):
        copy.CopyFrom(source)
        copy.ClearField("brief_facts")
        copy.ClearField("needs")
    return first == second


_DECISIONS: dict[type[Message], Callable[[Any, State, Act, Facts], Sequence[Message]]] = {
    api.CreateReferralRequest: _create,
    api.SubmitReferralRequest: _submit,
    api.AcceptReferralRequest: _accept,
    api.DeclineReferralRequest: _decline,
    api.WithdrawReferralRequest: _withdraw,
    api.ReportMilestoneRequest: _milestone,
    api.CloseReferralRequest: _close,
}
