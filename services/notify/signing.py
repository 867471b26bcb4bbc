"""Signatures of webhooks: Standard Webhooks with Ed25519 (`v1a`), so that a receiver can verify and cannot forge.

Each agency has a key of its own, derived from a secret in the vault; only its public half is recorded.
"""

import base64
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.kernel.personal import Keys

PUBLIC_PREFIX = "whpk_"
_PURPOSE = b"guanhu webhook ed25519 1"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of an agency: where its secret is, and its public half (32 bytes)."""

    reference: str
    version: int
    public: bytes
    private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message_id: str, timestamp_s: int, body: bytes) -> str:
        """The value of the header `webhook-signature`."""
        signed = self.private.sign(f"{message_id}.{timestamp_s}.".encode() + body)
        return f"v1a,{base64.b64encode(signed).decode()}"


class SigningKeys:
    """The agencies' keys, from the vault's secrets."""

    def __init__(self, vault: Keys) -> None:
        self._vault = vault

    def newest(self, uscc: str) -> SigningKey:
        """The agency's newest key, made on first use."""
        reference = f"guanhu:webhook:{uscc}"
        secret = self._vault.key_for_sealing(reference)
        return _derive(reference, secret.version, secret.key)

    def key(self, reference: str, version: int) -> SigningKey | None:
        """The key that an endpoint was registered with; None where its secret is gone."""
        secret = self._vault.key(reference, version)
        return None if secret is None else _derive(reference, version, secret)


def public_text(public: bytes) -> str:
    """A public key as receivers are given it."""
    return PUBLIC_PREFIX + base64.b64encode(public).decode()


def _derive(reference: str, version: int, secret: bytes) -> SigningKey:
    seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return SigningKey(reference, version, private.public_key().public_bytes_raw(), private)
