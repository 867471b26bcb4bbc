"""The draw between equals: an order that nobody can know before the call-out is recorded, and anybody can compute after.

The seed is the hash of the evidence leaf of the event that started the call-out: it covers the time of recording, the
position and the bytes stored. services/audit/verify_draws.py computes the same without any of our code.
"""

from hashlib import sha256

# The version of the whole order: which merits count, in which order, and this draw. Another order is another version.
RULE_VERSION = "guanhu-match/1"
TAG = b"guanhu-draw/1\0"


def ticket(seed: bytes, adult_id: str) -> bytes:
    """What an adult drew; of equals the lower one comes first."""
    return sha256(TAG + seed + adult_id.encode()).digest()
