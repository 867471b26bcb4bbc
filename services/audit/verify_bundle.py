"""Checks a case bundle: python3 verify.py [FOLDER]. Standard library only; it stands in every bundle as verify.py."""

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

START = bytes(32).hex()


def text(value: str) -> bytes:
    """A text with its length in 2 bytes before it."""
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def leaf_hash(event: dict[str, Any]) -> str:
    """The evidence leaf's hash, from the stored bytes."""
    header, payload = (base64.b64decode(event[name]) for name in ("header_base64", "payload_base64"))
    leaf = b"guanhu-leaf/1\0" + text(event["origin"]) + event["position"].to_bytes(8, "big") + text(event["stream"])
    leaf += event["version"].to_bytes(8, "big") + text(event["type"])
    leaf += hashlib.sha256(header).digest() + hashlib.sha256(payload).digest()
    return hashlib.sha256(b"\0" + leaf).hexdigest()


def link(chain: str, leaf: str) -> str:
    """The chain after a leaf."""
    return hashlib.sha256(b"\1" + bytes.fromhex(chain) + bytes.fromhex(leaf)).hexdigest()


def problems(folder: Path) -> list[str]:
    """What is wrong with the bundle; nothing, when it is whole."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = [
        f"{name}: other content than the manifest says"
        for name, digest in manifest["sha256"].items()
        if not (folder / name).exists() or hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
    ]
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").split("\n") if line]
    if len(events) != manifest["events"]:
        found.append(f"events.jsonl: {len(events)} events, the manifest says {manifest['events']}")
    return found + unchained(events, manifest["chain_sha256"])


def unchained(events: list[dict[str, Any]], expected: str) -> list[str]:
    """Events that do not give their leaf, do not stand where they belong, or do not lead to the expected chain."""
    found: list[str] = []
    chain = START
    versions: dict[tuple[str, str], int] = {}
    last: dict[str, dict[str, Any]] = {}
    for event in events:
        place = f"{event['origin']} {event['position']}"
        if leaf_hash(event) != event["leaf_sha256"]:
            found.append(f"{place}: the stored bytes do not give the leaf")
        key = (event["origin"], event["stream"])
        if event["version"] != versions.get(key, 0) + 1:
            found.append(f"{place}: version {event['version']} does not follow {versions.get(key, 0)}")
        versions[key] = event["version"]
        before = last.get(event["origin"])
        if before and event["position"] <= before["position"]:
            found.append(f"{place}: stands after position {before['position']}")
        elif before and event["position"] == before["position"] + 1:
            if event["chain_sha256"] != link(before["chain_sha256"], event["leaf_sha256"]):
                found.append(f"{place}: does not continue the chain of its journal")
        elif event["position"] == 1 and event["chain_sha256"] != link(START, event["leaf_sha256"]):
            found.append(f"{place}: does not begin the chain of its journal")
        last[event["origin"]] = event
        chain = link(chain, event["leaf_sha256"])
    if chain != expected:
        found.append("events.jsonl: the events do not lead to the chain that the manifest says")
    return found


def main() -> int:
    """Prints the problems, or one line that says that there are none."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    found = problems(folder)
    if not found:
        print("chain", json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["chain_sha256"])
    print("\n".join(found) or "whole: every file, leaf and version agrees")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
