"""Proves the evidence against the journals: every leaf and the whole chain, recomputed from the journals' own bytes."""

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.message import DecodeError

from guanhu.intake.v1 import case_events_pb2 as cases
from services.audit.evidence import CHAIN_START, Evidence, EvidenceStore, evidence_of, hash_of, link
from services.kernel import personal
from services.kernel.fsck import PAGE_ROWS, Report, rows_of
from services.kernel.journal import Journal, Recorded

# What is kept of a row besides leaf and chain, which have problems of their own.
_COPIED = ("stream", "version", "type", "header", "payload", "case_id", "recorded_at", "occurred_at")


def check_evidence(store: EvidenceStore, journals: Mapping[str, Journal]) -> list[Report]:
    """One report for each journal, and one for the persons of the cases."""
    return [*(_check(store, journal) for journal in journals.values()), _check_persons(store, journals.values())]


def _check(store: EvidenceStore, journal: Journal) -> Report:
    report = Report(f"audit: evidence of {journal.origin}")
    chain, after = CHAIN_START, 0
    while evidence := store.of_origin(journal.origin, after, PAGE_ROWS):
        rows = {row.position: row for row in journal.read(after, PAGE_ROWS)}
        for kept in evidence:
            report.looked_at += 1
            _check_gap(report, after, kept.position)
            after = kept.position
            row = rows.get(kept.position)
            if row is None:
                report.add(f"position {kept.position} is in evidence and not in the journal")
                continue
            leaf_sha256 = hash_of(journal.origin, row)
            chain = link(chain, leaf_sha256)
            if kept.leaf_sha256 != leaf_sha256:
                report.add(f"position {kept.position}: the journal's bytes do not give the leaf")
            if kept.chain_sha256 != chain:
                report.add(f"position {kept.position}: the chain is broken")
                chain = kept.chain_sha256
            for column in _differing(journal.origin, row, kept):
                report.add(f"position {kept.position}: the evidence has another {column}")
    _check_gap(report, after, store.taken_in(journal.origin) + 1)
    return report


def _check_gap(report: Report, before: int, position: int) -> None:
    for missing in range(before + 1, min(position, before + PAGE_ROWS)):
        report.add(f"position {missing} was taken in and is not in evidence")


def _differing(origin: str, row: Recorded, kept: Evidence) -> Iterator[str]:
    try:
        expected = evidence_of(origin, row, CHAIN_START)
    except DecodeError:
        return
    for column in _COPIED:
        if getattr(kept, column) != getattr(expected, column):
            yield column


def _check_persons(store: EvidenceStore, journals: Iterable[Journal]) -> Report:
    report = Report("audit: persons of cases")
    known = store.persons()
    for journal in journals:
        taken_in = store.taken_in(journal.origin)
        for row in rows_of(journal):
            if row.type != cases.CaseOpened.DESCRIPTOR.full_name or row.position > taken_in:
                continue
            report.looked_at += 1
            try:
                opened = personal.clear_event(row.payload, cases.CaseOpened)
            except DecodeError:
                continue
            if (opened.case_id, opened.subject_id) not in known:
                report.add(f"person {opened.subject_id} is not known to be of the case {opened.case_id}")
    return report
