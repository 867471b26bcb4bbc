"""Two processes of the services on one database, and the one that leads is killed under load, in the middle of a delivery.

Each follower, scheduler and worker runs in one of them; the other takes it over in time, and nobody can tell from the record.
"""

import itertools
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from guanhu.deadline.v1 import deadline_events_pb2 as deadlines
from guanhu.journal.v1 import record_pb2
from guanhu.notify.v1 import notify_service_pb2 as notify
from guanhu.notify.v1 import obligation_events_pb2 as obligations
from services.builders import BUILDERS
from services.demo.process import free_address
from services.kernel import host
from services.kernel.config import Config
from services.kernel.dates import to_datetime
from tests.contract.agencies import CYL
from tests.contract.journal_server import running_server
from tests.contract.notices import LOOPBACK
from tests.contract.receiver import Receiver, make_certificates, receiving
from tests.fault.pair import FIRST, SECOND, Move, Pair, Write, pair
from tests.fault.stories import Stories
from tests.fault.telling_load import Telling

SERVICES = ("intake", "social_investigation", "appropriate_adult", "notify")
STORIES_BEFORE, STORIES_AFTER = 8, 8
TAKEOVER_S = 5.0
CALM_S = 30.0
LOOK_S = 0.05
# What a whole story leaves in the journals of its case, whoever recorded it.
RECORDED = {
    "CaseOpened": 1,
    # That of the questioning, and that of the provider's answer to the commission.
    "DeadlineSet": 2,
    "ReferralSubmitted": 1,
    "ReferralAccepted": 1,
    # The organ by opening the case; receiver and provider by the policy that follows acceptances.
    "ParticipantAdded": 3,
    # One by the policy that follows acceptances, one by the organ.
    "InvestigationCommissionDrafted": 2,
    "InvestigationCommissioned": 1,
}
pytestmark = pytest.mark.timeout(180)


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    killed_at: datetime
    led: frozenset[str]
    leads: dict[str, frozenset[str]]
    leads_after: dict[str, frozenset[str]]
    moves: list[Move]
    writes: list[Write]
    cases: dict[str, Counter[str]]
    due: set[str]
    owed: set[str]
    held: str
    league: Receiver
    account: notify.ReconcileResponse
    fsck: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """One run for all tests."""
    folder = tmp_path_factory.mktemp("pair")
    certificates = make_certificates(folder)
    settings = {"GUANHU_NOTIFY_NETWORKS": LOOPBACK, "GUANHU_NOTIFY_CA": str(certificates.ca_file)}
    with (
        running_server() as server,
        receiving(certificates) as league,
        pair(server, folder / "state", SERVICES, **settings) as processes,
    ):
        yield played(processes, league)


def played(processes: Pair, league: Receiver) -> Outcome:
    """Plays stories, kills the first process while a message is on its way, and plays on."""
    first, second = processes.processes[FIRST], processes.processes[SECOND]
    Telling(first, {CYL: league}).listen()
    with Stories([first, second]).running() as stories:
        stories.wait_for(STORIES_BEFORE)
        wait_until(lambda: any(write.type.endswith(".DeadlineExpired") for write in processes.writes()))
        leads = processes.leads()
        held = hold_next(league)
        killed_at = processes.kill(FIRST)
        league.answer = lambda _: (204, {})
        wait_until(lambda: len(processes.leads().get(SECOND, ())) >= len(leads[FIRST]))
        leads_after = processes.leads()
        stories.wait_for(STORIES_AFTER)
    wait_until(lambda: expired(processes) >= due_clocks(processes))
    account = Telling(second, {CYL: league}).reconcile()
    wait_until(lambda: not processes.behind(SERVICES))
    moves, writes = processes.moves(), processes.writes()
    owed = owed_to(processes, CYL)
    cases = recorded(processes)
    assert set(stories.told) == set(cases)
    return Outcome(
        killed_at,
        led_by(processes),
        leads,
        leads_after,
        moves,
        writes,
        cases,
        due_clocks(processes),
        owed,
        held,
        league,
        account,
        second.fsck(),
    )


def led_by(processes: Pair) -> frozenset[str]:
    """What the services have led, as they themselves say: built once more, and leading nothing."""
    with TemporaryDirectory() as state:
        config = Config(listen=free_address(), database_url=processes.url, state_folder=Path(state))
        with host.serving(config, {name: BUILDERS[name] for name in SERVICES}, leads=False) as running:
            return frozenset(f"{name} {led}" for name, service in running.services.items() for led in service.led())


