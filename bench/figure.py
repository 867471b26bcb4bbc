"""Figures: a value, the other side that was measured in the same run, and the bar between them."""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

AT_LEAST, AT_MOST = ">=", "<="


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach: its ratio where it has one, else its value."""

    sign: str
    limit: float

    def holds(self, measured: float) -> bool:
        """Whether the bar is reached."""
        return measured >= self.limit if self.sign == AT_LEAST else measured <= self.limit

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `against` is the value of the other side, in the same unit."""

    name: str
    value: float
    unit: str
    bar: Bar
    against: float | None = None

    @property
    def ratio(self) -> float | None:
        """The value in units of the other side."""
        return self.value / self.against if self.against else None

    @property
    def holds(self) -> bool:
        """Whether the bar is reached."""
        return self.bar.holds(self.value if self.ratio is None else self.ratio)

    def as_json(self) -> str:
        """One JSON line."""
        line = {"name": self.name, "value": self.value, "unit": self.unit, "against": self.against, "ratio": self.ratio}
        return json.dumps({key: round(item, 3) if isinstance(item, float) else item for key, item in line.items()})

    def as_row(self) -> str:
        """One line of the table."""
        against = "" if self.against is None else f"{self.against:,.4g}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = "ok" if self.holds else "MISSED"
        return f"{self.name:34} {self.value:>12,.4g} {self.unit:9} {against:>12} {ratio:>7} {self.bar!s:>9}  {verdict}"


HEADING = f"{'figure':34} {'value':>12} {'unit':9} {'against':>12} {'ratio':>7} {'bar':>9}"


def in_turn(sides: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """The median of each side, measured in turn, so that whatever else the machine does falls on all of them."""
    measured: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        # Each round begins with another side: what warms up or wears out falls on no side alone.
        for place in range(len(sides)):
            side = (number + place) % len(sides)
            measured[side].append(sides[side]())
    return [statistics.median(values) for values in measured]


def rate(work: Callable[[int], Any], workers: int, total: int) -> float:
    """How many times a second `workers` threads do the work, `total` times in all; each call gets its number."""
    shares: list[Iterator[int]] = [iter(range(worker, total, workers)) for worker in range(workers)]

    def run(share: Iterator[int]) -> None:
        for number in share:
            work(number)

    with ThreadPoolExecutor(workers) as pool:
        began = time.perf_counter()
        list(pool.map(run, shares))
        return total / (time.perf_counter() - began)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
