"""The draw and the links: what anybody can recompute, and what nobody can forge."""

import base64
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from services.appropriate_adult.draw import ticket
from services.appropriate_adult.links import SECRET, OfferLinks
from services.appropriate_adult.offers import Link
from services.kernel.personal import SubjectKey
from tests.unit.appropriate_adult import builders as b

LINK = Link(b.ASSIGNMENT, b.CANDIDATE, b.ADULT, datetime(2026, 3, 9, 0, 27, 0, 123_456, tzinfo=UTC))


class OneSecret:
    """Keys that hold one secret in so many versions."""

    def __init__(self, *versions: bytes) -> None:
        self.versions = versions

    def key_for_sealing(self, subject_id: str) -> SubjectKey:
        assert subject_id == SECRET
        return SubjectKey(len(self.versions), self.versions[-1])

    def key(self, subject_id: str, version: int) -> bytes | None:
        assert subject_id == SECRET
        return self.versions[version - 1] if 0 < version <= len(self.versions) else None


def links(*versions: bytes) -> OfferLinks:
    return OfferLinks(OneSecret(*(versions or (b"k" * 32,))))


def test_a_ticket_is_the_hash_that_the_protocol_describes() -> None:
    assert ticket(b"s" * 32, b.ADULT) == sha256(b"guanhu-draw/1\0" + b"s" * 32 + b.ADULT.encode()).digest()


def test_a_link_reads_back_as_what_it_is_bound_to_and_is_the_same_every_time() -> None:
    token = links().token(LINK)
    assert links().read(token) == LINK
    assert links().token(LINK) == token
    assert len(token) == 166 and "=" not in token


def test_a_link_outlives_a_new_version_of_the_secret_and_not_another_secret() -> None:
    token = links(b"k" * 32).token(LINK)
    assert links(b"k" * 32, b"n" * 32).read(token) == LINK
    assert links(b"x" * 32).read(token) is None
    newer = links(b"k" * 32, b"n" * 32).token(LINK)
    assert newer != token
    assert links(b"k" * 32).read(newer) is None, "a version that is not held"


def test_no_bit_of_a_link_can_be_changed() -> None:
    token = links().token(LINK)
    data = base64.urlsafe_b64decode(token + "==")
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        assert links().read(base64.urlsafe_b64encode(bytes(changed)).rstrip(b"=").decode()) is None
    # The last character has bits that no byte holds: another spelling of the same bytes is no link either.
    spellings = [token[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    assert [spelling for spelling in spellings if links().read(spelling)] == [token]


@pytest.mark.parametrize("token", ["", "x", "=", "汉字", "a" * 166, "!" * 166, "A" * 400, "AAAA\n", "AAAA AAAA"])
def test_what_is_no_link_is_none(token: str) -> None:
    assert links().read(token) is None


def test_an_answer_can_neither_be_moved_to_another_adult_nor_be_prolonged() -> None:
    first, second = links().token(LINK), links().token(Link(b.ASSIGNMENT, b.CANDIDATE, b.SECOND_ADULT, LINK.answer_by))
    cut = 4 * 36 // 3  # where the adult's id begins, in base64
    assert links().read(first[:cut] + second[cut : cut + 22] + first[cut + 22 :]) is None
