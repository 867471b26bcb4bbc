"""The record of an event: the bytes of its header, and the evidence leaf over a stored row."""

from hashlib import sha256

from guanhu.journal.v1 import record_pb2

LEAF_TAG = b"guanhu-leaf/1\0"
# RFC 6962 and RFC 9162 §2.1.1: the prefix that keeps a leaf from being taken for an inner node.
LEAF_PREFIX = b"\x00"


def build_header(header: record_pb2.Header) -> bytes:
    """Return the bytes to store.

    Raises: ValueError when the header lacks its author, its request or a time, or claims to happen after its recording.
    """
    for field in ("recorded_at", "occurred_at", "actor"):
        if not header.HasField(field):
            raise ValueError(f"a header needs {field}")
    if not header.actor.agency or not header.request_id:
        raise ValueError("a header names an agency and a request")
    if header.occurred_at.ToNanoseconds() > header.recorded_at.ToNanoseconds():
        raise ValueError("an event cannot happen after it was recorded")
    return header.SerializeToString(deterministic=True)


def leaf(origin: str, position: int, stream: str, version: int, type_name: str, header: bytes, payload: bytes) -> bytes:
    """Return the evidence leaf of a stored row. Frozen: tests/golden/leaf.json holds its vectors.

    tag ‖ len16(origin) ‖ u64(position) ‖ len16(stream) ‖ u64(version) ‖ len16(type) ‖ SHA-256(header)
    ‖ SHA-256(payload), where len16(s) is the length of the UTF-8 bytes as 16 bits, then the bytes. Numbers are
    big-endian.
    The stored bytes are hashed, never re-encoded ones: protobuf encoding is not canonical.

    Raises: ValueError for a string over 65 535 bytes or a number outside 64 bits.
    """
    return b"".join(
        (
            LEAF_TAG,
            _len16(origin),
            _u64(position),
            _len16(stream),
            _u64(version),
            _len16(type_name),
            sha256(header).digest(),
            sha256(payload).digest(),
        )
    )


def leaf_hash(leaf_bytes: bytes) -> bytes:
    """Return the hash of a leaf in a tree of RFC 9162."""
    return sha256(LEAF_PREFIX + leaf_bytes).digest()


def _len16(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > 0xFFFF:
        raise ValueError("a leaf holds strings of at most 65 535 bytes")
    return len(encoded).to_bytes(2, "big") + encoded


def _u64(number: int) -> bytes:
    if not 0 <= number < 1 << 64:
        raise ValueError("a leaf holds numbers of 64 bits")
    return number.to_bytes(8, "big")
