"""State diagrams as the deciders draw them: every command of the tables of states is decided, and its event folded."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as investigations
from services.intake import referral as decider
from services.kernel.decision import Act
from services.kernel.errors import IllegalState
from tests.unit.gwt import Story
from tests.unit.intake import builders as i
from tests.unit.social_investigation import builders as s
from tests.unit.social_investigation.test_states import BY_PROVIDER, BY_THE_FILE, OPEN, STATES

# These lead out of so many states that arrows would hide the others: a line below the diagram names the states.
_ENDINGS = {investigations.WithdrawCommissionRequest, investigations.TerminateInvestigationRequest}

Edges = dict[tuple[str, str], list[str]]


def investigation() -> str:
    """Diagram and endings of the investigation."""
    edges: Edges = defaultdict(list)
    endings: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, story in STATES.items():
        for kind, (command, _) in OPEN.items():
            organ = s.JUDGE if kind in BY_THE_FILE and name in {"TRANSFERRED", "CLOSED"} else s.ORGAN
            after = _after(story, command, BY_PROVIDER.get(kind, organ))
            to = _name(investigations.InvestigationStatus, after.state.status) if after else name
            if to != name and kind in _ENDINGS:
                endings[_method(kind), to].append(name)
            elif to != name:
                edges[name, to].append(_method(kind))
    lines = [f"* `{method}` ends in `{to}` from {_listed(states)}." for (method, to), states in endings.items()]
    return _mermaid(edges) + "\n" + "\n".join(lines) + "\n"


def referral() -> str:
    """Diagram of the referral; a draft that has expired is recorded as such when it is created or submitted again."""
    states: Mapping[str, Story[Any]] = {
        "": Story.of(decider.DECIDER, i.FACTS),
        "DRAFT": Story.of(decider.DECIDER, i.FACTS).after(i.create(), i.ORGAN),
        "SUBMITTED": i.submitted(),
        "ACCEPTED": i.accepted(),
        "DECLINED": i.submitted().given(referrals.ReferralDeclined(referral_id=i.REFERRAL)),
        "WITHDRAWN": i.submitted().given(referrals.ReferralWithdrawn(referral_id=i.REFERRAL)),
        "EXPIRED": Story.of(decider.DECIDER, i.FACTS)
        .after(i.create(), i.ORGAN)
        .given(referrals.ReferralDraftExpired(referral_id=i.REFERRAL)),
        "CLOSED": i.accepted().given(referrals.ReferralClosed(referral_id=i.REFERRAL)),
    }
    commands = (
        (i.create(), i.ORGAN),
        (i.submit(), i.ORGAN),
        (i.on_referral(intake.AcceptReferralRequest, provider=i.SWO), i.LEAGUE),
        (i.on_referral(intake.DeclineReferralRequest, reason=referrals.REFERRAL_DECLINE_REASON_NO_CAPACITY), i.LEAGUE),
        (i.on_referral(intake.WithdrawReferralRequest, reason=referrals.REFERRAL_WITHDRAW_REASON_CASE_DISMISSED), i.ORGAN),
        (i.on_referral(intake.CloseReferralRequest, outcome="办结"), i.ORGAN),
    )
    edges: Edges = defaultdict(list)
    for name, story in states.items():
        for command, by in commands:
            after = _after(story, command, by)
            to = _name(intake.ReferralStatus, after.state.status) if after else name
            if to != name:
                edges[name, to].append(_method(type(command)))
    return _mermaid(edges)


def _after(story: Story[Any], command: Any, by: Act) -> Story[Any] | None:
    try:
        return story.after(command, by)
    except IllegalState:
        return None


def _name(enum: Any, number: int) -> str:
    prefix = str(enum.Name(0)).removesuffix("UNSPECIFIED")
    return str(enum.Name(number)).removeprefix(prefix)


def _method(kind: type) -> str:
    return str(kind.DESCRIPTOR.name).removesuffix("Request")  # type: ignore[attr-defined]


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _mermaid(edges: Edges) -> str:
    sources = {source for source, _ in edges}
    lines = [f"    {source or '[*]'} --> {to}: {', '.join(methods)}" for (source, to), methods in edges.items()]
    ends = dict.fromkeys(to for _, to in edges if to not in sources)
    lines += [f"    {end} --> [*]" for end in ends]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"
