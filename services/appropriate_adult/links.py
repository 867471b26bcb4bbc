"""Links by which an adult answers an offer without signing in: tokens that this service signs (Ed25519) and nobody can forge.

A token is bound to one offer, one adult and one instant. It is never stored and never logged: it follows from the offer and
from a secret in the vault.
"""

import base64
import binascii
import uuid
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.appropriate_adult.offers import Link
from services.kernel.personal import Keys

SECRET = "guanhu:offer-links"  # the vault's name of the secret, no secret itself
_PURPOSE = b"guanhu offer link ed25519 1"
_TAG = b"guanhu-offer-link/1\0"
# version of the secret, assignment, offer, adult, microseconds since 1970; then the signature.
_UUIDS = ((4, 20), (20, 36), (36, 52))
_BODY_BYTES, _SIGNATURE_BYTES = 60, 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OfferLinks:
    """Makes and reads the tokens of links, with keys from the vault's secret."""

    def __init__(self, vault: Keys) -> None:
        self._vault = vault

    def token(self, link: Link) -> str:
        """The token of a link; the same link has the same token as long as the secret stays."""
        secret = self._vault.key_for_sealing(SECRET)
        ids = (link.assignment_id, link.offer_id, link.adult_id)
        microseconds = (link.answer_by - _EPOCH) // timedelta(microseconds=1)
        body = secret.version.to_bytes(4, "big") + b"".join(uuid.UUID(one).bytes for one in ids)
        body += microseconds.to_bytes(8, "big")
        return base64.urlsafe_b64encode(body + _signer(secret.key).sign(_TAG + body)).rstrip(b"=").decode()

    def read(self, token: str) -> Link | None:
        """What a token is bound to; None where this service did not sign it, to the last bit."""
        padded = token + "=" * (-len(token) % 4)
        try:
            data = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(data) != _BODY_BYTES + _SIGNATURE_BYTES or base64.urlsafe_b64encode(data).rstrip(b"=").decode() != token:
            return None
        body, signature = data[:_BODY_BYTES], data[_BODY_BYTES:]
        secret = self._vault.key(SECRET, int.from_bytes(body[:4], "big"))
        if secret is None:
            return None
        try:
            _signer(secret).public_key().verify(signature, _TAG + body)
        except InvalidSignature:
            return None
        assignment_id, offer_id, adult_id = (str(uuid.UUID(bytes=body[begins:ends])) for begins, ends in _UUIDS)
        microseconds = int.from_bytes(body[52:], "big")
        return Link(assignment_id, offer_id, adult_id, _EPOCH + timedelta(microseconds=microseconds))


def _signer(secret: bytes) -> Ed25519PrivateKey:
    seed = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
    return Ed25519PrivateKey.from_private_bytes(seed)
