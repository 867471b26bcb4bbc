"""How fast events are read, folded, served as a history, and projected into a view; each by one thread."""

import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import databases
from bench.appending import HEADER, PAYLOAD, TYPE
from bench.figure import AT_LEAST, AT_MOST, Bar, Figure, in_turn
from bench.stories import AUDITOR, play_all
from bench.workload import Story, Workload
from guanhu.audit.v1 import audit_service_pb2 as audit
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.journal.v1 import record_pb2
from guanhu.social_investigation.v1 import investigation_events_pb2 as investigations
from guanhu.types.v1 import types_pb2
from services.builders import BUILDERS
from services.demo.client import Client
from services.demo.process import free_address
from services.kernel import host, log
from services.kernel.config import Config
from services.kernel.host import Running
from services.kernel.journal import Append, Draft, Journal

ROUNDS = 5
RAW_EVENTS = 200_000
STORIES = 20
FOLDED_EVENTS = 40_000
HISTORY_EVENTS = 2_000
REFERRALS = 5_000
PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")


def figures() -> Iterator[Figure]:
    """The figures of reading."""
    with databases.server() as server:
        with databases.journal(server.url) as journal:
            yield read_raw(journal)
        workload = Workload(7)
        # One state for both: what the first seals under its keys, the second opens.
        with tempfile.TemporaryDirectory() as state:
            with serving(server.url, Path(state)) as running:
                yield from folded(running, workload)
            # Without followers, so that no policy works on the many referrals meanwhile.
            with serving(server.url, Path(state), leads=False) as running:
                yield rebuild(running, workload)


@contextmanager
def serving(url: str, state: Path, *, leads: bool = True) -> Iterator[Running]:
    """Every service in this process."""
    log.configure("WARNING")
    config = Config(listen=free_address(), database_url=url, state_folder=state)
    with host.serving(config, BUILDERS, leads=leads) as running:
        yield running


def read_raw(journal: Journal) -> Figure:
    """Rows of a journal, page by page, as a follower reads them."""
    for start in range(0, RAW_EVENTS, 1_000):
        drafts = tuple(Draft(TYPE, HEADER, PAYLOAD) for _ in range(1_000))
        journal.append(Append(f"filler-{start}", 0, drafts, "agency", str(start), b"hash"))

    def read() -> float:
        began, last = time.perf_counter(), 0
        while rows := journal.read(last, 5_000):
            last = rows[-1].position
        return last / (time.perf_counter() - began)

    return Figure("read_raw", in_turn([read], ROUNDS)[0], "events/s", Bar(AT_LEAST, 80_000))


def folded(running: Running, workload: Workload) -> Iterator[Figure]:
    """Folding and histories over what a few whole cases left."""
    stories = [workload.story(number) for number in range(STORIES)]
    authority, address = running.resources.authority, f"127.0.0.1:{running.port}"
    assert authority is not None
    played = play_all(address, authority, workload, stories)
    assert len(played.finished) == STORIES, played.errors
    yield fold(running)
    with Client(address, authority) as client:
        yield history(running, client, stories[0])


def fold(running: Running) -> Figure:
    """Stored bytes decoded and folded into state, streams of every kind in the mix that cases have."""
    streams: dict[tuple[str, str], list[Any]] = {}
    for name, service in running.services.items():
        if service.journal is not None:
            for row in service.journal.read(0, 100_000):
                streams.setdefault((name, row.stream), []).append(row)
    work = [
        (running.services[name].deciders[stream.partition("-")[0]], running.services[name].codec, rows)
        for (name, stream), rows in streams.items()
    ]

    def run() -> float:
        folded, began = 0, time.perf_counter()
        while folded < FOLDED_EVENTS:
            for decider, codec, rows in work:
                state = decider.initial
                for row in rows:
                    state = decider.evolve(state, codec.clear(row))
                folded += len(rows)
        return folded / (time.perf_counter() - began)

    return Figure("fold", in_turn([run], ROUNDS)[0], "events/s", Bar(AT_LEAST, 40_000))


def history(running: Running, client: Client, story: Story) -> Figure:
    """One answer with all events of a case that has 2 000."""
    journal = running.services["social_investigation"].journal
    assert journal is not None
    stream = f"investigation-{story.investigation_id}"
    rows = journal.read_stream(stream)
    interview = next(row for row in rows if row.type == investigations.InterviewConducted.DESCRIPTOR.full_name)
    drafts = tuple(Draft(interview.type, interview.header, interview.payload) for _ in range(HISTORY_EVENTS))
    journal.append(Append(stream, rows[-1].version, drafts, "bench", str(uuid.uuid4()), b"hash"))
    for follower in running.services["audit"].all_followers():
        follower.wait(follower.feed.head(), 60)
    request = audit.GetHistoryRequest(case_id=story.case_id, page_size=HISTORY_EVENTS, purpose=PURPOSE)

    def ask() -> float:
        began = time.perf_counter()
        answer = client.call("audit", "GetHistory", request, AUDITOR.uscc, AUDITOR.officer, AUDITOR.role)
        assert len(answer.entries) == HISTORY_EVENTS
        return (time.perf_counter() - began) * 1_000

    return Figure("history_2000", in_turn([ask], ROUNDS)[0], "ms", Bar(AT_MOST, 300))


def rebuild(running: Running, workload: Workload) -> Figure:
    """A view of many referrals folded anew, compared with the live one, and switched."""
    service = running.services["intake"]
    assert service.journal is not None
    submit = next(call for call in workload.story(0).calls if call.method == "SubmitReferral")
    content = intake.SubmitReferralRequest.FromString(submit.data).content
    for _ in range(REFERRALS):
        content.referral_id = str(uuid.uuid4())
        append_referral(running, content)
    view = service.views["referrals"]
    view.follower.drain()

    def run() -> float:
        began = time.perf_counter()
        events, differing = view.rebuild(switch=True)
        assert differing == 0
        return events / (time.perf_counter() - began)

    return Figure("rebuild_view", in_turn([run], ROUNDS)[0], "events/s", Bar(AT_LEAST, 10_000))


def append_referral(running: Running, content: referrals.ReferralContent) -> None:
    """A referral from submission to closing with its milestones, straight into the journal."""
    service = running.services["intake"]
    assert service.journal is not None
    own = content.referral_id
    events = [
        referrals.ReferralSubmitted(content=content),
        referrals.ReferralAccepted(referral_id=own, provider=content.to_uscc),
        *(referrals.ReferralMilestoneReported(referral_id=own, milestone=f"Step{n}", aggregate_id=own) for n in range(6)),
        referrals.ReferralClosed(referral_id=own, outcome="已办结"),
    ]
    header = header_of(running)
    stream = f"referral-{own}"
    drafts = tuple(service.codec.draft(event, stream, number, header) for number, event in enumerate(events, start=1))
    service.journal.append(Append(stream, 0, drafts, "bench", own, b"hash"))


def header_of(running: Running) -> Any:
    """The header of an event that the benchmark itself records."""
    header = record_pb2.Header(request_id=str(uuid.uuid4()), schema_sha256=running.services["intake"].codec.schema_sha256)
    header.actor.agency = "guanhu:bench"
    header.recorded_at.GetCurrentTime()
    header.occurred_at.CopyFrom(header.recorded_at)
    return header
