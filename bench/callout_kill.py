"""Kills the services at random points of a night with hundreds of call-outs at once, and accounts for all of them.

Run: python -m bench.callout_kill [CALLOUTS [KILLS [SEED]]]; prints one JSON line with what was counted.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from services.demo.process import ServiceProcess
from tests.contract.journal_server import running_server
from tests.fault.callout_load import Night, assert_accounted_for, new_counties

DEFAULTS = (500, 10, 1)
COUNTIES, ADULTS_EACH, AT_ONCE = 30, 12, 2


def main() -> int:
    """Runs once; an assertion ends it where something is lost, booked twice or not recomputed."""
    given = [int(argument) for argument in sys.argv[1:]]
    callouts, kills, seed = (*given, *DEFAULTS[len(given) :])
    with tempfile.TemporaryDirectory(prefix="guanhu-callouts-") as name, running_server() as server:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "bundles").mkdir()
        service = ServiceProcess(server.url, folder / "state")
        service.start()
        try:
            night = Night(service, server.url, new_counties(COUNTIES), seed=seed)
            night.prepare(ADULTS_EACH, AT_ONCE)
            began = time.monotonic()
            night.run(callouts, kills)
            seconds = time.monotonic() - began
            counts = assert_accounted_for(night, folder / "bundles")
        finally:
            service.kill()
    figure = {"name": "call-outs under kill -9", "value": callouts, "unit": "call-outs", "kills": night.kills, **counts}
    print(json.dumps({**figure, "answers": night.answers, "seconds": round(seconds)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
