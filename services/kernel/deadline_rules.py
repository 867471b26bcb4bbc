"""The rows of domain/10 as effective-dated data: which length, counted how, extended by whom, from which article.

A number that no law fixes may be another for an agency; such a setting comes with the facts of a decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from guanhu.deadline.v1 import deadline_events_pb2 as pb

_STATUS = {
    "V": pb.RULE_STATUS_VERIFIED,
    "R": pb.RULE_STATUS_RECALLED,
    "LOCAL": pb.RULE_STATUS_LOCAL,
    "P": pb.RULE_STATUS_PROPOSED,
}
ALWAYS, NEVER, BY_CASE = "ALWAYS", "NEVER", "BY_CASE"


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Version:
    """What a law said from a day on; `lengths` by variant, "" for the ordinary one."""

    effective_on: date
    law: str
    article: Text
    status: int
    lengths: Mapping[str, pb.Length]


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that the law allows: a length, or a day that the organ names (`until`).

    `months_max` bounds such a day: months after the start that the whole clock may last, 0 for no bound.
    """

    id: str
    ground: Text
    times: int
    length: pb.Length | None
    until: bool
    host_working_days: int
    months_max: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One row; `times` is how often the clock may be set in one stream, 0 for any number."""

    id: str
    name: Text
    trigger: Text
    counting: int
    custody: str
    owners: frozenset[str]
    variants: Mapping[str, Text]
    versions: tuple[Version, ...]
    extensions: tuple[Extension, ...]
    pauses: frozenset[int]
    resets: Mapping[int, int]
    expiry: Text
    host_working_days: int
    times: int

    def version(self, on: date) -> Version | None:
        """The version in force on a day; None where the rule had no text yet."""
        found = [version for version in self.versions if version.effective_on <= on]
        return found[-1] if found else None

    def extension(self, extension_id: str) -> Extension | None:
        """An extension that the rule allows."""
        return next((extension for extension in self.extensions if extension.id == extension_id), None)

    @property
    def fixed_by_law(self) -> bool:
        """Whether the number is verified law, which no agency changes."""
        return self.versions[-1].status == pb.RULE_STATUS_VERIFIED


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        id=row["id"],
        name=Text(**row["name"]),
        trigger=Text(**row["trigger"]),
        counting=pb.Counting.Value(f"COUNTING_{row['counting']}"),
        custody=row.get("custody", NEVER),
        owners=frozenset(row["owners"]),
        variants={name: Text(**text) for name, text in row.get("variants", {}).items()},
        versions=tuple(sorted(map(_version, row["versions"]), key=lambda version: version.effective_on)),
        extensions=tuple(map(_extension, row.get("extensions", ()))),
        pauses=frozenset(pb.PauseReason.Value(f"PAUSE_REASON_{name}") for name in row.get("pauses", ())),
        resets={pb.ResetCause.Value(f"RESET_CAUSE_{name}"): times for name, times in row.get("resets", {}).items()},
        expiry=Text(**row["expiry"]),
        host_working_days=row.get("host_working_days", 0),
        times=row.get("times", 0),
    )


def _version(row: Mapping[str, Any]) -> Version:
    lengths = {variant: pb.Length(**length) for variant, length in row["lengths"].items()}
    return Version(row["from"], row["law"], Text(**row["article"]), _STATUS[row["status"]], lengths)


def _extension(row: Mapping[str, Any]) -> Extension:
    length = pb.Length(**row["length"]) if "length" in row else None
    until = row.get("until", False)
    bounds = row.get("host_working_days", 0), row.get("months_max", 0)
    return Extension(row["id"], Text(**row["ground"]), row["times"], length, until, *bounds)


def _load(folder: Path) -> dict[str, Rule]:
    files = sorted(folder.glob("deadlines*.yaml"))
    rules = [_rule(row) for file in files for row in yaml.safe_load(file.read_text(encoding="utf-8"))]
    return {rule.id: rule for rule in rules}


RULES: Mapping[str, Rule] = _load(Path(__file__).parent)
