"""Foreign tools, run for a limited time."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

TOOL_S = 100.0


def output_of(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TOOL_S, check=False)
