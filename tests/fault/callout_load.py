"""A night of call-outs under kill -9: adults accept, decline or stay silent, an organ confirms; and the account afterwards."""

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psycopg

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as assignments
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.audit.v1 import audit_service_pb2 as auditpb
from services.audit import verify_draws
from services.demo.client import Client
from services.demo.process import ServiceProcess
from tests.contract.agencies import CASE_HANDLING, open_case, register_agencies
from tests.contract.callouts import GATEWAY, MANAGER, PROCURATOR, Callouts
from tests.fault.under_load import AGAIN

DECLINE_SHARE, SILENT_SHARE = 0.3, 0.1
ANSWER_SECONDS = 2
HOURS = (8, 13, 18)
ORGANS, PAUSE_S, CALM_S = 4, 0.1, 180.0
_DONE = {assignments.ASSIGNMENT_STATUS_CONFIRMED, assignments.ASSIGNMENT_STATUS_FAILED_NO_ADULT}


class InsistingClient:
    """A client that repeats a call with the same request id until the service answers it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def call(self, *arguments: Any) -> Any:
        """As the client does, again and again while the service is away."""
        while True:
            try:
                return self._client.call(*arguments)
            except grpc.RpcError as error:
                if error.code() not in AGAIN:
                    raise
                time.sleep(0.05)


@dataclass
class Night:
    """The call-outs of one night; `cases` are the cases by their assignments.

    `barren` is a county of a province in which nobody is registered: its searches go up to the province and end.
    """

    service: ServiceProcess
    database_url: str
    counties: list[str]
    barren: str = "920101"
    seed: int = 1
    adults: list[str] = field(default_factory=list)
    cases: dict[str, str] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    kills: int = 0

    @contextlib.contextmanager
    def somebody(self, county: str = "") -> Iterator[Callouts]:
        """Whoever takes part, with a client of the thread's own."""
        with self.service.client() as client:
            yield Callouts(InsistingClient(client), county)  # type: ignore[arg-type]

    def prepare(self, adults_each: int, at_once: int) -> None:
        """Registers the adults of each county; every fourth is on standby."""
        with self.somebody() as desk:
            register_agencies(desk.client)
            desk.set_desk(at_once, ANSWER_SECONDS)

        def register(county: str) -> list[str]:
            with self.somebody(county) as manager:
                return [manager.register(standby=number % 4 == 3) for number in range(adults_each)]

        with ThreadPoolExecutor(ORGANS) as pool:
            self.adults = [adult_id for found in pool.map(register, self.counties) for adult_id in found]

    def run(self, count: int, kills: int) -> None:
        """Calls out for so many sessions at once while the service is killed so often, until every search is over."""
        over = threading.Event()
        threads = [threading.Thread(target=self._answer, args=(over,)), threading.Thread(target=self._kill, args=(kills, over))]
        for thread in threads:
            thread.start()
        try:
            with ThreadPoolExecutor(ORGANS) as pool:
                list(pool.map(lambda share: self._lead(range(share, count, ORGANS)), range(ORGANS)))
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert len(self.cases) == count

    def _lead(self, numbers: range) -> None:
        """The organ: asks, has adults called out, checks, consults and confirms."""
        with self.somebody() as organ:
            mine = []
            for number in numbers:
                organ.county = [*self.counties, self.barren][number % (len(self.counties) + 1)]
                case = open_case(organ.client)
                assignment_id = organ.requested(case=case, hour=HOURS[number % len(HOURS)])
                organ.start(assignment_id)
                self.cases[assignment_id] = case.case_id
                mine.append(assignment_id)
            ends = time.monotonic() + CALM_S
            while mine:
                left = [assignment_id for assignment_id in mine if not self._step(organ, assignment_id)]
                ends = time.monotonic() + CALM_S if len(left) < len(mine) else ends
                assert time.monotonic() < ends, f"{len(left)} searches never end"
                mine = left
                time.sleep(PAUSE_S)

    def _step(self, organ: Callouts, assignment_id: str) -> bool:
        status = organ.assignment(assignment_id).status
        requests: dict[int, tuple[str, Any]] = {
            assignments.ASSIGNMENT_STATUS_PROPOSED: ("RunConflictCheck", assignments.RunConflictCheckRequest()),
            assignments.ASSIGNMENT_STATUS_CHECKED: ("ConsultMinor", assignments.ConsultMinorRequest(accepts=True)),
            assignments.ASSIGNMENT_STATUS_CONSULTED: ("ConfirmAdult", assignments.ConfirmAdultRequest()),
        }
        if status in requests:
            name, request = requests[status]
            request.assignment_id = assignment_id
            # The candidate may be gone meanwhile, or the calendar not have answered yet.
            self._tolerate("FAILED_PRECONDITION", lambda: organ.adult(name, request, PROCURATOR))
        return status in _DONE

    def _answer(self, over: threading.Event) -> None:
        """The adults: each decides once about an offer; what the offer decides is the offer's id."""
        seen: set[str] = set()
        listing = api.ListOfferLinksRequest(purpose=CASE_HANDLING, page_size=200)
        with self.somebody() as adults:
            while not over.is_set():
                for link in adults.call("callout", "ListOfferLinks", listing, GATEWAY).links:
                    if link.offer_id in seen:
                        continue
                    seen.add(link.offer_id)
                    fate = random.Random(f"{self.seed}{link.offer_id}").random()
                    if fate < SILENT_SHARE:
                        self.answers["silent"] += 1
                    elif fate < SILENT_SHARE + DECLINE_SHARE:
                        self.answers["declined"] += 1
                        self._tolerate("FAILED_PRECONDITION", lambda token=link.token: adults.decline(token))
                    else:
                        self.answers["accepted"] += 1
                        self._tolerate("FAILED_PRECONDITION", lambda token=link.token: adults.accept(token))
                over.wait(PAUSE_S)

    def _kill(self, kills: int, over: threading.Event) -> None:
        chance = random.Random(self.seed)
        while self.kills < kills and not over.wait(chance.uniform(1.0, 4.0)):
            self.service.kill()
            self.kills += 1
            self.service.start()

    def _tolerate(self, code: str, act: Any) -> None:
        try:
            act()
        except grpc.RpcError as error:
            if error.code().name != code:
                self.unexpected.append(f"{error.code()} {error.details()}")


