"""Working days in China: weekends, statutory holidays and the weekend days worked in exchange (调休), as versioned data.

Law: TIM-10. The State Council publishes a calendar late in the year before; until then a year is provisional.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PUBLISHED, PROVISIONAL = "PUBLISHED", "PROVISIONAL"

# Certain in every year, whatever the notice moves around them (month, day); the lunar holidays are not.
_FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are worked; `rest` holds weekdays off, `work` weekend days worked, of the published `years`."""

    version: str
    years: frozenset[int]
    rest: frozenset[date]
    work: frozenset[date]

    @classmethod
    def load(cls, file: Path) -> "WorkingCalendar":
        """Reads a calendar file."""
        content = json.loads(file.read_text(encoding="utf-8"))
        years: Mapping[str, Mapping[str, list[str]]] = content["years"]
        return cls(
            version=content["version"],
            years=frozenset(map(int, years)),
            rest=frozenset(date.fromisoformat(day) for year in years.values() for day in year["rest"]),
            work=frozenset(date.fromisoformat(day) for year in years.values() for day in year["work"]),
        )

    def status(self, year: int) -> str:
        """PUBLISHED, or PROVISIONAL where lunar holidays and exchanged days are still unknown."""
        return PUBLISHED if year in self.years else PROVISIONAL

    def is_working_day(self, day: date) -> bool:
        """Whether a day is worked."""
        if day.year in self.years:
            return day in self.work or (day.weekday() < _SATURDAY and day not in self.rest)
        return day.weekday() < _SATURDAY and (day.month, day.day) not in _FIXED_HOLIDAYS


CHINA = WorkingCalendar.load(Path(__file__).parent / "calendars" / "cn.json")
