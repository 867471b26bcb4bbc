"""The demo: plays published cases through the API, proves their history, and writes what an agency would keep."""

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc

from guanhu.audit.v1 import audit_service_pb2 as auditpb
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as investigationpb
from services.__main__ import beside, reports
from services.audit.timeline import Entry, swimlanes
from services.demo.artefacts import Artefacts, verify_bundle
from services.demo.casefile import BadCase, CaseFile, Step, read
from services.demo.client import Client
from services.demo.clocks import CaseClocks
from services.demo.ledger import Account, account, acknowledge_all, lines
from services.demo.player import CaseFailed, Played, Player
from services.kernel.dates import to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.fsck import print_reports
from services.kernel.host import NOT_STARTED
from services.kernel.rpc import reason_of


@dataclass(frozen=True, slots=True)
class Kept:
    """What was verified of a case: events of its history, and messages that were owed."""

    events: int
    told: int


CASES = Path(__file__).parents[2] / "tests" / "cases"
OUT = Path("out")
# Followers and deliveries work behind the last step.
TOLD_WITHIN_S = 20.0
BUNDLE_WHOLE = "whole: every file, leaf and version agrees"


def main() -> int:
    """Plays the cases and returns the exit code."""
    parser = argparse.ArgumentParser(prog="run.py demo", description=__doc__)
    parser.add_argument("--case", type=Path, action="append", help="a case file; the published cases where none is named")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for what is written (default: out)")
    options = parser.parse_args()
    cases = []
    for path in options.case or sorted(CASES.glob("*.yaml")):
        try:
            cases.append((path, read(path)))
        except BadCase as bad:
            print(f"{path}: {bad}")
            return 2
        except OSError as error:
            print(f"{path}: {error.strerror}")
            return 2
    try:
        return play_all(cases, options.out)
    except NOT_STARTED as problem:
        print(problem)
        return 2


def play_all(cases: list[tuple[Path, CaseFile]], out: Path) -> int:
    """Plays the cases against services of this process, over real channels."""
    began = time.monotonic()
    print("starting PostgreSQL and the services …", flush=True)
    with beside() as running:
        print(f"serving after {time.monotonic() - began:.1f} s", flush=True)
        assert running.resources.authority is not None
        with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
            verified = [kept for path, case in cases if (kept := play_one(path, case, client, out))]
            if len(verified) < len(cases):
                return 1
        print("\nfsck", flush=True)
        problems = print_reports(reports(running), lambda line: print(f"  {line}"))
    if problems:
        return 1
    events, told = sum(kept.events for kept in verified), sum(kept.told for kept in verified)
    played = "1 case" if len(cases) == 1 else f"{len(cases)} cases"
    print(
        f"\nverified: {played}, {events} events in causal order, every leaf recomputed from the bundles"
        f" outside our code, reports and forms issued twice byte for byte alike, {told} messages owed, delivered and"
        f" acknowledged, none missing, fsck found everything whole"
    )
    return 0


def play_one(path: Path, case: CaseFile, client: Client, out: Path) -> Kept | None:
    """Plays one case; returns what was verified of it, None where something failed."""
    print(f"\n{case.case} {case.title}", flush=True)
    player = Player(case, client, tell)
    try:
        player.play()
        return keep(case, player, client, out / case.case.lower())
    except (BadCase, CaseFailed) as failed:
        print(f"{path}: {failed}")
    except grpc.RpcError as error:
        print(f"{path}: what the case leaves can't be fetched: {reason_of(error)}")
    return None


def keep(case: CaseFile, player: Player, client: Client, folder: Path) -> Kept:
    """Writes the case's papers and checks what can be checked of them."""
    folder.mkdir(parents=True, exist_ok=True)
    played = player.played
    artefacts = Artefacts(case, played, client)
    entries, told = settle(case, played, client, artefacts)
    lanes = {agency.uscc: agency.entry.get("name").text() for agency in case.agencies.values()}
    # Numbered by when things happened. What a policy did happened with its cause, and a stable order keeps it behind it.
    happened = sorted(entries, key=lambda entry: to_datetime(entry.header.occurred_at))
    picture = [
        Entry(lanes.get(entry.header.actor.agency, "观护系统"), to_datetime(entry.header.occurred_at), entry.label, number)
        for number, entry in enumerate(happened, start=1)
    ]
    (folder / "timeline.svg").write_text(swimlanes(picture, picture[-1].at), encoding="utf-8")
    written = ["timeline.svg"]
    if "investigation" in played.kept:
        for suffix, kind in (("pdf", investigationpb.DOCUMENT_FORMAT_PDF), ("docx", investigationpb.DOCUMENT_FORMAT_DOCX)):
            content = artefacts.report(kind)
            if not content:
                continue
            if content != artefacts.report(kind):
                raise CaseFailed(f"the {suffix} of the report differs when it is fetched again")
            (folder / f"report.{suffix}").write_bytes(content)
            written.append(f"report.{suffix}")
    for name, content in artefacts.forms():
        (folder / name).write_bytes(content)
        written.append(name)
    packed = artefacts.bundle()
    (folder / "case.zip").write_bytes(packed)
    verdict = verify_bundle(packed)
    if verdict != BUNDLE_WHOLE:
        raise CaseFailed(f"the bundle is not whole: {verdict}")
    print(f"  {played.steps} steps ({played.refusals} refused as they must be), {played.conditions} conditions held")
    print(f"  {len(entries)} events; wrote {', '.join(written)}, case.zip in {folder}", flush=True)
    show(case, player, client)
    print(f"  对账：{told}", flush=True)
    return Kept(len(entries), told.owed)


def settle(case: CaseFile, played: Played, client: Client, artefacts: Artefacts) -> tuple[list[auditpb.Entry], Account]:
    """The agencies take in what they are told until nothing follows any more: the whole history, and the account of it.

    Raises:
        CaseFailed: a message is missing, was not delivered, or its receipt was not acknowledged.
    """
    case_id = played.id_of("case")
    ends = time.monotonic() + TOLD_WITHIN_S
    while True:
        entries = artefacts.whole_history(lambda: acknowledge_all(case, case_id, client))
        told = account(artefacts.reconciliation())
        if told.whole:
            return entries, told
        if time.monotonic() > ends:
            raise CaseFailed(f"not everybody was told: {told}{''.join(f'; {missing}' for missing in told.missing)}")


def show(case: CaseFile, player: Player, client: Client) -> None:
    """Prints the clocks of the case, the explanations that it asks for, and who was told what."""
    case_id = player.played.id_of("case")
    clocks = CaseClocks(case, case_id, client)
    for part in (clocks.lines(), clocks.explanations(player.resolve), lines(case, case_id, client)):
        shown = list(part)
        if shown:
            print("", *(f"  {line}" for line in shown), sep="\n", flush=True)


def tell(step: Step, outcome: str) -> None:
    """One line for each step of the timeline."""
    at: datetime = step.at.astimezone(CHINA_STANDARD_TIME)
    what = step.note or step.method
    answer = "" if outcome == "OK" else f"  ✗ {outcome}"
    print(f"  {at:%Y-%m-%d %H:%M}  {step.officer:16} {step.method:22} {what}{answer}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