def assert_accounted_for(night: Night, folder: Path) -> Counter[str]:
    """Every search ended as it must, nobody is double-booked, nothing is parked, and every draw recomputes; the counts."""
    assert night.unexpected == []
    counts: Counter[str] = Counter()
    held: dict[str, list[str]] = {}
    with night.somebody() as organ:
        for assignment_id in night.cases:
            found = organ.until(assignment_id, lambda callout: callout.status in _SETTLED)
            counts["offers"] += len(found.offers)
            counts["rounds"] += len(found.matches)
            if found.status == api.CALLOUT_STATUS_CONFIRMED:
                counts["confirmed"] += 1
                assignment = organ.assignment(assignment_id)
                [winner] = [offer for offer in found.offers if offer.status == api.OFFER_STATUS_CONFIRMED]
                assert (assignment.status, assignment.adult_id) == (assignments.ASSIGNMENT_STATUS_CONFIRMED, winner.adult_id)
                held.setdefault(winner.adult_id, []).append(assignment_id)
            else:
                counts["escalated to the end"] += 1
                assert found.ended.end == events.CALLOUT_END_NOBODY_FOUND
                assert found.HasField("raised") and found.HasField("forwarded")
            counts["escalated"] += found.HasField("raised")
        for adult_id in night.adults:
            query = assignments.GetAdultRequest(adult_id=adult_id, purpose=CASE_HANDLING)
            engaged = organ.adult("GetAdult", query, MANAGER).adult.engagements
            spans = sorted((one.begins_at.seconds, one.ends_at.seconds) for one in engaged)
            overlapping = [pair for pair in zip(spans, spans[1:], strict=False) if pair[1][0] < pair[0][1]]
            assert overlapping == [], f"{adult_id} is in two places"
            assert sorted(one.assignment_id for one in engaged) == sorted(held.get(adult_id, []))
    assert_nothing_parked(night.database_url)
    assert recomputed(night, folder) == counts["rounds"]
    return counts


_SETTLED = {api.CALLOUT_STATUS_CONFIRMED, api.CALLOUT_STATUS_ENDED}


def assert_nothing_parked(database_url: str) -> None:
    """No follower has put a stream aside, and audit has taken everything in."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        assert conn.execute("select follower, stream, reason from appropriate_adult.parked").fetchall() == []
        ends = time.monotonic() + CALM_S
        head = "select max(position) from appropriate_adult.events"
        taken = "select max(position) from audit.positions where source = 'appropriate_adult'"
        while conn.execute(head).fetchone() != conn.execute(taken).fetchone():
            assert time.monotonic() < ends, "audit does not take it in"
            time.sleep(PAUSE_S)


def recomputed(night: Night, folder: Path) -> int:
    """Rounds that a program without our code recomputed from the bundles of all cases, by one run of it."""
    with night.somebody() as organ:
        for case_id in set(night.cases.values()):
            chunks = organ.call("audit", "ExportCase", auditpb.ExportCaseRequest(case_id=case_id, purpose=CASE_HANDLING))
            (folder / f"{case_id}.zip").write_bytes(b"".join(chunk.chunk for chunk in chunks))
    program = [sys.executable, "-I", str(Path(verify_draws.__file__)), *map(str, sorted(folder.glob("*.zip")))]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(done.stdout.split()[1])


def new_counties(count: int, first: int = 910_101) -> list[str]:
    """Codes of counties, ten to a prefecture."""
    return [str(first + 100 * (number // 10) + number % 10) for number in range(count)]
