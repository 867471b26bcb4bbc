"""Who may do what: decisions from Cedar policies in files, refused on any doubt.

Cedar lets a failing `forbid` through; here a decision with any diagnostic error is a refusal.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cedarpy
from google.protobuf.descriptor import ServiceDescriptor

BASE = Path(__file__).parent / "policies" / "base.cedar"

# The types of records that policies speak of; all have the same attributes, empty where they say nothing.
RESOURCE_TYPES = (
    "Case",
    "Person",
    "Referral",
    "Investigation",
    "Deadline",
    "Adult",
    "Assignment",
    "Offer",
    "Agency",
    "Directory",
    "Journal",
    "History",
    "Operations",
    "Message",
)
# Roles that see only what they work on (domain/11 §11.2).
OWN_WORK_ROLES = frozenset({"SOCIAL_WORKER", "SUPERVISOR"})

# Groups that an action may be in.
GROUPS = ("read", "command", "statutory", "operation")

# Decisions that are remembered: some thousand officers with what they do all day.
REMEMBERED_MAX = 16_384
# All that policies may say of a record: what it is, and whether the caller is one of its parties. Who else takes part must make
# no difference, so that one decision holds for every record in which the caller has the same part.
_SAID_OF_RECORDS = re.compile(
    r"resource\.(organ|provider|supervisor) (==|!=) principal\.(agency|officer)"
    r"|resource\.(participants|officers)\.contains\(principal\.(agency|officer)\)"
    r"|resource\.(stage|sealed)"
)
# Stands for a party that is not the caller; no agency and no officer can be called so.
_SOMEBODY = "?"
_COMMENT = re.compile(r"//.*")
_OF_RECORDS = re.compile(r"resource\.|resource\s*(==|!=|in\b)")

_STRING = {"type": "String", "required": True}
_STRINGS = {"type": "Set", "element": {"type": "String"}, "required": True}


@dataclass(frozen=True, slots=True)
class PrincipalFacts:
    """The caller as policies see it; `agency_type` is one of domain/01 §1.2, or SERVICE."""

    id: str
    agency: str
    agency_type: str
    role: str = ""
    officer: str = ""


@dataclass(frozen=True, slots=True)
class ResourceFacts:
    """A record as policies see it: who carries it, who serves it, who takes part now."""

    type: str
    id: str = ""
    organ: str = ""
    provider: str = ""
    participants: frozenset[str] = frozenset()
    officers: frozenset[str] = frozenset()
    supervisor: str = ""
    stage: str = ""
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policies say, and which of them."""

    allowed: bool
    policy_ids: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ActionRule:
    """An action's name, such as "intake.OpenCase", and the groups it is in."""

    name: str
    groups: tuple[str, ...] = field(default=("command",))


# What the kernel itself serves for every service.
SHARED_ACTIONS = (
    ActionRule("journal.Read", ("read",)),
    ActionRule("operations.ListFollowers", ("operation",)),
    ActionRule("operations.ListParked", ("operation",)),
    ActionRule("operations.Redrive", ("operation",)),
    ActionRule("operations.RebuildView", ("operation",)),
    ActionRule("deadlines.List", ("read",)),
    ActionRule("deadlines.Explain", ("read",)),
    ActionRule("deadlines.Calendar", ("read",)),
    *(
        ActionRule(f"deadlines.{name}", ("command", "statutory"))
        for name in ("Set", "Pause", "Resume", "Extend", "Reset", "Meet", "Waive", "Recompute")
    ),
)


# How the names of methods begin that only look.
READS = ("Get", "List", "Show", "Watch", "Reconcile")


def actions_of(
    service: str, descriptors: Iterable[ServiceDescriptor], statutory: frozenset[str] = frozenset()
) -> list[ActionRule]:
    """Every method of a service as policies name it; `statutory` are those of judicial organs alone (ACT-07)."""

    def groups(name: str) -> tuple[str, ...]:
        if name.startswith(READS):
            return ("read",)
        return ("command", "statutory") if name in statutory else ("command",)

    return [ActionRule(f"{service}.{m.name}", groups(m.name)) for descriptor in descriptors for m in descriptor.methods]


class PoliciesBroken(Exception):
    """The policy files don't fit the schema, or look at more than the caller's part in a record; nothing starts with them."""


