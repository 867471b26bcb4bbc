"""A case's history across services in causal order: an effect never stands before its cause."""

from collections import deque
from collections.abc import Sequence

from guanhu.journal.v1 import record_pb2
from services.audit.evidence import Evidence


def in_causal_order(rows: Sequence[Evidence]) -> list[Evidence]:
    """Rows ordered by recording, except that each journal keeps its order and every effect follows its cause.

    Clocks of services may differ a little, so the instants alone would not do.
    """
    waiting: dict[str, deque[Evidence]] = {}
    for row in sorted(rows, key=lambda row: (row.origin, row.position)):
        waiting.setdefault(row.origin, deque()).append(row)
    causes = {(row.origin, row.position): _cause(row) for row in rows}
    unplaced = set(causes)
    ordered: list[Evidence] = []
    while any(waiting.values()):
        heads = [queue[0] for queue in waiting.values() if queue]
        ready = [row for row in heads if causes[row.origin, row.position] not in unplaced]
        # A cause always has a head before it, unless bytes were made up; then the oldest goes first all the same.
        first = min(ready or heads, key=lambda row: (row.recorded_at, row.origin, row.position))
        waiting[first.origin].popleft()
        unplaced.remove((first.origin, first.position))
        ordered.append(first)
    return ordered


def _cause(row: Evidence) -> tuple[str, int] | None:
    header = record_pb2.Header.FromString(row.header)
    if not header.HasField("causation"):
        return None
    return header.causation.origin, header.causation.position
