"""The sheet beside F5: what the adult observed. It stays with the adult's organisation and never goes into the case file."""

from datetime import datetime
from typing import Any

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult.papers.gathered import Gathered
from services.appropriate_adult.papers.terms import NOTHING, clock, term
from services.kernel.dates import to_datetime
from services.paper.form import Block, Closing, Facts, Form, Heading, Line, Paragraph
from services.paper.wording import chinese_date, day_of, one_line, paragraphs

TITLE = "合适成年人观察记录"
KEPT = "本记录由合适成年人所在单位保存，不入案卷。"


def build(gathered: Gathered) -> Form:
    """The sheet of everything that was observed in the session so far."""
    issued, plan = gathered.issued, gathered.plan
    at = _last_act(gathered)
    name = gathered.name_of(issued.adults[0].adult_id)
    rows = (
        ("未成年人", gathered.minor_reference),
        ("到场事由", term("AttendancePurpose", plan.session.purpose)),
        ("地点", one_line(plan.place) or NOTHING),
        ("场次时间", clock(to_datetime(plan.session.planned_from))),
        ("合适成年人", name),
    )
    observed = gathered.in_session(events.ObservationsRecorded)
    texts = [line for event in observed for line in paragraphs(event.observations)]
    blocks: tuple[Block, ...] = (
        Facts(rows),
        Heading("观察情况"),
        *(Paragraph(text) for text in texts or [NOTHING]),
        Closing(KEPT, (Line("合适成年人", name),), issued.organ_name, chinese_date(day_of(at))),
    )
    return Form(issued.organ_name, TITLE, "", "", issued.organ_name, day_of(at), blocks)


def _last_act(gathered: Gathered) -> datetime:
    # What was observed bears no time of its own: the sheet is dated by the last act of the session before it.
    acts: list[Any] = [
        found.event
        for found in gathered.opened
        if getattr(found.event, "session_id", "") == gathered.issued.session_id and hasattr(found.event, "at")
    ]
    return to_datetime(acts[-1].at)
