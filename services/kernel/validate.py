"""Checks the shape of a request before anything is decided: every malformed field is named at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
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
_OFFICER_FIELDS = frozenset({"officer", "supervisor", "signed_by", "interviewers"})
_USCC_FIELDS = frozenset({"provider", "proposed_provider", "on_behalf_of", "approved_by"})


def check(request: Message) -> None:
    """Raises Invalid with every violation found; reads the `required` marks of the protos and the kinds of fields.

    A field of a newer release is refused, never ignored: what it holds could not be sealed, and its sender would believe it
    recorded.
    """
    violations = (*_unknown(request, ""), *_violations(request, "", complete=True))
    if violations:
        raise Invalid(*violations)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What the protos say of a field, read once."""

    field: FieldDescriptor
    name: str
    number: int
    repeated: bool
    required: bool
    draft: bool


@cache
def _rules(descriptor: Descriptor) -> tuple[_Rule, ...]:
    def rule(field: FieldDescriptor) -> _Rule:
        marks = field.GetOptions().Extensions
        required, draft = marks[options_pb2.required], marks[options_pb2.draft]
        return _Rule(field, field.name, field.number, field.is_repeated, required, draft)

    return tuple(map(rule, descriptor.fields))


def _violations(message: Message, prefix: str, *, complete: bool) -> Iterator[Violation]:
    present = {field.number: value for field, value in message.ListFields()}
    for rule in _rules(message.DESCRIPTOR):
        if rule.number not in present:
            if complete and rule.required:
                yield Violation(f"{prefix}{rule.name}", "is required")
            continue
        value, path, whole = present[rule.number], f"{prefix}{rule.name}", complete and not rule.draft
        if not rule.repeated:
            yield from _value(rule.field, value, path, whole)
        elif len(value) > REPEATED_ITEMS_MAX:
            yield Violation(path, f"holds more than {REPEATED_ITEMS_MAX} items")
        else:
            for number, item in enumerate(value):
                yield from _value(rule.field, item, f"{path}[{number}]", whole)


def _unknown(message: Message, path: str) -> Iterator[Violation]:
    if len(UnknownFieldSet(message)):
        yield Violation(path, "holds a field that this release does not know")


def _value(field: FieldDescriptor, value: Any, path: str, complete: bool) -> Iterator[Violation]:
    if isinstance(value, str):
        yield from _text(field, value, path)
    elif isinstance(value, Message):
        yield from _unknown(value, path)
        if isinstance(value, types_pb2.Date):
            yield from _date(value, path)
        elif isinstance(value, Timestamp):
            yield from _timestamp(value, path)
        else:
            yield from _violations(value, f"{path}.", complete=complete)
    elif isinstance(value, bytes):
        if field.name == "sha256" and len(value) != SHA256_BYTES:
            yield Violation(path, "must be 32 bytes")
    elif field.enum_type is not None and value not in field.enum_type.values_by_number:
        yield Violation(path, "is no known value")


def _text(field: FieldDescriptor, value: str, path: str) -> Iterator[Violation]:
    personal, wanted = _kind_of(field)
    limit = TEXT_LENGTH_MAX if personal else SHORT_TEXT_LENGTH_MAX
    if len(value) > limit:
        yield Violation(path, f"is longer than {limit} characters")
    elif "\x00" in value:
        yield Violation(path, "holds a NUL character")
    elif not value.strip():
        yield Violation(path, "is blank")
    elif wanted == "uuid" and not _UUID.fullmatch(value):
        yield Violation(path, "must be a UUID in lower case")
    elif wanted == "uscc" and not is_uscc(value):
        yield Violation(path, "is no unified social credit code (GB 32100)")
    elif wanted == "officer" and not _OFFICER.fullmatch(value):
        yield Violation(path, "must be an officer id of 1 to 64 letters, digits or . _ @ -")


@cache
def _kind_of(field: FieldDescriptor) -> tuple[bool, str]:
    """Whether a text is personal, and what its name says that it is: a "uuid", a "uscc", an "officer" or any text."""
    name, personal = field.name, bool(field.GetOptions().Extensions[options_pb2.personal])
    if name.endswith(("_id", "_ids")) or name == "duplicate_of":
        return personal, "uuid" if not personal and name not in _NOT_UUIDS else ""
    if name.endswith("uscc") or name in _USCC_FIELDS:
        return personal, "uscc"
    return personal, "officer" if name in _OFFICER_FIELDS else ""


def _date(value: types_pb2.Date, path: str) -> Iterator[Violation]:
    try:
        day = date(value.year, value.month, value.day)
    except ValueError:
        yield Violation(path, "is no calendar date")
        return
    if not 1900 <= day.year <= 2199:
        yield Violation(path, "is outside the years 1900 to 2199")


def _timestamp(value: Timestamp, path: str) -> Iterator[Violation]:
    # 1900-01-01 to 2199-12-31, so that every conversion to a datetime succeeds.
    if not (-2_208_988_800 <= value.seconds < 7_258_118_400 and 0 <= value.nanos < 1_000_000_000):
        yield Violation(path, "is no instant between 1900 and 2199")
