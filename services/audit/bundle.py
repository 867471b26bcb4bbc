"""A case as a bundle that opens without our software: JSON lines, descriptors, hashes, and a program that checks them."""

import base64
import io
import json
import zipfile
from collections.abc import Sequence
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict

from guanhu.journal.v1 import record_pb2
from services.audit.evidence import CHAIN_START, Evidence, link
from services.kernel import personal
from services.kernel.registry import Registry

# The oldest instant that the ZIP format can tell: the same case is the same bytes.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_VERIFY = Path(__file__).with_name("verify_bundle.py")
_DRAWS = Path(__file__).with_name("verify_draws.py")

README = """\
本压缩包是一个案件的完整记录，不需要任何专用软件即可打开和核验。
This archive is the whole record of one case; it opens and is checked without any special software.

events.jsonl      one event a line, in causal order: who, when, on what legal basis, what; personal fields are sealed
descriptors.binpb a protobuf FileDescriptorSet: decodes header_base64 and payload_base64 in any language
manifest.json     SHA-256 of each file, and the chain over the leaves of all events in their order
verify.py         python3 verify.py (standard library only): recomputes every leaf and the chain from the stored bytes
draws.py          python3 draws.py (standard library only): recomputes whom each call-out had to ask, and every draw

The leaf of an event is SHA-256(0x00 || leaf), where leaf is the tag "guanhu-leaf/1\\0", then origin, position, stream,
version and type, then SHA-256 of the header bytes and SHA-256 of the payload bytes; texts have their length before
them in 2 bytes, numbers are 8 bytes, all big-endian. The chain begins with 32 zero bytes and goes on with
SHA-256(0x01 || chain || leaf hash). In events.jsonl, chain_sha256 is the chain over the whole journal of the event; in
manifest.json it is the chain over this bundle. verify.py prints the latter: the history that the audit service serves
of the case, as of the export, has the same leaves and so the same chain.
"""


def pack(case_id: str, ordered: Sequence[Evidence], registry: Registry) -> bytes:
    """The bundle of a case as ZIP."""
    files = {
        "README.txt": README.encode(),
        "events.jsonl": "".join(f"{_line(row, registry)}\n" for row in ordered).encode(),
        "descriptors.binpb": registry.descriptor_set(),
        "verify.py": _VERIFY.read_bytes(),
        "draws.py": _DRAWS.read_bytes(),
    }
    hashes = {name: sha256(content).hexdigest() for name, content in files.items()}
    manifest = {
        "format": "guanhu-case-bundle/1",
        "case_id": case_id,
        "events": len(ordered),
        "chain_sha256": chain_of([row.leaf_sha256 for row in ordered]).hex(),
        "sha256": hashes,
    }
    files["manifest.json"] = (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def chain_of(leaves: Sequence[bytes]) -> bytes:
    """The chain over the leaf hashes of a bundle."""
    return reduce(link, leaves, CHAIN_START)


def _line(row: Evidence, registry: Registry) -> str:
    line: dict[str, Any] = {
        "origin": row.origin,
        "position": row.position,
        "stream": row.stream,
        "version": row.version,
        "type": row.type,
        "header": _dict(record_pb2.Header.FromString(row.header)),
        "event": _dict(personal.clear_event(row.payload, registry.message_class(row.type))),
        "sealed": list(personal.withheld_paths(row.payload)),
        "header_base64": base64.b64encode(row.header).decode(),
        "payload_base64": base64.b64encode(row.payload).decode(),
        "leaf_sha256": row.leaf_sha256.hex(),
        "chain_sha256": row.chain_sha256.hex(),
    }
    return json.dumps(line, ensure_ascii=False)


def _dict(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found
