"""Recomputes every draw of a call-out: python3 draws.py [BUNDLE ...]. Standard library only; it stands in every bundle.

A BUNDLE is a folder or a ZIP file with an events.jsonl; without one, the folder in which this program stands. For each round
it is computed anew, from what is stored and with none of the system's code: that the seed is the leaf hash of the event that
started the call-out, in which order the candidates had to be asked, and that exactly those who come first were asked.
"""

import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Event = dict[str, Any]
PACKAGE = "guanhu.appropriate_adult.v1."
RULE_VERSION = "guanhu-match/1"
DRAW_TAG, LEAF_TAG = b"guanhu-draw/1\0", b"guanhu-leaf/1\0"
LEVELS = {"CALLOUT_LEVEL_COUNTY": 1, "CALLOUT_LEVEL_PREFECTURE": 2, "CALLOUT_LEVEL_PROVINCE": 3}


def leaf_hash(row: Event) -> bytes:
    """The hash of a row's evidence leaf, from the stored bytes."""

    def text(value: str) -> bytes:
        data = value.encode()
        return len(data).to_bytes(2, "big") + data

    header, payload = (hashlib.sha256(base64.b64decode(row[f"{name}_base64"])).digest() for name in ("header", "payload"))
    leaf = LEAF_TAG + text(row["origin"]) + int(row["position"]).to_bytes(8, "big") + text(row["stream"])
    leaf += int(row["version"]).to_bytes(8, "big") + text(row["type"]) + header + payload
    return hashlib.sha256(b"\0" + leaf).digest()


def place_in_order(candidate: Event, seed: bytes) -> tuple[Any, ...]:
    """What a candidate's place follows from; the lower comes first."""
    return (
        not candidate.get("again", False),
        not candidate.get("preferred", False),
        LEVELS[candidate["distance"]],
        candidate.get("load", 0),
        hashlib.sha256(DRAW_TAG + seed + candidate["adult_id"].encode()).digest(),
    )


def problems(rows: Iterable[Event]) -> tuple[int, int, list[str]]:
    """How many rounds were recomputed, in how many of them a draw decided, and what is wrong."""
    streams: dict[str, list[Event]] = {}
    for row in rows:
        if row["type"].startswith(PACKAGE) and row["stream"].startswith("callout-"):
            streams.setdefault(row["stream"], []).append(row)
    rounds, drawn, found = 0, 0, []
    for stream, of_stream in streams.items():
        started: Event | None = None
        of_stream.sort(key=lambda row: int(row["version"]))
        offered = sum(row["type"] == f"{PACKAGE}OfferMade" for row in of_stream)
        for number, row in enumerate(of_stream):
            kind = row["type"].removeprefix(PACKAGE)
            if kind == "CalloutStarted":
                started = row
            elif kind == "CandidatesMatched":
                made = asked_after(of_stream, number)
                offered -= len(made)
                rounds += 1
                drawn += any(offer.get("equals", 0) > 1 for offer in made)
                found += [f"{stream} round {row['event']['round']}: {wrong}" for wrong in wrong_in(row["event"], made, started)]
        if offered:
            found.append(f"{stream}: {offered} offers belong to no round")
    return rounds, drawn, found


def asked_after(rows: list[Event], number: int) -> list[Event]:
    """The offers that stand behind a match, in their order."""
    offers = []
    for row in rows[number + 1 :]:
        if row["type"] == f"{PACKAGE}CandidatesMatched":
            break
        if row["type"] == f"{PACKAGE}OfferMade":
            offers.append(row["event"])
    return offers


def wrong_in(matched: Event, made: list[Event], started: Event | None) -> Iterable[str]:
    """What a round gets wrong."""
    if matched["rule_version"] != RULE_VERSION:
        yield f"the rule {matched['rule_version']} is not known here"
        return
    seed = base64.b64decode(matched["seed"])
    if started is None or int(matched["seed_position"]) != int(started["position"]):
        yield "the seed is not that of the event that started the call-out"
    elif leaf_hash(started) != seed:
        yield "the seed is not the leaf hash of the event that started the call-out"
    phase = matched.get("phase", "")
    candidates = matched.get("candidates", [])
    for one in ("CALLOUT_PHASE_BEST", "CALLOUT_PHASE_STANDBY"):
        places = [place_in_order(candidate, seed) for candidate in candidates if candidate["phase"] == one]
        if places != sorted(places):
            yield f"the candidates of {one} do not stand in the order of the rule"
    expected = [candidate for candidate in candidates if candidate["phase"] == phase]
    expected.sort(key=lambda candidate: place_in_order(candidate, seed))
    if [offer["adult_id"] for offer in made] != [candidate["adult_id"] for candidate in expected[: len(made)]]:
        yield "others were asked than those who come first"
    if bool(phase) != bool(made):
        yield "nobody was asked though somebody could, or the other way round"
    if {candidate["adult_id"] for candidate in candidates} & {item["adult_id"] for item in matched.get("excluded", [])}:
        yield "somebody is candidate and excluded"


def rows_of(bundle: Path) -> list[Event]:
    """The rows of a bundle, packed or not."""
    if bundle.is_dir():
        text = (bundle / "events.jsonl").read_text(encoding="utf-8")
    else:
        with zipfile.ZipFile(bundle) as archive:
            text = archive.read("events.jsonl").decode()
    return [json.loads(line) for line in text.split("\n") if line]


def main() -> int:
    """Prints what is wrong, or one line that says that nothing is."""
    bundles = [Path(name) for name in sys.argv[1:]] or [Path(__file__).parent]
    rounds, drawn, found = 0, 0, []
    for bundle in bundles:
        in_bundle = problems(rows_of(bundle))
        rounds, drawn = rounds + in_bundle[0], drawn + in_bundle[1]
        found += [f"{bundle.name}: {wrong}" for wrong in in_bundle[2]]
    print("\n".join(found) or f"recomputed: {rounds} rounds, {drawn} of them drawn among equals; every choice agrees")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
