"""The evidence leaf is frozen: golden vectors, and every stored column counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.kernel.record import leaf, leaf_hash

VECTORS = json.loads((Path(__file__).parents[1] / "golden" / "leaf.json").read_text(encoding="utf-8"))
ROW: dict[str, Any] = {
    "origin": "intake",
    "position": 7,
    "stream": "referral-0b0e1d9e-5a0e-4ad6-8f0c-3f6f1f1b2c3d",
    "version": 3,
    "type_name": "guanhu.intake.v1.ReferralAccepted",
    "header": b"header",
    "payload": b"payload",
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_leaf_bytes_and_hash_stay_as_first_released(vector: dict[str, Any]) -> None:
    row = vector["row"] | {name: bytes.fromhex(vector["row"][name]) for name in ("header", "payload")}
    assert leaf(**row).hex() == vector["leaf"]
    assert leaf_hash(leaf(**row)).hex() == vector["leaf_hash"]


@pytest.mark.parametrize(
    ("column", "changed"),
    [
        ("origin", "intakf"),
        ("position", 8),
        ("stream", "referral-0b0e1d9e-5a0e-4ad6-8f0c-3f6f1f1b2c3e"),
        ("version", 4),
        ("type_name", "guanhu.intake.v1.ReferralReturned"),
        ("header", b"headeR"),
        ("payload", b"payloaD"),
    ],
)
def test_changing_any_stored_column_changes_the_leaf(column: str, changed: object) -> None:
    assert leaf(**(ROW | {column: changed})) != leaf(**ROW)


def test_the_columns_changed_above_are_all_that_a_row_stores() -> None:
    from services.kernel.journal import Recorded

    assert set(Recorded.__slots__) == set(ROW) - {"origin", "type_name"} | {"type"}


def test_bytes_cannot_move_from_one_column_to_the_next() -> None:
    assert leaf(**(ROW | {"header": b"headerp", "payload": b"ayload"})) != leaf(**ROW)
    moved = leaf(**(ROW | {"origin": "intaker", "stream": str(ROW["stream"])[1:]}))
    assert moved != leaf(**ROW)


@pytest.mark.parametrize("changed", [{"position": -1}, {"version": 1 << 64}, {"stream": "s" * 65_536}])
def test_leaf_refuses_what_its_fields_cannot_hold(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        leaf(**(ROW | changed))
