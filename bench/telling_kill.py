"""Kills the process that tells at random points while thousands of messages are owed, and accounts for all of them."""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.figure import AT_MOST, Bar, Figure
from services.demo.process import ServiceProcess
from tests.contract.agencies import CYL, SWO
from tests.contract.journal_server import running_server
from tests.contract.notices import LOOPBACK
from tests.contract.receiver import make_certificates, receiving
from tests.fault.telling_load import Telling

MESSAGES, KILLS, SEED = 5_000, 20, 1
NONE = Bar(AT_MOST, 0)


def figures(messages: int = MESSAGES, kills: int = KILLS, seed: int = SEED) -> Iterator[Figure]:
    """Runs once."""
    with tempfile.TemporaryDirectory(prefix="guanhu-telling-") as name, running_server() as server:
        folder = Path(name)
        folder.chmod(0o755)
        certificates = make_certificates(folder)
        settings = {"GUANHU_NOTIFY_NETWORKS": LOOPBACK, "GUANHU_NOTIFY_CA": str(certificates.ca_file)}
        service = ServiceProcess(server.url, folder / "state", settings=settings)
        service.start()
        try:
            with receiving(certificates) as league, receiving(certificates) as provider:
                telling = Telling(service, {CYL: league, SWO: provider})
                telling.listen()
                began = time.monotonic()
                telling.refer_under_kills(messages, kills, random.Random(seed))
                telling.wait_for_effects()
                account = telling.reconcile()
                calls = len(league.calls) + len(provider.calls)
                seconds = time.monotonic() - began
        finally:
            service.kill()
    told = Counter(subject.removeprefix("referral-") for subject in telling.effects().values())
    said = f"  {len(telling.acknowledged)} messages, {telling.kills} kills, {calls} calls, {seconds:.0f} s"
    print(said, file=sys.stderr, flush=True)
    yield Figure("undelivered_after_kills", len(telling.acknowledged - set(told)), "messages", NONE)
    yield Figure("doubled_effects_after_kills", sum(told.values()) - len(told), "effects", NONE)
    yield Figure("missing_after_kills", account.total, "messages", NONE)
