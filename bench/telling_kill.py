"""Kills the process that tells at random points while thousands of messages are owed, and accounts for all of them.

python -m bench.telling_kill [MESSAGES [KILLS [SEED]]]; prints one line with what was counted.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

from services.demo.process import ServiceProcess
from tests.contract.agencies import CYL, SWO
from tests.contract.journal_server import running_server
from tests.contract.receiver import make_certificates, receiving
from tests.fault.telling_load import Telling, assert_accounted_for

DEFAULTS = (5_000, 20, 1)


def main() -> int:
    """Runs once."""
    given = [int(argument) for argument in sys.argv[1:]]
    messages, kills, seed = (*given, *DEFAULTS[len(given) :])
    with (
        tempfile.TemporaryDirectory(prefix="guanhu-telling-") as name,
        running_server() as server,
    ):
        folder = Path(name)
        folder.chmod(0o755)
        certificates = make_certificates(folder)
        service = ServiceProcess(
            server.url,
            folder / "state",
            settings={"GUANHU_NOTIFY_NETWORKS": "127.0.0.0/8,::1/128", "GUANHU_NOTIFY_CA": str(certificates.ca_file)},
        )
        service.start()
        try:
            with receiving(certificates) as league, receiving(certificates) as provider:
                telling = Telling(service, {CYL: league, SWO: provider})
                telling.listen()
                began = time.monotonic()
                telling.refer_under_kills(messages, kills, random.Random(seed))
                telling.wait_for_effects()
                answer = assert_accounted_for(telling)
                calls = len(league.calls) + len(provider.calls)
                print(
                    f"{len(telling.acknowledged)} messages, {telling.kills} kills, {calls} calls,"
                    f" {len(telling.effects())} effects, {answer.total} missing, {time.monotonic() - began:.0f} s"
                )
        finally:
            service.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
