"""`run.py bench`: prints a table and one JSON line a figure; both sides of a pair are measured in turn, in this run."""

import argparse
import sys
from collections.abc import Callable, Iterator

from bench import appending, calls, following, notify, reading, telling_kill
from bench.figure import HEADING, Figure

GROUPS: dict[str, Callable[[], Iterator[Figure]]] = {
    "appending": appending.figures,
    "calls": calls.figures,
    "reading": reading.figures,
    "following": following.figures,
    "notify": notify.figures,
    "telling_kill": telling_kill.figures,
}


def main() -> int:
    """Measures the groups that are named, all where none is; the exit code says whether every bar was reached."""
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all where none is named")
    named = parser.parse_args().groups or list(GROUPS)
    if unknown := set(named) - set(GROUPS):
        parser.error(f"{', '.join(sorted(unknown))}: no such group")
    print(HEADING, flush=True)
    measured: list[Figure] = []
    for name in named:
        print(f"  {name} …", file=sys.stderr, flush=True)
        for figure in GROUPS[name]():
            print(figure.as_row(), flush=True)
            measured.append(figure)
    print()
    for figure in measured:
        print(figure.as_json())
    return 0 if all(figure.holds for figure in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
