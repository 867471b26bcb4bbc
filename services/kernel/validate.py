"""Checks the shape of a request before anything is decided: every malformed field is named at once."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from guanhu.options.v1 import options_pb2
from guanhu.types.v1 import types_pb2
from services.kernel.errors import Invalid, Violation
from services.kernel.identifier import is_uscc

TEXT_LENGTH_MAX = 20_000
SHORT_TEXT_LENGTH_MAX = 400
REPEATED_ITEMS_MAX = 300
SHA256_BYTES = 32

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OFFICER = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_NOT_UUIDS = frozenset({"host_deadline_id", "rule_id", "deadline_id", "extension_id"})
_USCC_FIELDS = frozenset({"provider", "proposed_provider", "on_behalf_of", "approved_by"})


def check(request: Message) -> None:
    """Raises Invalid with every violation found; reads the `required` marks of the protos and the kinds of fields.

    A field of a newer release is refused, never ignored: what it holds could not be sealed, and its sender would believe it
    recorded.
    """
    violations = (*_unknown(request, ""), *_violations(request, "", complete=True))
    if violations:
        raise Invalid(*violations)


def _violations(message: Message, prefix: str, *, complete: bool) -> Iterator[Violation]:
    for field in message.DESCRIPTOR.fields:
        path = f"{prefix}{field.name}"
        value = getattr(message, field.name)
        if _absent(message, field, value):
            if complete and field.GetOptions().Extensions[options_pb2.required]:
                yield Violation(path, "is required")
            continue
        whole = complete and not field.GetOptions().Extensions[options_pb2.draft]
        if field.is_repeated:
            if len(value) > REPEATED_ITEMS_MAX:
                yield Violation(path, f"holds more than {REPEATED_ITEMS_MAX} items")
                continue
            for number, item in enumerate(value):
                yield from _value(field, item, f"{path}[{number}]", whole)
        else:
            yield from _value(field, value, path, whole)


def _unknown(message: Message, path: str) -> Iterator[Violation]:
    if len(UnknownFieldSet(message)):
        yield Violation(path, "holds a field that this release does not know")


def _absent(message: Message, field: Any, value: object) -> bool:
    if field.is_repeated:
        return len(value) == 0  # type: ignore[arg-type]
    if field.has_presence:
        return not message.HasField(field.name)
    return not value


def _value(field: Any, value: object, path: str, complete: bool) -> Iterator[Violation]:
    if isinstance(value, Message):
        yield from _unknown(value, path)
    if isinstance(value, types_pb2.Date):
        yield from _date(value, path)
    elif isinstance(value, Message):
        if value.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
            yield from _timestamp(value, path)
        else:
            yield from _violations(value, f"{path}.", complete=complete)
    elif isinstance(value, str):
        yield from _text(field, value, path)
    elif isinstance(value, bytes):
        if field.name == "sha256" and len(value) != SHA256_BYTES:
            yield Violation(path, "must be 32 bytes")
    elif field.enum_type is not None and value not in field.enum_type.values_by_number:
        yield Violation(path, "is no known value")


def _text(field: Any, value: str, path: str) -> Iterator[Violation]:
    personal = field.GetOptions().Extensions[options_pb2.personal]
    limit = TEXT_LENGTH_MAX if personal else SHORT_TEXT_LENGTH_MAX
    if len(value) > limit:
        yield Violation(path, f"is longer than {limit} characters")
    elif "\x00" in value:
        yield Violation(path, "holds a NUL character")
    elif not value.strip():
        yield Violation(path, "is blank")
    elif (field.name.endswith("_id") or field.name.endswith("_ids") or field.name == "duplicate_of") and not personal:
        if field.name not in _NOT_UUIDS and not _UUID.fullmatch(value):
            yield Violation(path, "must be a UUID in lower case")
    elif field.name.endswith("uscc") or field.name in _USCC_FIELDS:
        if not is_uscc(value):
            yield Violation(path, "is no unified social credit code (GB 32100)")
    elif field.name in {"officer", "supervisor", "signed_by", "interviewers"} and not _OFFICER.fullmatch(value):
        yield Violation(path, "must be an officer id of 1 to 64 letters, digits or . _ @ -")


def _date(value: types_pb2.Date, path: str) -> Iterator[Violation]:
    try:
        day = date(value.year, value.month, value.day)
    except ValueError:
        yield Violation(path, "is no calendar date")
        return
    if not 1900 <= day.year <= 2199:
        yield Violation(path, "is outside the years 1900 to 2199")


def _timestamp(value: Message, path: str) -> Iterator[Violation]:
    seconds, nanos = getattr(value, "seconds"), getattr(value, "nanos")  # noqa: B009 - typed as Message here
    # 1900-01-01 to 2199-12-31, so that every conversion to a datetime succeeds.
    if not (-2_208_988_800 <= seconds < 7_258_118_400 and 0 <= nanos < 1_000_000_000):
        yield Violation(path, "is no instant between 1900 and 2199")
