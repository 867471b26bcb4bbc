"""The shape of requests: what is malformed is named, in one answer that fits into a refusal."""

import pytest

from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.types.v1 import types_pb2
from services.kernel import page, validate
from services.kernel.errors import VIOLATIONS_MAX, Invalid
from services.kernel.rpc import status_of

ID = "00000000-0000-4000-8000-000000000001"
# Field 15000 with the text "x": what a client of a newer release might send.
NEWER = bytes.fromhex("c2a9070178")
PURPOSE = types_pb2.Purpose(code=types_pb2.PURPOSE_CODE_AUDIT, legal_basis="ACT-09")
# gRPC clients drop trailers of more than 8 KiB; the rest is for the message and other metadata.
STATUS_BYTES_MAX = 6 * 1024


def invalid(request: object) -> Invalid:
    with pytest.raises(Invalid) as refused:
        validate.check(request)  # type: ignore[arg-type]
    return refused.value


def reading(**fields: object) -> api.GetPersonRequest:
    return api.GetPersonRequest(**{"person_id": ID, "case_id": ID, "purpose": PURPOSE, **fields})  # type: ignore[arg-type]


def test_a_well_formed_request_passes() -> None:
    validate.check(reading())


@pytest.mark.parametrize(("path", "owner"), [("", ""), ("purpose", "purpose"), ("on", "on")])
def test_a_field_of_a_newer_release_is_refused_wherever_it_stands(path: str, owner: str) -> None:
    request = reading(on=types_pb2.Date(year=2026, month=3, day=2))
    (getattr(request, owner) if owner else request).MergeFromString(NEWER)
    assert [violation.field for violation in invalid(request).violations] == [path]


def test_a_read_without_a_purpose_or_its_legal_basis_is_refused() -> None:
    assert [v.field for v in invalid(reading(purpose=None)).violations] == ["purpose"]
    empty = invalid(reading(purpose=types_pb2.Purpose()))
    assert [v.field for v in empty.violations] == ["purpose.code", "purpose.legal_basis"]


def test_a_refusal_of_hundreds_of_fields_still_fits_into_the_trailers() -> None:
    request = api.RegisterPersonRequest()
    request.details.contacts.extend([""] * validate.REPEATED_ITEMS_MAX)
    refusal = invalid(request)
    assert len(refusal.violations) == VIOLATIONS_MAX + 1
    assert "more fields" in refusal.violations[-1].description
    assert status_of(refusal).ByteSize() < STATUS_BYTES_MAX


@pytest.mark.parametrize("token", ["x", "好", "MjAyNi0wMS0wMXwA"], ids=["no base64", "no ASCII", "a NUL in the id"])
def test_a_page_token_that_is_none_of_ours_is_refused(token: str) -> None:
    with pytest.raises(Invalid):
        page.cursor(token)
