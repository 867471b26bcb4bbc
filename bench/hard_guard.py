"""Ten thousand orders of commands against the guard of a suspect's session. Prints one JSON line; fails with the order.

Run: python -m bench.hard_guard [runs]
"""

import json
import sys
import time

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.appropriate_adult.test_hard_guard import STEPS, HardGuard

RUNS = 10_000


def main() -> int:
    """Runs them; an order that lets a session start or go on unattended ends with an assertion and the order."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    began = time.monotonic()
    configured = settings(
        max_examples=runs,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(HardGuard, settings=configured)
    seconds = round(time.monotonic() - began)
    figure = {"name": "hard guard: orders of commands", "value": runs, "unit": "runs", "seconds": seconds}
    print(json.dumps(figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