def hold_next(receiver: Receiver) -> str:
    """Keeps the next caller waiting; returns the id of the message once it is there."""
    caught = threading.Event()

    def keep_waiting(_: str) -> None:
        caught.set()

    receiver.answer = keep_waiting
    assert caught.wait(CALM_S)
    receiver.wait(lambda r: any(headers["webhook-id"] not in r.effects for _, headers, _ in r.calls))
    with receiver.changed:
        return next(headers["webhook-id"] for _, headers, _ in reversed(receiver.calls))


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits until a condition holds."""
    ends = time.monotonic() + CALM_S
    while not condition():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(LOOK_S)


def recorded(processes: Pair) -> dict[str, Counter[str]]:
    """How many events of each type each case has in the journals of the case and of its investigations."""
    found: dict[str, Counter[str]] = {}
    for service in ("intake", "social_investigation"):
        for kind, header, _ in processes.rows(service):
            if case_id := record_pb2.Header.FromString(header).correlation_id:
                found.setdefault(case_id, Counter())[kind.rpartition(".")[2]] += 1
    return found


def due_clocks(processes: Pair) -> set[str]:
    """Cases whose clock was set before it was over: one that is entered later is not told of at once."""
    found = set()
    for kind, header, payload in processes.rows("intake"):
        if kind == deadlines.DeadlineSet.DESCRIPTOR.full_name:
            head = record_pb2.Header.FromString(header)
            event = deadlines.DeadlineSet.FromString(record_pb2.Payload.FromString(payload).event)
            if to_datetime(event.due.due_at) > to_datetime(head.recorded_at):
                found.add(head.correlation_id)
    return found


def expired(processes: Pair) -> set[str]:
    """Cases whose clock is over."""
    return {case_id for case_id, types in recorded(processes).items() if types["DeadlineExpired"]}


def owed_to(processes: Pair, uscc: str) -> set[str]:
    """The obligations to an agency."""
    rows = [row for row in processes.rows("notify") if row[0] == obligations.MessageOwed.DESCRIPTOR.full_name]
    events = [obligations.MessageOwed.FromString(record_pb2.Payload.FromString(payload).event) for _, _, payload in rows]
    return {event.obligation_id for event in events if event.to_uscc == uscc}


def turns(names: list[str]) -> list[str]:
    """The names without those that repeat the one before."""
    return [name for name, _ in itertools.groupby(names)]


@pytest.mark.parametrize("service", ["intake", "social_investigation"])
def test_both_append_and_positions_have_no_gap(outcome: Outcome, service: str) -> None:
    writes = [write for write in outcome.writes if write.service == service]
    assert [write.position for write in writes] == list(range(1, len(writes) + 1))
    assert {write.who for write in writes if write.at < outcome.killed_at} == {FIRST, SECOND}
    assert writes[-1].who == SECOND and writes[-1].at > outcome.killed_at


def test_one_process_holds_every_lead_until_it_dies_and_then_the_other(outcome: Outcome) -> None:
    followers = {(move.service, move.follower) for move in outcome.moves}
    assert set(outcome.leads) == {FIRST}
    assert {f"{service} {name}" for service, name in followers} <= outcome.led
    assert len(outcome.leads[FIRST]) == len(outcome.led)
    assert outcome.leads_after == {SECOND: outcome.leads[FIRST]}


def test_each_follower_takes_in_every_event_once_in_one_process_at_a_time(outcome: Outcome) -> None:
    by_follower: dict[tuple[str, str], list[Move]] = {}
    for move in outcome.moves:
        by_follower.setdefault((move.service, move.follower), []).append(move)
    for follower, moves in by_follower.items():
        assert [move.before for move in moves] == [0, *(move.after for move in moves[:-1])], follower
        assert all(move.before < move.after for move in moves), follower
        assert turns([move.who for move in moves]) == [FIRST, SECOND], follower


def test_the_other_takes_over_in_time(outcome: Outcome) -> None:
    begun: dict[str, datetime] = {}
    for move in outcome.moves:
        if move.who == SECOND:
            begun.setdefault(f"{move.service} {move.follower}", move.at)
    for write in outcome.writes:
        for name, kind in (("intake schedule", "DeadlineExpired"), ("notify deliveries", "DeliveryBegun")):
            if write.who == SECOND and write.type.endswith(f".{kind}"):
                begun.setdefault(name, write.at)
    seconds = {name: (at - outcome.killed_at).total_seconds() for name, at in begun.items()}
    print(json.dumps({name: round(value, 2) for name, value in seconds.items()}))
    assert {"intake schedule", "notify deliveries"} < set(seconds)
    assert 0 < max(seconds.values()) <= TAKEOVER_S


def test_every_effect_of_policies_and_schedulers_is_there_once(outcome: Outcome) -> None:
    assert len(outcome.cases) >= STORIES_BEFORE + STORIES_AFTER
    assert len(outcome.due) > STORIES_BEFORE
    for case_id, types in outcome.cases.items():
        assert types == Counter(RECORDED) + Counter({"DeadlineExpired": int(case_id in outcome.due)})


@pytest.mark.parametrize("kind", ["DeadlineExpired", "DeliveryBegun", "MessageOwed"])
def test_what_is_led_is_recorded_by_one_process_at_a_time(outcome: Outcome, kind: str) -> None:
    by = [write.who for write in outcome.writes if write.type.endswith(f".{kind}")]
    assert turns(by) == [FIRST, SECOND]


def test_every_message_is_delivered_also_the_one_that_was_on_its_way(outcome: Outcome) -> None:
    assert outcome.owed == set(outcome.league.effects)
    calls = Counter(headers["webhook-id"] for _, headers, _ in outcome.league.calls)
    assert calls[outcome.held] > 1
    assert [str(found) for found in outcome.account.discrepancies] == []
    assert sum(pair.owed for pair in outcome.account.pairs) == sum(pair.delivered for pair in outcome.account.pairs) > 0


def test_no_message_overtakes_another(outcome: Outcome) -> None:
    effects = [event["data"]["position"] for event in outcome.league.effects.values()]
    assert effects == sorted(effects)
    called = [json.loads(body)["data"]["position"] for _, _, body in outcome.league.calls]
    # Who takes over begins again with the first message that it does not know the outcome of.
    assert sum(after < before for before, after in itertools.pairwise(called)) <= 1


def test_everything_stored_is_whole(outcome: Outcome) -> None:
    assert outcome.fsck.returncode == 0, outcome.fsck.stdout
