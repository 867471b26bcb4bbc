"""Plays stories of the workload through the API, as all their agencies."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import grpc

from bench.caller import Caller, calling
from bench.workload import Call, Identity, Story, Workload
from guanhu.command.v1 import command_pb2
from guanhu.intake.v1 import intake_service_pb2 as intake
from services.kernel.devauthority import DevAuthority
from services.kernel.rpc import reason_of

OPERATOR = Identity("", "", "")
AUDITOR = Identity("11110000000000104Q", "auditor", "AUDITOR")
# The policy that drafts the commission works behind the referral: how often its result is asked for.
ASKED_EVERY_S = 0.05
ASKED_MAX_S = 30.0
# A caller that is told to come back does so, this often at most.
REPEATS_MAX = 20


@dataclass
class Tally:
    """What became of the calls."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    shed: int = 0
    finished: list[Story] = field(default_factory=list)
    acknowledged: int = 0


async def register(caller: Caller, workload: Workload) -> None:
    """Puts the agencies of the workload into the directory."""
    for agency in workload.agencies():
        head = command_pb2.CommandHead(request_id=str(uuid.uuid4()))
        await caller.ask("intake", "RegisterAgency", intake.RegisterAgencyRequest(head=head, agency=agency), OPERATOR)


async def play(caller: Caller, story: Story, tally: Tally) -> None:
    """Plays one story to its end, or to its first error."""
    for call in story.calls:
        if not await _acknowledged(caller, call, tally):
            return
        tally.acknowledged += 1
    tally.finished.append(story)


async def _acknowledged(caller: Caller, call: Call, tally: Tally) -> bool:
    first = time.perf_counter()
    for _ in range(REPEATS_MAX):
        while True:
            began = time.perf_counter()
            try:
                await caller.send(call)
            except grpc.aio.AioRpcError as error:
                # Not an error: the draft is on its way.
                drafted_later = reason_of(error) == "INVESTIGATION_UNKNOWN"
                if drafted_later and time.perf_counter() - first < ASKED_MAX_S:
                    await asyncio.sleep(ASKED_EVERY_S)
                    continue
                if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    tally.shed += 1
                    break
                tally.errors.append(f"{call.method}: {error.code().name} {error.details()}")
                return False
            tally.seconds.append(time.perf_counter() - began)
            return True
        await asyncio.sleep(1.0)
    tally.errors.append(f"{call.method}: sent away {REPEATS_MAX} times")
    return False


def play_all(address: str, authority: DevAuthority, workload: Workload, stories: Sequence[Story]) -> Tally:
    """Registers the agencies and plays stories, four at a time."""
    tally = Tally()

    async def run() -> None:
        async with calling(address, authority) as caller:
            await register(caller, workload)
            waiting = iter(stories)

            async def one_after_the_other() -> None:
                for story in waiting:
                    await play(caller, story, tally)

            await asyncio.gather(*(one_after_the_other() for _ in range(4)))

    asyncio.run(run())
    return tally
