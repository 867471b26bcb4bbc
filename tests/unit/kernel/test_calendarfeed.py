"""The iCalendar text, read back by an independent parser."""

from datetime import date, datetime, timedelta
from typing import Any

import icalendar

from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel import calendarfeed
from services.kernel.deadlinelist import DeadlineLine
from tests.unit.kernel.clocks import OWNER, at

STREAM = "case-00000000-0000-0000-0000-000000000001"


def line(rule_id: str, due_at: datetime | None, due_on: date | None = None, *, provisional: bool = False) -> DeadlineLine:
    status = api.DEADLINE_STATUS_RUNNING if due_at else api.DEADLINE_STATUS_PAUSED
    return DeadlineLine(STREAM, rule_id, "case", rule_id, status, OWNER, due_at, due_on, provisional, b"", False)


def events(*lines: DeadlineLine) -> list[Any]:
    content = calendarfeed.feed("intake", lines, at("2026-03-02 09:00"))
    assert all(len(part) <= calendarfeed.LINE_OCTETS_MAX for part in content.split(b"\r\n"))
    assert content.count(b"\n") == content.count(b"\r\n")
    return icalendar.Calendar.from_ical(content).walk("VEVENT")


def test_a_day_clock_fills_its_last_day_and_an_hour_clock_stands_at_its_instant() -> None:
    day, hour = events(
        line("DL-PROS-1M", at("2026-04-03 00:00"), date(2026, 4, 2)), line("DL-QUEST-12H", at("2026-03-02 21:00:30"))
    )
    assert (day["DTSTART"].dt, day["DTEND"].dt) == (date(2026, 4, 2), date(2026, 4, 3))
    assert hour["DTSTART"].dt == at("2026-03-02 21:00:30")
    assert str(day["SUMMARY"]) == "审查起诉期限届满（DL-PROS-1M）"
    assert str(hour["DESCRIPTION"]).splitlines() == ["案件 case", f"{STREAM} DL-QUEST-12H"]
    [alarm] = day.walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(days=-1)


def test_a_provisional_date_is_tentative_and_a_clock_that_stands_still_has_no_entry() -> None:
    [only] = events(line("DL-PROS-1M", at("2027-01-05 00:00"), date(2027, 1, 4), provisional=True), line("DL-TRIAL", None))
    assert str(only["STATUS"]) == "TENTATIVE"
    assert "暂定" in str(only["SUMMARY"])


def test_the_same_clock_keeps_its_uid_when_its_date_moves() -> None:
    [before] = events(line("DL-PROS-1M", at("2026-04-03 00:00"), date(2026, 4, 2)))
    [after] = events(line("DL-PROS-1M", at("2026-04-18 00:00"), date(2026, 4, 17)))
    assert before["UID"] == after["UID"]
