"""What an agency reads: made from the event and its duty alone, never from live state, and without a personal value.

A text says what happened by the event's label, in which case by its pseudonymous id, and what to do; the content is read
with the reader's own rights.
"""

import re
from datetime import datetime, time, timedelta
from typing import Any

from guanhu.notify.v1 import obligation_events_pb2 as obligations
from guanhu.options.v1 import options_pb2
from services.kernel.dates import to_datetime
from services.kernel.deadline_rules import RULES
from services.kernel.decision import CHINA_STANDARD_TIME
from services.notify.duties import Owing

_LEADS = {
    obligations.OBLIGATION_KIND_HANDOFF: ("移送", "Hand-off"),
    obligations.OBLIGATION_KIND_ANSWER: ("回复", "Answer"),
    obligations.OBLIGATION_KIND_SUBSCRIPTION: ("订阅", "Subscription"),
    obligations.OBLIGATION_KIND_ESCALATION: ("送达异常", "Delivery alert"),
    obligations.OBLIGATION_KIND_DEADLINE: ("期限", "Deadline"),
}


def render(event: Any, owing: Owing, case_id: str) -> tuple[str, str]:
    """The Chinese and the English text."""
    title = event.DESCRIPTOR.GetOptions().Extensions[options_pb2.title]
    name = " ".join(re.findall("[A-Z][a-z]+", event.DESCRIPTOR.name)).capitalize()
    lead_zh, lead_en = _LEADS[owing.kind]
    if owing.handoff_id:
        lead_zh, lead_en = f"{lead_zh} {owing.handoff_id}", f"{lead_en} {owing.handoff_id}"
    zh, en = f"【观护·{lead_zh}】{title}。", f"[Guanhu: {lead_en}] {name}. "
    clock_zh, clock_en = _clock(event)
    zh, en = zh + clock_zh, en + clock_en
    if owing.kind == obligations.OBLIGATION_KIND_ESCALATION:
        zh += f"机构 {owing.from_uscc} 未能送达或逾期未签收，相关工作仍由贵单位承担。"
        en += f"Agency {owing.from_uscc} could not be told or did not acknowledge; the work is still yours. "
    elif owing.from_uscc:
        zh += f"来自机构 {owing.from_uscc}。"
        en += f"From agency {owing.from_uscc}. "
    if case_id:
        zh += f"案件 {case_id}。"
        en += f"Case {case_id}. "
    if owing.acknowledge_by is not None:
        zh += f"请于 {_moment(owing.acknowledge_by)} 前签收。"
        en += f"Acknowledge before {_moment(owing.acknowledge_by)} (China Standard Time). "
    return zh + "具体内容请凭本机构权限登录系统查看。", en + "Read the content in the system with your own rights."


def _clock(event: Any) -> tuple[str, str]:
    """Which clock an event is about, by the law page's name of its rule, and when it ends; nothing for other events."""
    rule = RULES.get(getattr(event, "deadline_id", "").partition("#")[0])
    if rule is None:
        return "", ""
    holder = event if "due_at" in event.DESCRIPTOR.fields_by_name else getattr(event, "due", None)
    if holder is None or not holder.HasField("due_at"):
        return f"{rule.name.zh}（{rule.id}）。", f"{rule.name.en.capitalize()} ({rule.id}). "
    end = _end(to_datetime(holder.due_at))
    return f"{rule.name.zh}（{rule.id}），{end} 届满。", f"{rule.name.en.capitalize()} ({rule.id}), ends {end}. "


def _end(at: datetime) -> str:
    """An end of a period: a day that is over at midnight ends at 24:00."""
    local = at.astimezone(CHINA_STANDARD_TIME)
    if local.time() == time():
        return f"{local.date() - timedelta(days=1)} 24:00"
    return _moment(at)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d %H:%M}"
