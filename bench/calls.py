"""What a durable command costs against a call that does nothing, how long it takes, and whether a long log makes it dearer."""

import asyncio
import statistics
import tempfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg

from bench import databases
from bench.appending import HEADER, PAYLOAD
from bench.caller import Caller, calling, closed_loop, open_loop
from bench.figure import AT_LEAST, AT_MOST, Bar, Figure, percentile
from bench.serve import EMPTY
from bench.stories import register
from bench.workload import Call, Story, Workload
from services.demo.process import ServiceProcess
from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority

CLIENTS = 32
ROUNDS = 3
COMMANDS = 1_000
STEADY_RATE = 200.0
STEADY_COMMANDS = 3_000
SMALL_LOG, LARGE_LOG = 10_000, 1_000_000


def figures() -> Iterator[Figure]:
    """The figures of calls, on a log of ten thousand and of a million events."""
    with databases.server() as server, service(server.url, SMALL_LOG, "small") as small:
        yield from asyncio.run(cost(small))
        with service(server.url, LARGE_LOG, "large") as large:
            yield asyncio.run(growth(small, large))


@contextmanager
def service(url: str, events: int, name: str) -> Iterator[tuple[ServiceProcess, Path]]:
    """A process of intake alone with the empty method, on a database of its own whose log holds so many events."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(f"create database bench_{name}".encode())
    own = url.replace("/postgres?", f"/bench_{name}?")
    with tempfile.TemporaryDirectory() as folder:
        process = ServiceProcess(own, Path(folder), module=("bench.serve",), settings={"GUANHU_LOG_LEVEL": "INFO"})
        process.start()
        process.terminate()
        fill(own, events)
        process.start()
        try:
            yield process, Path(folder)
        finally:
            process.terminate()


def fill(url: str, events: int) -> None:
    """Puts old events into the journal, ten to a stream, which every follower has taken in already."""
    with psycopg.connect(url) as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute(
            "insert into intake.events (position, stream, version, type, header, payload)"
            " select n, 'filler-' || (n - 1) / 10, 1 + (n - 1) %% 10, 'guanhu.bench.v1.Filled', %s, %s"
            " from generate_series(1, %s) as n",
            [HEADER, PAYLOAD, events],
        )
        # All followers of intake: those whose journal has been empty so far have no position yet.
        conn.execute(
            "insert into intake.positions (follower, source, position) values ('policy:participation', 'intake', 0)"
            " on conflict do nothing"
        )
        conn.execute("update intake.positions set position = %s where source = 'intake'", [events])
        conn.execute(
            "insert into intake.requests (caller, request_id, request_hash, version, position, answer)"
            " select 'filler', n::text, '\\x00', 1, n, '' from generate_series(1, %s) as n",
            [events],
        )
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("vacuum analyze intake.events")
        conn.execute("vacuum analyze intake.requests")


async def cost(running: tuple[ServiceProcess, Path]) -> list[Figure]:
    """A durable command against the empty method, and its time at a steady rate."""
    async with caller_of(running) as (caller, workload):
        stories = iter(await opened(caller, workload, "small", (ROUNDS + 1) * COMMANDS + STEADY_COMMANDS))
        officer = workload.story(0).calls[0].identity
        rates: dict[str, list[float]] = {"command": [], "empty": []}
        for number in range(ROUNDS + 1):
            for side in ("command", "empty") if number % 2 else ("empty", "command"):
                if side == "empty":
                    rate = await closed_loop(lambda _: caller.raw(officer, f"/{EMPTY}/Call", b""), CLIENTS, 2 * COMMANDS)
                else:
                    rate = await submit(caller, [next(stories) for _ in range(COMMANDS)])
                rates[side].append(rate)
        # The first round warms both sides up.
        command, empty = (statistics.median(rates[side][1:]) for side in ("command", "empty"))
        steady = list(stories)
        taken = await open_loop(lambda n: caller.send(submission(steady[n])), STEADY_RATE, STEADY_COMMANDS)
        return [
            Figure("command_vs_empty_rpc", command, "calls/s", Bar(AT_LEAST, 0.5), empty),
            Figure("command_p99_ms", percentile(taken, 0.99) * 1_000, "ms", Bar(AT_MOST, 30)),
        ]


async def growth(small: tuple[ServiceProcess, Path], large: tuple[ServiceProcess, Path]) -> Figure:
    """Time of a command on the large log against the small one, measured in turn."""
    seconds: dict[str, list[float]] = {"small": [], "large": []}
    async with caller_of(small) as (to_small, workload), caller_of(large) as (to_large, _):
        callers = {"small": to_small, "large": to_large}
        stories = {
            name: iter(await opened(caller, workload, f"growth-{name}", (ROUNDS + 1) * COMMANDS))
            for name, caller in callers.items()
        }
        for number in range(ROUNDS + 1):
            for name in sorted(callers, reverse=bool(number % 2)):
                rate = await submit(callers[name], [next(stories[name]) for _ in range(COMMANDS)])
                seconds[name].append(1_000 / rate)
    value, against = (statistics.median(seconds[name][1:]) for name in ("large", "small"))
    return Figure("command_at_1e6_vs_1e4", value, "ms", Bar(AT_MOST, 1.15), against)


@asynccontextmanager
async def caller_of(running: tuple[ServiceProcess, Path]) -> AsyncIterator[tuple[Caller, Workload]]:
    """A caller of a process, with the agencies of the workload registered."""
    process, folder = running
    authority = DevAuthority.create_or_load(folder / "authority", SystemClock())
    workload = Workload(11)
    async with calling(process.address, authority) as caller:
        await register(caller, workload)
        yield caller, workload


async def opened(caller: Caller, workload: Workload, name: str, count: int) -> list[Story]:
    """Stories of their own whose case is opened, so that their referral can be submitted."""
    first = zlib.crc32(name.encode())
    stories = [workload.story(first + number) for number in range(count)]
    for step in ("RegisterPerson", "OpenCase"):
        calls = [next(call for call in story.calls if call.method == step) for story in stories]
        await closed_loop(lambda n, calls=calls: caller.send(calls[n]), CLIENTS, count)  # type: ignore[misc]
    return stories


async def submit(caller: Caller, stories: Sequence[Story]) -> float:
    """Submits the referrals of the stories and returns how many a second."""
    return await closed_loop(lambda n: caller.send(submission(stories[n])), CLIENTS, len(stories))


def submission(story: Story) -> Call:
    """The call that submits a story's referral."""
    return next(call for call in story.calls if call.method == "SubmitReferral")
