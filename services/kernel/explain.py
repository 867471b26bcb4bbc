"""Explains a clock in Chinese and English: rule, article, trigger, each step, what happened since, and what would change it.

Everything said of the past comes from the events; the present rules only say what may still happen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from guanhu.options.v1 import options_pb2
from services.kernel import explain_words as words
from services.kernel.dates import to_date, to_datetime
from services.kernel.deadline import Deadline
from services.kernel.deadline_rules import BY_CASE, RULES, Rule, Text
from services.kernel.registry import Registry
from services.kernel.step import CHINESE, ENGLISH, tell


@dataclass(frozen=True, slots=True)
class Past:
    """An event of the clock and where it stands in its stream."""

    version: int
    event: Any
    recorded_at: datetime


Lines = Iterator[api.ExplanationLine]


def explain(clock: Deadline, past: Sequence[Past], registry: Registry) -> list[api.ExplanationLine]:
    """Every line of the explanation, in order."""
    rule = RULES[clock.rule_id]
    first, *later = past
    return [
        *_rule(rule, first),
        *_trigger(rule, first, registry),
        *_steps(first, first.event.due),
        *(line for each in later for line in _history(rule, each, registry)),
        *_calendar(clock),
        _result(clock),
        _line(api.EXPLANATION_PART_EXPIRY, words.EXPIRY.zh.format(rule.expiry.zh), words.EXPIRY.en.format(rule.expiry.en)),
        *_would_change(clock, rule),
    ]


def _line(part: int, zh: str, en: str, version: int = 0) -> api.ExplanationLine:
    return api.ExplanationLine(part=part, zh=zh, en=en, version=version)  # type: ignore[arg-type]


def _rule(rule: Rule, first: Past) -> Lines:
    event = first.event
    basis = event.basis
    length = words.length(event.due.counted) if event.due.HasField("counted") else words.NAMED
    variant = rule.variants.get(basis.variant, Text("", ""))
    yield _line(
        api.EXPLANATION_PART_RULE,
        f"{rule.name.zh}（{rule.id}）：{length.zh}，{words.label(pb.Counting, event.counting).zh}"
        + (f"；适用情形：{variant.zh}" if variant.zh else ""),
        f"{rule.name.en} ({rule.id}): {length.en}, counted as {words.label(pb.Counting, event.counting).en}"
        + (f"; {variant.en}" if variant.en else ""),
        first.version,
    )
    on = to_date(basis.law_effective_on)
    version = next((version for version in rule.versions if version.effective_on == on), rule.versions[-1])
    status = words.label(pb.RuleStatus, basis.status)
    yield _line(
        api.EXPLANATION_PART_SOURCE,
        f"依据：{version.article.zh}，适用{on}起的版本（{status.zh}）",
        f"source: {version.article.en}, in the version of {on} ({status.en})",
        first.version,
    )
    if basis.setting_uscc:
        since = to_date(basis.setting_effective_on)
        yield _line(
            api.EXPLANATION_PART_SOURCE,
            f"该数值由机构{basis.setting_uscc}自{since}起自行设定",
            f"the number is the own setting of agency {basis.setting_uscc} since {since}",
            first.version,
        )


def _trigger(rule: Rule, first: Past, registry: Registry) -> Lines:
    event = first.event
    at = words.instant(to_datetime(event.triggered_at))
    name = event.trigger.rpartition(".")[2]
    zh, en = rule.trigger.zh, rule.trigger.en
    if event.trigger and registry.knows(event.trigger):
        title = registry.message_class(event.trigger).DESCRIPTOR.GetOptions().Extensions[options_pb2.title]
        zh, en = f"{zh}（{title}）", f"{en} ({name})"
    yield _line(api.EXPLANATION_PART_TRIGGER, f"起算事由：{zh}，{at}", f"started by: {en}, {at}", first.version)
    if event.liberty_restricted:
        yield _line(api.EXPLANATION_PART_TRIGGER, words.HELD.zh, words.HELD.en, first.version)


def _steps(of: Past, due: pb.Due) -> Lines:
    for step in due.steps:
        yield _line(api.EXPLANATION_PART_STEP, tell(step, CHINESE), tell(step, ENGLISH), of.version)


def _history(rule: Rule, of: Past, registry: Registry) -> Lines:
    event = of.event
    told = words.history(rule, event)
    if isinstance(event, pb.DeadlineWaived) and registry.knows(event.basis):
        # What it stood for ended with an event, which is said by its label.
        told = words.moot(registry.message_class(event.basis).DESCRIPTOR)
    yield _line(api.EXPLANATION_PART_HISTORY, told.zh, told.en, of.version)
    if isinstance(event, pb.DeadlineResumed | pb.DeadlineExtended | pb.DeadlineReset | pb.DeadlineRecomputed):
        yield from _steps(of, event.due)


def _calendar(clock: Deadline) -> Lines:
    if clock.due is None or clock.counting in {pb.COUNTING_HOURS, pb.COUNTING_CALENDAR_DAYS}:
        return
    version, days = clock.due.calendar_version, clock.due.special_days
    yield _line(
        api.EXPLANATION_PART_CALENDAR,
        f"工作日日历{version}；" + ("、".join(words.special(day).zh for day in days) if days else "计算未遇放假或者调休日"),
        f"calendar of working days {version}; "
        + (", ".join(words.special(day).en for day in days) if days else "no holiday or exchanged day was met"),
    )


def _result(clock: Deadline) -> api.ExplanationLine:
    status = words.label(api.DeadlineStatus, clock.status)
    if clock.due is None:
        left = words.length(clock.remaining or pb.Length())
        return _line(api.EXPLANATION_PART_RESULT, f"{status.zh}，剩余{left.zh}", f"{status.en}, {left.en} left")
    end = words.end(clock.due)
    provisional = words.PROVISIONAL if clock.due.provisional else words.FINAL
    return _line(
        api.EXPLANATION_PART_RESULT,
        f"{end.zh}届满（{status.zh}）；{provisional.zh}",
        f"it ends {end.en} ({status.en}); {provisional.en}",
    )


def _would_change(clock: Deadline, rule: Rule) -> Lines:
    part = api.EXPLANATION_PART_WOULD_CHANGE
    if not clock.open:
        return
    if clock.due is not None and clock.due.provisional:
        yield _line(part, words.CALENDAR.zh, words.CALENDAR.en)
    for extension in rule.extensions:
        left = extension.times - clock.extensions.count(extension.id)
        if left > 0:
            by = words.length(extension.length) if extension.length is not None else words.NAMED
            zh = f"可延长（{extension.id}）：{by.zh}，尚可{left}次；{extension.ground.zh}"
            yield _line(part, zh, f"extension {extension.id}: {by.en}, {left} left; {extension.ground.en}")
    for reason in sorted(rule.pauses):
        text = words.label(pb.PauseReason, reason)
        yield _line(part, f"可中止：{text.zh}", f"it may stand still: {text.en}")
    for cause, times in sorted(rule.resets.items()):
        text, left = words.label(pb.ResetCause, cause), times - clock.resets.count(cause)
        if left > 0:
            yield _line(part, f"重新计算：{text.zh}，尚可{left}次", f"counted anew: {text.en}, {left} left")
    if rule.custody == BY_CASE:
        yield _line(part, words.CUSTODY.zh, words.CUSTODY.en)


def past_of(deadline_id: str, events: Sequence[Past]) -> list[Past]:
    """The events of one clock."""
    return [each for each in events if _names(each.event) == deadline_id]


def _names(event: Message) -> str:
    return str(getattr(event, "deadline_id", ""))