class Access:
    """Decides by the base policies and those of the given files."""

    def __init__(self, policy_files: Sequence[Path], actions: Iterable[ActionRule]) -> None:
        text = "\n".join(path.read_text(encoding="utf-8") for path in (BASE, *policy_files))
        if _OF_RECORDS.search(_SAID_OF_RECORDS.sub("", _COMMENT.sub("", text))):
            raise PoliciesBroken("a policy compares a record with something else than its caller")
        schema = json.dumps(_schema(actions))
        checked = cedarpy.validate_policies(text, schema)
        if not checked.validation_passed:
            raise PoliciesBroken("; ".join(str(error) for error in checked.errors))
        self.policy_sha256 = hashlib.sha256(text.encode()).hexdigest()
        self._policies = cedarpy.PolicySet.from_str(text)
        self._schema = cedarpy.Schema.from_json_str(schema)
        self._remembered = lru_cache(REMEMBERED_MAX)(self._decide)

    def decide(self, principal: PrincipalFacts, action: str, resource: ResourceFacts) -> Decision:
        """Whether the principal may do the action to the resource."""
        return self._remembered(principal, action, _part_of(principal, resource))

    def _decide(self, principal: PrincipalFacts, action: str, resource: ResourceFacts) -> Decision:
        who = {"type": "Principal", "id": principal.id}
        what = {"type": resource.type, "id": resource.id or "-"}
        request = {
            "principal": f"Principal::{json.dumps(principal.id)}",
            "action": f"Action::{json.dumps(action)}",
            "resource": f"{resource.type}::{json.dumps(resource.id or '-')}",
            "context": {},
        }
        entities = [
            {"uid": who, "attrs": _principal(principal), "parents": []},
            {"uid": what, "attrs": _resource(resource), "parents": []},
        ]
        result = cedarpy.is_authorized(request, self._policies, entities, self._schema)
        if result.diagnostics.errors:
            return Decision(False, reason="POLICY_ERROR")
        allowed = result.decision is cedarpy.Decision.Allow
        return Decision(allowed, tuple(result.diagnostics.reasons), "" if allowed else "NOT_ALLOWED")


def _part_of(principal: PrincipalFacts, resource: ResourceFacts) -> ResourceFacts:
    """The record with the caller's part in it, and nobody else's: all that policies may look at."""
    own = frozenset({principal.agency, principal.officer})

    def party(name: str) -> str:
        return name if not name or name in own else _SOMEBODY

    return replace(
        resource,
        id="",
        organ=party(resource.organ),
        provider=party(resource.provider),
        supervisor=party(resource.supervisor),
        participants=resource.participants & own,
        officers=resource.officers & own,
    )


def _principal(facts: PrincipalFacts) -> Mapping[str, object]:
    return {
        "agency": facts.agency,
        "agencyType": facts.agency_type,
        "role": facts.role,
        "officer": facts.officer,
    }


def _resource(facts: ResourceFacts) -> Mapping[str, object]:
    return {
        "organ": facts.organ,
        "provider": facts.provider,
        "participants": sorted(facts.participants),
        "officers": sorted(facts.officers),
        "supervisor": facts.supervisor,
        "stage": facts.stage,
        "sealed": facts.sealed,
    }


def _schema(actions: Iterable[ActionRule]) -> Mapping[str, object]:
    principal = dict.fromkeys(("agency", "agencyType", "role", "officer"), _STRING)
    resource = {
        **dict.fromkeys(("organ", "provider", "supervisor", "stage"), _STRING),
        **dict.fromkeys(("participants", "officers"), _STRINGS),
        "sealed": {"type": "Boolean", "required": True},
    }
    applies = {"principalTypes": ["Principal"], "resourceTypes": list(RESOURCE_TYPES)}
    # Groups apply like actions, so that the base policies fit a service that has no action in one of them.
    known: dict[str, object] = {group: {"memberOf": [], "appliesTo": applies} for group in GROUPS}
    for rule in (*SHARED_ACTIONS, *actions):
        known[rule.name] = {"memberOf": [{"id": group} for group in rule.groups], "appliesTo": applies}
    return {
        "": {
            "entityTypes": {
                "Principal": {"shape": {"type": "Record", "attributes": principal}},
                **{name: {"shape": {"type": "Record", "attributes": resource}} for name in RESOURCE_TYPES},
            },
            "actions": known,
        }
    }
