"""Proves the evidence against the journals: every leaf and the whole chain, recomputed from the journals' own bytes."""

from collections.abc import Mapping

from services.audit.evidence import CHAIN_START, EvidenceStore, hash_of, link
from services.kernel.fsck import PAGE_ROWS, Report
from services.kernel.journal import Journal


def check_evidence(store: EvidenceStore, journals: Mapping[str, Journal]) -> list[Report]:
    """One report for each journal."""
    return [_check(store, journal) for journal in journals.values()]


def _check(store: EvidenceStore, journal: Journal) -> Report:
    report = Report(f"audit: evidence of {journal.origin}")
    chain, after = CHAIN_START, 0
    while evidence := store.of_origin(journal.origin, after, PAGE_ROWS):
        rows = {row.position: row for row in journal.read(after, PAGE_ROWS)}
        for kept in evidence:
            report.looked_at += 1
            row = rows.get(kept.position)
            if row is None:
                report.problems.append(f"position {kept.position} is in evidence and not in the journal")
                continue
            leaf_sha256 = hash_of(journal.origin, row)
            chain = link(chain, leaf_sha256)
            if kept.leaf_sha256 != leaf_sha256:
                report.problems.append(f"position {kept.position}: the journal's bytes do not give the leaf")
            if kept.chain_sha256 != chain:
                report.problems.append(f"position {kept.position}: the chain is broken")
                chain = kept.chain_sha256
        after = evidence[-1].position
    return report
