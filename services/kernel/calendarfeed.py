"""The open clocks of an officer as an iCalendar text (RFC 5545). Ids and names of rules only, nothing personal.

Written by hand: a fixed shape of a dozen properties; the tests read it back with an independent parser.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from services.kernel.deadline_rules import RULES
from services.kernel.deadlinelist import DeadlineLine

CONTENT_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"
EVENTS_MAX = 500
LINE_OCTETS_MAX = 75
_ALARM_BEFORE = "-P1D"


def feed(service: str, lines: Iterable[DeadlineLine], now: datetime) -> bytes:
    """The calendar; `now` stamps it."""
    stamp = _utc(now)
    content = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Guanhu//Deadlines//ZH",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_text('观护期限')}",
        *(part for line in lines if line.due_at is not None for part in _event(service, line, line.due_at, stamp)),
        "END:VCALENDAR",
    ]
    return "".join(f"{folded}\r\n" for unfolded in content for folded in _fold(unfolded)).encode()


def _event(service: str, line: DeadlineLine, due_at: datetime, stamp: str) -> Iterator[str]:
    rule = RULES[line.rule_id]
    tentative = "（暂定）" if line.provisional else ""
    yield "BEGIN:VEVENT"
    # The same clock keeps its UID when its date moves, so that calendars move the entry.
    yield f"UID:{_text(f'{service}.{line.stream}.{line.deadline_id}')}@guanhu"
    yield f"DTSTAMP:{stamp}"
    if line.due_on is not None:
        yield f"DTSTART;VALUE=DATE:{line.due_on:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{line.due_on + timedelta(days=1):%Y%m%d}"
    else:
        yield f"DTSTART:{_utc(due_at)}"
        yield f"DTEND:{_utc(due_at)}"
    yield f"SUMMARY:{_text(f'{rule.name.zh}届满{tentative}（{line.rule_id}）')}"
    yield f"DESCRIPTION:{_text(f'案件 {line.case_id}' + chr(10) + f'{line.stream} {line.deadline_id}')}"
    yield f"STATUS:{'TENTATIVE' if line.provisional else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"DESCRIPTION:{_text(rule.name.zh)}"
    yield f"TRIGGER:{_ALARM_BEFORE}"
    yield "END:VALARM"
    yield "END:VEVENT"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """A TEXT value (RFC 5545 §3.3.11)."""
    return value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _fold(line: str) -> Iterator[str]:
    """Lines of 75 octets at most, never broken inside a character (§3.1)."""
    part, octets = "", 0
    for character in line:
        size = len(character.encode())
        if octets + size > LINE_OCTETS_MAX:
            yield part
            part, octets = " ", 1
        part, octets = part + character, octets + size
    yield part
