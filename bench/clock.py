"""How the scheduler stands 100 000 due points and a burst of 10 000 in one minute. Prints one JSON line a figure.

Run: python -m bench.clock [points] [burst]
"""

import json
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from guanhu.journal.v1 import record_pb2
from services.kernel import postgres
from services.kernel.clock import SystemClock
from services.kernel.dates import from_datetime, to_datetime
from services.kernel.deadline_start import set_clock
from services.kernel.journal import Append
from tests.fault.clockwork import Clockwork, FakeClock
from tests.unit.kernel.clocks import OWNER

POINTS, BURST = 100_000, 10_000
POINTS_OF_A_TRIAL = 5
LOOKS = 200
BATCH = 500
NEXT_DUE_MS_MAX, BURST_SECONDS_MAX, LAG_SECONDS_MAX = 5.0, 60.0, 1.0
# Hour clocks that end one after the other while the scheduler's thread runs by the real clock.
LIVE, LIVE_SPREAD = 40, timedelta(seconds=8)
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def main() -> int:
    """Measures; fails when a bar is missed."""
    points, burst = (int(text) for text in (*sys.argv[1:], *map(str, (POINTS, BURST)[len(sys.argv) - 1 :])))
    missed = 0
    for name, value, unit, bar in figures(points, burst):
        print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "bar": bar}), flush=True)
        missed += bar is not None and value > bar
    return 1 if missed else 0


def figures(points: int, burst: int) -> Iterator[tuple[str, float, str, float | None]]:
    """Name, value, unit and what the value must not exceed."""
    with tempfile.TemporaryDirectory(prefix="guanhu-bench-") as name:
        folder = Path(name)
        # As root the server has a user of its own, who must be able to enter.
        folder.chmod(0o755)
        with postgres.opened("", folder / "postgres") as url, postgres.pool(url, min_size=4, max_size=24) as pool:
            yield (
                "hour_clock_lag_max",
                lag(Clockwork(pool, f"bench_{uuid.uuid4().hex[:8]}", SystemClock())),
                "s",
                LAG_SECONDS_MAX,
            )
            clock = FakeClock(START)
            works = Clockwork(pool, f"bench_{uuid.uuid4().hex[:8]}", clock)
            began = time.perf_counter()
            fill(works, "DL-TRIAL", [START] * (points // POINTS_OF_A_TRIAL))
            works.view.follower.drain()
            yield "points_scheduled", time.perf_counter() - began, "s", None
            looks = [timed(works.scheduler.next_due) for _ in range(LOOKS)]
            yield "next_due_median", 1_000 * statistics.median(looks), "ms", NEXT_DUE_MS_MAX
            yield "next_due_p99", 1_000 * sorted(looks)[int(0.99 * LOOKS)], "ms", NEXT_DUE_MS_MAX
            # Summonses that began at instants spread over one minute end twelve hours later, in the same order.
            fill(works, "DL-QUEST-12H", [START + timedelta(seconds=60 * number / burst) for number in range(burst)])
            works.view.follower.drain()
            clock.move(timedelta(hours=12, minutes=1))
            works.view.follower.start()
            began = time.perf_counter()
            passed = 0
            while passed < burst:
                passed += works.scheduler.step(clock.now())
            seconds = time.perf_counter() - began
            works.view.follower.stop()
            yield "burst_passed", seconds, "s", BURST_SECONDS_MAX
            yield "burst_rate", burst / seconds, "points/s", None
            yield "burst_out_of_order", float(out_of_order(works, burst)), "points", 0.0
            works.journal.close()


def lag(works: Clockwork) -> float:
    """Seconds between the end of an hour clock and the record of it, at the worst; scheduler and view run as in service."""
    first = works.clock.now() + timedelta(seconds=4)
    ends = [first + LIVE_SPREAD * number / LIVE for number in range(LIVE)]
    fill(works, "DL-QUEST-12H", [end - timedelta(hours=12) for end in ends], recorded_at=works.clock.now())
    works.view.follower.start()
    works.scheduler.start()
    works.journal.wait(2 * LIVE - 1, 60.0)
    works.scheduler.stop()
    works.view.follower.stop()
    rows = works.journal.select("where type = %s order by position", "guanhu.deadline.v1.DeadlineExpired")
    assert len(rows) == LIVE
    headers = [record_pb2.Header.FromString(row.header) for row in rows]
    works.journal.close()
    return max((to_datetime(h.recorded_at) - to_datetime(h.occurred_at)).total_seconds() for h in headers)


def fill(works: Clockwork, rule_id: str, instants: Sequence[datetime], recorded_at: datetime = START) -> None:
    """Appends clocks, each in a stream of its own."""
    drafts = [set_clock({}, rule_id, at, owner=OWNER) for at in instants]
    at = from_datetime(recorded_at)
    header = record_pb2.Header(
        recorded_at=at,
        occurred_at=at,
        actor=record_pb2.Actor(agency=OWNER),
        basis=record_pb2.LegalBasis(rule_id=rule_id),
        request_id=str(uuid.uuid4()),
        schema_sha256=works.codec.schema_sha256,
    )
    for first in range(0, len(drafts), BATCH):
        batch = []
        for event in drafts[first : first + BATCH]:
            key = str(uuid.uuid4())
            draft = works.codec.draft(event, f"case-{key}", 1, header)
            batch.append(Append(f"case-{key}", 0, (draft,), OWNER, key, b"h" * 32))
        works.journal.append_many(batch)


def timed(work: object) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def out_of_order(works: Clockwork, burst: int) -> int:
    """Lapses that were recorded behind a later one, or are missing."""
    happened = works.happened()
    behind = sum(1 for before, after in zip(happened, happened[1:], strict=False) if after < before)
    return behind + abs(burst - len(happened))


if __name__ == "__main__":
    sys.exit(main())
