"""The bundle of a case opens with the standard library alone, and its own program notices what was changed in it."""

import base64
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from guanhu.audit.v1 import audit_service_pb2 as api
from services.audit.bundle import chain_of
from services.demo.artefacts import verify_bundle
from tests.contract.asking import AUDIT, AUDITOR, history, refused
from tests.contract.played import Told

Event = dict[str, Any]
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def packed(told: Told) -> bytes:
    """The bundle as audit exports it."""
    chunks = told.ask("audit", "ExportCase", api.ExportCaseRequest(case_id=told.case_id, purpose=AUDIT), AUDITOR)
    return b"".join(chunk.chunk for chunk in chunks)


@pytest.fixture
def folder(packed: bytes, tmp_path: Path) -> Path:
    """The bundle, unpacked."""
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    return tmp_path


def verified(folder: Path) -> tuple[int, str]:
    """Exit code and output of the program in the bundle, run with nothing of ours on its path."""
    done = subprocess.run(
        [sys.executable, "-I", "verify.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert not done.stderr
    return done.returncode, done.stdout


def events_of(folder: Path) -> list[Event]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def rewrite(folder: Path, events: list[Event]) -> None:
    """Puts other events into the bundle and makes the manifest agree with the new file, as a forger would."""
    data = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events).encode()
    (folder / "events.jsonl").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["sha256"]["events.jsonl"], manifest["events"] = sha256(data).hexdigest(), len(events)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def leaf(event: Event) -> str:
    """The leaf hash, written down once more and independently: README.txt of the bundle says how."""

    def text(value: str) -> bytes:
        return len(value.encode()).to_bytes(2, "big") + value.encode()

    parts = [b"guanhu-leaf/1\0", text(event["origin"]), event["position"].to_bytes(8, "big"), text(event["stream"])]
    parts += [event["version"].to_bytes(8, "big"), text(event["type"])]
    parts += [sha256(base64.b64decode(event[name])).digest() for name in ("header_base64", "payload_base64")]
    return sha256(b"\0" + b"".join(parts)).hexdigest()


def changed_byte(event: Event, name: str) -> None:
    data = bytearray(base64.b64decode(event[name]))
    data[len(data) // 2] ^= 1
    event[name] = base64.b64encode(data).decode()


def change_payload(events: list[Event]) -> None:
    changed_byte(events[3], "payload_base64")


def change_header_and_leaf(events: list[Event]) -> None:
    changed_byte(events[3], "header_base64")
    events[3]["leaf_sha256"] = leaf(events[3])


def remove_first(events: list[Event]) -> None:
    del events[0]


def remove_in_the_middle(events: list[Event]) -> None:
    del events[len(events) // 2]


def remove_last(events: list[Event]) -> None:
    del events[-1]


def swap_in_one_journal(events: list[Event]) -> None:
    number = next(n for n in range(len(events) - 1) if events[n]["origin"] == events[n + 1]["origin"])
    events[number], events[number + 1] = events[number + 1], events[number]


def swap_across_journals(events: list[Event]) -> None:
    number = next(n for n in range(len(events) - 1) if events[n]["origin"] != events[n + 1]["origin"])
    events[number], events[number + 1] = events[number + 1], events[number]


def add_at_the_end(events: list[Event]) -> None:
    forged = {**events[-1], "position": events[-1]["position"] + 1, "version": events[-1]["version"] + 1}
    events.append({**forged, "leaf_sha256": leaf(forged)})


FORGERIES = [
    change_payload,
    change_header_and_leaf,
    remove_first,
    remove_in_the_middle,
    remove_last,
    swap_in_one_journal,
    swap_across_journals,
    add_at_the_end,
]


def test_a_bundle_is_whole_by_the_program_that_stands_in_it(folder: Path) -> None:
    code, said = verified(folder)
    assert code == 0
    assert said.splitlines()[-1] == "whole: every file, leaf and version agrees"


def test_the_chain_of_the_bundle_is_that_of_the_history_that_audit_serves(told: Told, folder: Path) -> None:
    leaves = [entry.leaf_sha256 for entry in history(told).entries]
    assert f"chain {chain_of(leaves).hex()}" in verified(folder)[1]


def test_every_leaf_follows_from_the_stored_bytes(folder: Path) -> None:
    assert [leaf(event) for event in events_of(folder)] == [event["leaf_sha256"] for event in events_of(folder)]


def test_the_descriptors_of_the_bundle_describe_every_event(folder: Path) -> None:
    described = descriptor_pb2.FileDescriptorSet.FromString((folder / "descriptors.binpb").read_bytes())
    names = {f"{file.package}.{message.name}" for file in described.file for message in file.message_type}
    assert {event["type"] for event in events_of(folder)} <= names


def test_nothing_personal_is_in_the_bundle(folder: Path) -> None:
    for file in folder.iterdir():
        assert "高小六".encode() not in file.read_bytes(), file.name


def test_the_same_case_is_the_same_bytes_again(told: Told, packed: bytes) -> None:
    chunks = told.ask("audit", "ExportCase", api.ExportCaseRequest(case_id=told.case_id, purpose=AUDIT), AUDITOR)
    assert b"".join(chunk.chunk for chunk in chunks) == packed
    assert verify_bundle(packed) == "whole: every file, leaf and version agrees"


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forgery_is_noticed_even_where_the_manifest_was_made_to_fit(
    folder: Path, forge: Callable[[list[Event]], None]
) -> None:
    events = events_of(folder)
    forge(events)
    rewrite(folder, events)
    code, said = verified(folder)
    assert (code, "whole" in said) == (1, False)


@pytest.mark.parametrize("name", ["README.txt", "events.jsonl", "descriptors.binpb", "verify.py"])
def test_a_byte_more_in_any_file_is_noticed(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    code, said = verified(folder)
    assert code == 1
    assert f"{name}: other content than the manifest says" in said


def test_a_file_that_is_missing_is_noticed(folder: Path) -> None:
    (folder / "descriptors.binpb").unlink()
    assert "descriptors.binpb" in verified(folder)[1]


def test_a_case_that_never_was_has_no_bundle(told: Told) -> None:
    assert refused(told, "ExportCase", api.ExportCaseRequest(case_id=UNKNOWN, purpose=AUDIT)) == "SEALED_OR_NOT_FOUND"
