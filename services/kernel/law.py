"""Which version of a law was in force on a day (domain/01 §1.4). Replay never asks; only new acts do."""

from dataclasses import dataclass
from datetime import date

from guanhu.types.v1 import types_pb2
from services.kernel.dates import from_date


@dataclass(frozen=True, slots=True)
class LawVersion:
    """A version of a law: `status` is V (verified), R (recalled), L (local) or P (proposed)."""

    law: str
    effective_on: date
    status: str = "V"


_VERSIONS: tuple[LawVersion, ...] = (
    LawVersion("CPL", date(2013, 1, 1)),
    LawVersion("CPL", date(2018, 10, 26)),
    LawVersion("PROCURATORATE_RULES", date(2019, 12, 30)),
    LawVersion("SPP_GUIDELINES", date(2017, 3, 2), "R"),
    LawVersion("SPC_CPL_INTERPRETATION", date(2021, 3, 1)),
    LawVersion("MINORS_PROTECTION", date(2021, 6, 1)),
    LawVersion("MINORS_PROTECTION", date(2024, 4, 26)),
    LawVersion("DELINQUENCY_PREVENTION", date(2021, 6, 1)),
    LawVersion("GBT_42380", date(2023, 3, 17)),
    LawVersion("CRIMINAL_LAW", date(1997, 10, 1), "R"),
    LawVersion("CRIMINAL_LAW", date(2021, 3, 1)),
    LawVersion("PUBLIC_SECURITY_PENALTIES", date(2026, 1, 1)),
    LawVersion("JUVENILE_TRIAL_INTERPRETATION", date(2006, 1, 23), "R"),
    LawVersion("GUANHU", date(2013, 1, 1), "P"),
)

# The law that each rule of the law pages comes from. A rule that is a product default comes from GUANHU.
_RULES: dict[str, str] = {
    "SI-R01": "CPL",
    "SI-R02": "DELINQUENCY_PREVENTION",
    "SI-R03": "DELINQUENCY_PREVENTION",
    "SI-R05": "PROCURATORATE_RULES",
    "SI-R06": "SPC_CPL_INTERPRETATION",
    "SI-R07": "SPC_CPL_INTERPRETATION",
    "SI-R08": "SPC_CPL_INTERPRETATION",
    "SI-R09": "DELINQUENCY_PREVENTION",
    "SI-R10": "PROCURATORATE_RULES",
    "SI-R11": "DELINQUENCY_PREVENTION",
    "SI-R12": "MINORS_PROTECTION",
    "SI-R16": "SPP_GUIDELINES",
    "SI-R17": "SPP_GUIDELINES",
    "SI-R18": "SPP_GUIDELINES",
    "SI-R19": "GBT_42380",
    "AA-R01": "CPL",
    "AA-R02": "CPL",
    "AA-R03": "MINORS_PROTECTION",
    "AA-R04": "CPL",
    "AA-R05": "CPL",
    "AA-R06": "CPL",
    "AA-R07": "PROCURATORATE_RULES",
    "AA-R08": "GUANHU",
    "AA-R09": "CPL",
    "AA-R10": "MINORS_PROTECTION",
    "AA-R11": "SPC_CPL_INTERPRETATION",
    "AA-R12": "SPC_CPL_INTERPRETATION",
    "AA-R13": "PUBLIC_SECURITY_PENALTIES",
    "AA-R16": "CPL",
    "AA-R17": "SPP_GUIDELINES",
    "AA-R18": "GUANHU",
    "AA-R19": "GUANHU",
    "AA-R20": "GUANHU",
    "AA-R21": "GUANHU",
    "AA-X01": "SPP_GUIDELINES",
    "AA-X02": "SPP_GUIDELINES",
    "AA-X03": "SPP_GUIDELINES",
    "AA-X04": "SPP_GUIDELINES",
    "AA-X05": "SPP_GUIDELINES",
    "AA-X06": "SPP_GUIDELINES",
    "AA-X07": "GUANHU",
    "AA-X08": "GUANHU",
    "AA-X09": "GUANHU",
    "AGE-01": "JUVENILE_TRIAL_INTERPRETATION",
    "AGE-02": "CRIMINAL_LAW",
    "AGE-04": "JUVENILE_TRIAL_INTERPRETATION",
    "AGE-05": "PROCURATORATE_RULES",
}


def version_of_rule(rule_id: str, on: date) -> LawVersion | None:
    """The version of the rule's law in force on a day; None where none was, or the rule is none of ours."""
    law = _RULES.get(rule_id, "GUANHU" if rule_id.startswith(("DL-SI-", "DL-AA-", "PROPOSED")) else "")
    found = [version for version in _VERSIONS if version.law == law and version.effective_on <= on]
    return found[-1] if found else None


def result_of_rule(rule_id: str, on: date, outcome: str) -> types_pb2.RuleResult:
    """What a rule came to on a day, with the version of the law that was in force then (LAW-01).

    Where no text of the rule was in force yet, what was done was practice, and the result says so.
    """
    version = version_of_rule(rule_id, on)
    if version is None:
        return types_pb2.RuleResult(rule_id=rule_id, outcome=f"{outcome}_by_practice")
    effective = version.effective_on
    return types_pb2.RuleResult(
        rule_id=rule_id, rule_version=effective.isoformat(), law_effective_on=from_date(effective), outcome=outcome
    )
