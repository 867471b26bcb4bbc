"""From a commit in one service to the follower's effect in another; how long a start takes and what a process holds."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from bench import databases
from bench.caller import calling, open_loop
from bench.calls import opened, submission
from bench.figure import AT_MOST, Bar, Figure, percentile
from bench.stories import play_all, register
from bench.workload import Workload
from services.demo.process import ServiceProcess
from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority

RATE = 200.0
COMMANDS = 2_000
STARTS = 3
STORIES = 10
# Commit times, which PostgreSQL keeps where it is told to, of an event and of its evidence in another service.
DELAYS = """
select extract(epoch from pg_xact_commit_timestamp(copy.xmin) - pg_xact_commit_timestamp(event.xmin))
from intake.events event join audit.evidence copy on copy.origin = 'intake' and copy.position = event.position
where event.position > %s
"""


def figures() -> Iterator[Figure]:
    """The figures of following and of a process as a whole."""
    with databases.server() as server, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(server.url, autocommit=True) as conn:
            conn.execute("alter system set track_commit_timestamp = on")
        server.stop()
        server.start()
        process = ServiceProcess(server.url, Path(folder))
        starts = []
        for _ in range(STARTS):
            starts.append(process.start())
            process.terminate()
        process.start()
        try:
            authority = DevAuthority.create_or_load(Path(folder) / "authority", SystemClock())
            yield asyncio.run(feed_latency(process.address, authority, server.url))
            workload = Workload(13)
            play_all(process.address, authority, workload, [workload.story(number) for number in range(STORIES)])
            yield Figure("start_s", statistics.median(starts), "s", Bar(AT_MOST, 4))
            yield Figure("rss_mb", resident_mb(process.pid), "MB", Bar(AT_MOST, 400))
        finally:
            process.terminate()


async def feed_latency(address: str, authority: DevAuthority, url: str) -> Figure:
    """Commit of a command to commit of its evidence, while commands come at a steady rate."""
    workload = Workload(12)
    async with calling(address, authority) as caller:
        await register(caller, workload)
        stories = await opened(caller, workload, "feed", COMMANDS)
        with psycopg.connect(url, autocommit=True) as conn:
            before = conn.execute("select max(position) from intake.events").fetchone()
            assert before is not None
            await open_loop(lambda n: caller.send(submission(stories[n])), RATE, COMMANDS)
            ends = time.monotonic() + 30
            delays: list[float] = []
            while len(delays) < COMMANDS and time.monotonic() < ends:
                delays = [float(row[0]) for row in conn.execute(DELAYS, before)]
    return Figure("feed_latency_p99_ms", percentile(delays, 0.99) * 1_000, "ms", Bar(AT_MOST, 100))


def resident_mb(pid: int) -> float:
    """Memory that a process holds resident."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
