"""Starting a clock: the rule's version in force, or the agency's own number where no law fixes it, counted to its end. Pure.

Law: domain/10; LAW-01 (the version in force on the day of the trigger); SI-R20 (days that come first).
"""

from collections.abc import Sequence
from datetime import date, datetime

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from services.kernel import duedate
from services.kernel.calendar import CHINA, WorkingCalendar
from services.kernel.dates import from_date, from_datetime
from services.kernel.deadline import Deadlines, Setting
from services.kernel.deadline_rules import ALWAYS, BY_CASE, RULES, Rule, Version
from services.kernel.errors import IllegalState, Invalid, Violation


def set_clock(
    deadlines: Deadlines,
    rule_id: str,
    at: datetime,
    *,
    owner: str,
    informed: Sequence[str] = (),
    trigger: str = "",
    variant: str = "",
    liberty_restricted: bool = False,
    caps: Sequence[pb.Cap] = (),
    given: date | None = None,
    settings: Sequence[Setting] = (),
    calendar: WorkingCalendar = CHINA,
) -> pb.DeadlineSet:
    """Starts a clock of a rule at an instant; with `given` the organ names the last day itself.

    Raises:
        IllegalState: the rule had no text on that day, or the clock was set as often as it may be.
        Invalid: the rule or the variant is not known, or the rule does not leave custody to the case.
    """
    rule = known(rule_id)
    version = rule.version(duedate.day_of(at))
    if version is None:
        raise IllegalState("RULE_NOT_IN_FORCE", "the rule was not in force on that day", rule=rule_id)
    if variant not in version.lengths:
        raise Invalid(Violation("variant", "is none of the rule's lengths on that day"))
    if liberty_restricted and rule.custody != BY_CASE:
        raise Invalid(Violation("liberty_restricted", "is fixed by the rule"))
    held = liberty_restricted or rule.custody == ALWAYS
    number = sum(clock.rule_id == rule_id for clock in deadlines.values()) + 1
    if rule.times and number > rule.times:
        raise IllegalState("DEADLINE_TIMES_EXCEEDED", "the clock was set as often as it may be", rule=rule_id)
    if any(clock.rule_id == rule_id and clock.open for clock in deadlines.values()):
        raise IllegalState("DEADLINE_RUNS", "a clock of this rule is open already", rule=rule_id)
    # A number that is the law's own is nobody's setting.
    changeable = given is None and version.status != pb.RULE_STATUS_VERIFIED
    setting = in_force(settings, rule_id, variant, duedate.day_of(at)) if changeable else None
    length = None if given else setting.length if setting else version.lengths[variant]
    all_caps = [_dated(cap, calendar) for cap in caps]
    if given:
        all_caps.append(pb.Cap(kind=pb.STEP_KIND_GIVEN, on=from_date(given)))
    due = duedate.count(rule.counting, at, length, liberty_restricted=held, caps=all_caps, calendar=calendar)
    return pb.DeadlineSet(
        deadline_id=rule_id if number == 1 else f"{rule_id}#{number}",
        basis=_basis(rule, version, variant, setting),
        trigger=trigger,
        triggered_at=from_datetime(at),
        owner_uscc=owner,
        informed_usccs=sorted({*informed} - {owner, ""}),
        counting=rule.counting,  # type: ignore[arg-type]
        liberty_restricted=held,
        caps=all_caps,
        due=due,
    )


def in_force(settings: Sequence[Setting], rule_id: str, variant: str, on: date) -> Setting | None:
    """The setting of a rule's length that is in force on a day: the newest that has begun."""
    found = [s for s in settings if (s.rule_id, s.variant) == (rule_id, variant) and s.effective_on <= on]
    # Of two for the same day the later one stands: settings come in the order of their recording.
    newest = sorted(found, key=lambda setting: setting.effective_on)[-1:]
    return newest[0] if newest and newest[0].length is not None else None


def known(rule_id: str) -> Rule:
    """The rule of an id.

    Raises:
        Invalid: there is none.
    """
    rule = RULES.get(rule_id)
    if rule is None:
        raise Invalid(Violation("rule_id", "is no deadline of the law pages"))
    return rule


def _basis(rule: Rule, version: Version, variant: str, setting: Setting | None) -> pb.RuleBasis:
    return pb.RuleBasis(
        rule_id=rule.id,
        variant=variant,
        law=version.law,
        law_effective_on=from_date(version.effective_on),
        status=version.status,  # type: ignore[arg-type]
        setting_uscc=setting.uscc if setting else "",
        setting_effective_on=from_date(setting.effective_on) if setting else None,
    )


def _dated(cap: pb.Cap, calendar: WorkingCalendar) -> pb.Cap:
    """The cap with the day that it comes to."""
    dated = pb.Cap()
    dated.CopyFrom(cap)
    dated.on.CopyFrom(from_date(duedate.last_day(cap, calendar)))
    return dated
