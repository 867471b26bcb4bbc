"""`run.py load`: drives the whole main job at a steady rate, then proves that nothing was lost, doubled or torn.

Cases begin at a steady pace whatever the services do; each goes its way as its agencies do, one call after the answer to the
one before. The rate is in events a second, which is what the services are sized by.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
import psycopg

from bench import databases
from bench.caller import Caller, calling
from bench.figure import percentile
from bench.stories import AUDITOR, Tally, play, register
from bench.workload import Story, Workload
from guanhu.audit.v1 import audit_service_pb2 as audit
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from guanhu.types.v1 import types_pb2
from services.demo.process import ServiceProcess
from services.kernel.clock import SystemClock
from services.kernel.devauthority import DevAuthority

SEED = 17
# Events that a story comes to on average, those of the policies included; measured at the start and printed at the end.
SAMPLE = 5
CATCH_UP_S = 60.0
PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")
ONCE = {
    referrals.ReferralSubmitted.DESCRIPTOR.full_name,
    referrals.ReferralClosed.DESCRIPTOR.full_name,
    investigations.InvestigationCommissioned.DESCRIPTOR.full_name,
    investigations.ReportAdopted.DESCRIPTOR.full_name,
    investigations.InvestigationClosed.DESCRIPTOR.full_name,
}


def main() -> int:
    """Loads a process of its own; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(prog="run.py load", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="events a second (default: 200)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long (default: 30)")
    options = parser.parse_args()
    with databases.server() as server, tempfile.TemporaryDirectory() as folder:
        process = ServiceProcess(server.url, Path(folder))
        process.start()
        try:
            authority = DevAuthority.create_or_load(Path(folder) / "authority", SystemClock())
            whole = asyncio.run(run(process.address, authority, server.url, options.rate, options.seconds))
        finally:
            process.terminate()
        whole &= prove(process.fsck())
    return 0 if whole else 1


async def run(address: str, authority: DevAuthority, url: str, rate: float, seconds: float) -> bool:
    """Loads, prints what was achieved, reconciles."""
    workload = Workload(SEED)
    async with calling(address, authority) as caller:
        await register(caller, workload)
        each = await events_of_a_story(caller, workload, url)
        pace, count = rate / each, round(seconds * rate / each)
        print(f"{count} cases of about {each:.0f} events, {pace:.1f} begun a second for {seconds:.0f} s", flush=True)
        before, began = events(url), time.perf_counter()
        tally = await load(caller, [workload.story(SAMPLE + number) for number in range(count)], pace)
        took = time.perf_counter() - began
        achieved = (events(url) - before) / took
        print(
            f"achieved {achieved:.0f} events/s and {len(tally.seconds) / took:.0f} commands/s of agencies over {took:.0f} s;"
            f" {len(tally.finished)} of {count} cases finished"
        )
        milliseconds = [f"p{share * 100:.0f} {percentile(tally.seconds, share) * 1_000:.1f} ms" for share in (0.5, 0.95, 0.99)]
        print(f"commands: {', '.join(milliseconds)}; {tally.shed} sent away and repeated, {len(tally.errors)} errors")
        for error in sorted(set(tally.errors))[:10]:
            print(f"  {error}")
        wrong = await reconcile(caller, url, tally.finished)
    print(f"reconciled: {len(tally.finished)} referrals, {len(wrong)} without exactly one whole history")
    for line in wrong[:10]:
        print(f"  {line}")
    return not tally.errors and not wrong and len(tally.finished) == count


async def load(caller: Caller, stories: Sequence[Story], pace: float) -> Tally:
    """Begins the stories at a pace and waits until all have ended."""
    tally, began = Tally(), time.perf_counter()

    async def one(number: int, story: Story) -> None:
        await asyncio.sleep(max(0.0, began + number / pace - time.perf_counter()))
        await play(caller, story, tally)

    await asyncio.gather(*(one(number, story) for number, story in enumerate(stories)))
    return tally


async def events_of_a_story(caller: Caller, workload: Workload, url: str) -> float:
    """How many events a story comes to, from a few that are played first; they warm the services up as well."""
    before, tally = events(url), Tally()
    for number in range(SAMPLE):
        await play(caller, workload.story(number), tally)
    await caught_up(url)
    if tally.errors:
        raise SystemExit(f"the workload is refused: {tally.errors[0]}")
    return (events(url) - before) / SAMPLE


async def reconcile(caller: Caller, url: str, stories: Sequence[Story]) -> list[str]:
    """What is wrong with the histories: every referral that was sent has exactly one, and it is whole."""
    await caught_up(url)
    wrong = []
    for story in stories:
        request = audit.GetHistoryRequest(case_id=story.case_id, page_size=2_000, purpose=PURPOSE)
        try:
            answer = audit.GetHistoryResponse.FromString(await caller.ask("audit", "GetHistory", request, AUDITOR))
        except grpc.aio.AioRpcError as error:
            wrong.append(f"{story.referral_id}: {error.code().name}")
            continue
        types = [entry.type for entry in answer.entries]
        if any(types.count(name) != 1 for name in ONCE):
            wrong.append(f"{story.referral_id}: not one of each of {len(ONCE)} events")
        elif len(answer.entries) < len(story.calls):
            wrong.append(f"{story.referral_id}: {len(answer.entries)} events for {len(story.calls)} commands")
    return wrong


async def caught_up(url: str) -> None:
    """Waits until audit holds everything and no policy has anything left to do."""
    ends = time.monotonic() + CATCH_UP_S
    query = """
        select (select count(*) from intake.events) + (select count(*) from social_investigation.events)
            = (select count(*) from audit.evidence)
    """
    quiet = 0
    with psycopg.connect(url, autocommit=True) as conn:
        while quiet < 5 and time.monotonic() < ends:
            found = conn.execute(query).fetchone()
            quiet = quiet + 1 if found and found[0] else 0
            await asyncio.sleep(0.1)


def events(url: str) -> int:
    """Events in all journals."""
    with psycopg.connect(url) as conn:
        query = "select (select count(*) from intake.events) + (select count(*) from social_investigation.events)"
        found = conn.execute(query).fetchone()
    return int(found[0]) if found else 0


def prove(checked: "subprocess.CompletedProcess[str]") -> bool:
    """Prints what fsck says; whether it found everything whole."""
    print(f"fsck: {checked.stdout.strip().splitlines()[-1] if checked.stdout.strip() else checked.stderr.strip()[-300:]}")
    return checked.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
