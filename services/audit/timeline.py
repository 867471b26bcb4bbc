"""A swim-lane picture of what happened when, as SVG text without any dependency.

Dots carry numbers and the list below carries the words: labels never collide, and the list is the accessible form.
Only presentation attributes are used, so a page that forbids inline styles shows it unchanged.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from services.kernel.decision import CHINA_STANDARD_TIME

# Lengths are in SVG user units, which a browser shows as CSS pixels.
WIDTH = 960
LEFT = 130
RIGHT = 24
AXIS_BASE = 62
DOT_RADIUS = 11
ROW_HEIGHT = 26
LANE_PADDING = 8
LIST_LINE = 22
TICKS_MAX = 8
LIST_UNITS_MAX = 50.0
FONT = "'Noto Sans SC','Microsoft YaHei','PingFang SC',SimHei,sans-serif"
INK, MUTED, PALE, LINE, DOT, WINDOW, NOW = "#1f2328", "#59636e", "#f3f5f7", "#c8ced4", "#1a56a8", "#f2d9a0", "#b3261e"
TICK_STEPS = tuple(timedelta(hours=hours) for hours in (1, 3, 6, 12, 24, 48, 168, 336, 720, 2160, 8760, 43800))
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: `number` is printed in the dot and before the line in the list."""

    lane: str
    at: datetime
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class DueWindow:
    """A period within which something is due in a lane."""

    lane: str
    opens: datetime
    due: datetime
    label: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where instants stand between the left and the right edge."""

    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return LEFT + 20 + share * (WIDTH - LEFT - RIGHT - 40)


def swimlanes(entries: Sequence[Entry], as_of: datetime, due_windows: Sequence[DueWindow] = ()) -> str:
    """The SVG document. Lanes stand in order of first appearance; instants must be aware and are shown in CST."""
    scale = _scale(entries, as_of, due_windows)
    parts: list[str] = []
    top: float = AXIS_BASE
    for lane in dict.fromkeys([*(entry.lane for entry in entries), *(window.lane for window in due_windows)]):
        dots = [entry for entry in entries if entry.lane == lane]
        bars = [(number, window) for number, window in enumerate(due_windows, start=1) if window.lane == lane]
        body, height = _lane(lane, dots, bars, top, scale)
        parts += body
        top += height
    ticks = _ticks(scale, top)
    listing, bottom = _listing(entries, due_windows, top + 34)
    drawing = [*ticks, *_as_of_line(as_of, scale, top), *parts, *listing]
    return _document(drawing, bottom + 12, as_of)


def _document(drawing: Iterable[str], height: float, as_of: datetime) -> str:
    title = f"办理时间线，截至{_day(as_of)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" '
        f'role="img" aria-label={quoteattr(title)} lang="zh-CN" font-family={quoteattr(FONT)} font-size="14" fill="{INK}">'
        f'<title>{escape(title)}</title><rect width="{WIDTH}" height="{height:g}" fill="#ffffff"/>'
        f"{''.join(drawing)}</svg>"
    )


def _scale(entries: Sequence[Entry], as_of: datetime, due_windows: Sequence[DueWindow]) -> _Scale:
    instants = [as_of, *(entry.at for entry in entries)]
    instants += [at for window in due_windows for at in (window.opens, window.due)]
    start, end = min(instants), max(instants)
    if start == end:
        start, end = start - timedelta(hours=12), end + timedelta(hours=12)
    return _Scale(start, end)


def _lane(
    lane: str, dots: Sequence[Entry], bars: Sequence[tuple[int, DueWindow]], top: float, scale: _Scale
) -> tuple[list[str], float]:
    bar_rows = _rows([(scale.x(window.opens), max(scale.x(window.due), scale.x(window.opens) + 34)) for _, window in bars])
    ordered = sorted(dots, key=lambda entry: (entry.at, entry.number))
    dot_rows = _rows([(scale.x(entry.at) - DOT_RADIUS, scale.x(entry.at) + DOT_RADIUS + 2) for entry in ordered])
    bars_below = max(dot_rows, default=-1) + 1
    count = max(bars_below + max(bar_rows, default=-1) + 1, 1)
    height = count * ROW_HEIGHT + 2 * LANE_PADDING
    drawn = [
        f'<line x1="0" y1="{top + height:g}" x2="{WIDTH}" y2="{top + height:g}" stroke="{LINE}"/>',
        *_lane_name(lane, top + height / 2),
    ]
    for row, (number, window) in zip(bar_rows, bars, strict=True):
        drawn.append(_bar(number, window, top + LANE_PADDING + (bars_below + row) * ROW_HEIGHT, scale))
    for row, entry in zip(dot_rows, ordered, strict=True):
        drawn.append(_dot(entry, top + LANE_PADDING + (row + 0.5) * ROW_HEIGHT, scale))
    return drawn, height


def _rows(spans: Sequence[tuple[float, float]]) -> list[int]:
    """For each span the first row in which it overlaps no earlier one."""
    ends: list[float] = []
    rows: list[int] = []
    for left, right in spans:
        row = next((index for index, end in enumerate(ends) if end <= left), len(ends))
        if row == len(ends):
            ends.append(right)
        else:
            ends[row] = right
        rows.append(row)
    return rows


def _lane_name(lane: str, middle: float) -> list[str]:
    lines = _wrapped(lane, 7.5)[:2]
    first = middle + 5 - (len(lines) - 1) * 9
    return [
        f'<text x="12" y="{first + index * 18:g}" font-weight="600">{_text(line)}</text>' for index, line in enumerate(lines)
    ]


def _dot(entry: Entry, y: float, scale: _Scale) -> str:
    x = scale.x(entry.at)
    title = f"{entry.number} {_moment(entry.at)} {entry.lane} {entry.label}"
    size = 12 if entry.number < 100 else 9
    return (
        f'<g><title>{_text(title)}</title><circle cx="{x:.1f}" cy="{y:g}" r="{DOT_RADIUS}" fill="{DOT}"/>'
        f'<text x="{x:.1f}" y="{y + 4:g}" font-size="{size}" fill="#ffffff" text-anchor="middle">{entry.number}</text></g>'
    )


def _bar(number: int, window: DueWindow, top: float, scale: _Scale) -> str:
    left, right = scale.x(window.opens), scale.x(window.due)
    title = f"期限{number} {_day(window.opens)}至{_day(window.due)} {window.lane} {window.label}"
    return (
        f'<g><title>{_text(title)}</title><rect x="{left:.1f}" y="{top + 4:g}" width="{max(right - left, 3):.1f}" '
        f'height="{ROW_HEIGHT - 8}" rx="3" fill="{WINDOW}"/><text x="{left + 5:.1f}" y="{top + 17:g}" font-size="12">'
        f"期{number}</text></g>"
    )


def _ticks(scale: _Scale, bottom: float) -> list[str]:
    span = scale.end - scale.start
    step = next((step for step in TICK_STEPS if span / step <= TICKS_MAX), span / TICKS_MAX)
    start = scale.start.astimezone(CHINA_STANDARD_TIME)
    at = start.replace(hour=0, minute=0, second=0, microsecond=0)
    drawn: list[str] = [f'<rect x="0" y="{AXIS_BASE}" width="{LEFT}" height="{bottom - AXIS_BASE:g}" fill="{PALE}"/>']
    year = None
    while at <= scale.end:
        if at >= scale.start:
            x = scale.x(at)
            text = f"{at.month}月{at.day}日" if step >= timedelta(days=1) else f"{at.day}日{at:%H:%M}"
            if at.year != year:
                text, year = f"{at.year}年{text}", at.year
            drawn.append(
                f'<line x1="{x:.1f}" y1="{AXIS_BASE - 6}" x2="{x:.1f}" y2="{bottom:g}" stroke="{LINE}" stroke-width="0.6"/>'
                f'<text x="{x:.1f}" y="{AXIS_BASE - 12}" font-size="12" fill="{MUTED}" text-anchor="middle">{text}</text>'
            )
        at += step
    return drawn


def _as_of_line(as_of: datetime, scale: _Scale, bottom: float) -> list[str]:
    x = scale.x(as_of)
    # Near an edge the text turns inwards; it has a row of its own above the dates.
    anchor = "end" if x > WIDTH - 120 else "start" if x < LEFT + 120 else "middle"
    return [
        f'<line x1="{x:.1f}" y1="26" x2="{x:.1f}" y2="{bottom:g}" stroke="{NOW}" stroke-width="1.5" stroke-dasharray="5 3"/>'
        f'<text x="{x:.1f}" y="20" font-size="12" fill="{NOW}" text-anchor="{anchor}">截至{_day(as_of)}</text>'
    ]


def _listing(entries: Sequence[Entry], due_windows: Sequence[DueWindow], top: float) -> tuple[list[str], float]:
    ordered = sorted(entries, key=lambda entry: entry.number)
    lines = [(str(entry.number), _moment(entry.at), f"{entry.lane}：{entry.label}") for entry in ordered]
    lines += [
        (f"期{number}", f"{_day(window.due)}届满", f"{window.lane}：{window.label}（{_day(window.opens)}起）")
        for number, window in enumerate(due_windows, start=1)
    ]
    drawn: list[str] = []
    y = top
    for number, moment, words in lines:
        drawn.append(f'<text x="40" y="{y:g}" text-anchor="end" fill="{DOT}" font-weight="600">{number}</text>')
        drawn.append(f'<text x="52" y="{y:g}" fill="{MUTED}">{moment}</text>')
        for line in _wrapped(words, LIST_UNITS_MAX):
            drawn.append(f'<text x="216" y="{y:g}">{_text(line)}</text>')
            y += LIST_LINE
    return drawn, y - LIST_LINE + 8


def _wrapped(text: str, units_max: float) -> list[str]:
    """Lines no wider than the maximum. Units: full-width characters; Latin letters and digits count 0.6."""
    lines, width = [""], 0.0
    for character in " ".join(text.split()):
        unit = 0.6 if ord(character) < 0x2E80 and character not in "“”—…" else 1.0
        if lines[-1] and width + unit > units_max:
            lines.append("")
            width = 0.0
        lines[-1] += character
        width += unit
    return lines


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _moment(at: datetime) -> str:
    local = at.astimezone(CHINA_STANDARD_TIME)
    return f"{local:%Y-%m-%d %H:%M}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(CHINA_STANDARD_TIME):%Y-%m-%d}"
