"""All services in one process, and the tools over them: `python -m services up | migrate | fsck | replay`."""

import sys
from collections.abc import Callable, Sequence

from services.intake import app as intake
from services.kernel.host import Build, run
from services.social_investigation import app as social_investigation

BUILDERS: dict[str, Build] = {intake.NAME: intake.build, social_investigation.NAME: social_investigation.build}


def up(_: Sequence[str]) -> int:
    """Serves everything until interrupted."""
    return run(BUILDERS)


TASKS: dict[str, Callable[[Sequence[str]], int]] = {"up": up}


if __name__ == "__main__":
    sys.exit(TASKS[sys.argv[1]](sys.argv[2:]))
