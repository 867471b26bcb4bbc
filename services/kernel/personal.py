"""Personal fields: taken out of an event before it is stored, sealed under the key of the person they are about.

A field marked `personal` is about the person whom the nearest enclosing field marked `subject` names. The row's identity
is bound into every sealed part, so that a part moved to another row, or changed, is noticed.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from guanhu.journal.v1 import record_pb2
from guanhu.options.v1 import options_pb2

SUITE_AES_256_GCM = 1
NONCE_BYTES = 12
_TAG = b"guanhu-part/1\0"

M = TypeVar("M", bound=Message)


class TamperedPart(Exception):
    """A sealed part is not the one that was stored in this row."""


@dataclass(frozen=True, slots=True)
class RowIdentity:
    """What identifies a stored row before its position is known."""

    origin: str
    stream: str
    version: int
    type: str


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A person's key: 32 bytes, and its version from 1."""

    version: int
    key: bytes


class Keys(Protocol):
    """Where the keys of persons are."""

    def key_for_sealing(self, subject_id: str) -> SubjectKey:
        """The person's newest key, made on first use."""
        ...

    def key(self, subject_id: str, version: int) -> bytes | None:
        """A key of the person; None where it is gone or not ours to use."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """An event as far as it can be read, and the paths of the fields that stay withheld."""

    event: Any
    withheld: tuple[str, ...]


def seal(event: Message, row: RowIdentity, keys: Keys) -> bytes:
    """Bytes of the Payload to store: the event without its personal fields, and those fields sealed.

    Raises:
        ValueError: a personal field is set and nothing says whom it is about.
    """
    payload = record_pb2.Payload()
    if not _holds_personal(event.DESCRIPTOR):
        payload.event = event.SerializeToString()
        return payload.SerializeToString()
    clear = type(event)()
    clear.CopyFrom(event)
    by_subject: dict[str, tuple[record_pb2.PersonalFields, list[str]]] = {}
    for holder in _holders(clear, "", (), ""):
        taken, paths = _take_out(holder)
        if not paths:
            continue
        if not holder.subject:
            raise ValueError(f"{holder.path}: nothing says whom the personal fields are about")
        fields, all_paths = by_subject.setdefault(holder.subject, (record_pb2.PersonalFields(), []))
        fields.holders.add(path=holder.numbers, fields=taken)
        all_paths.extend(paths)
    payload.event = clear.SerializeToString()
    for subject, (fields, paths) in by_subject.items():
        subject_key = keys.key_for_sealing(subject)
        part = payload.parts.add(
            subject_id=subject,
            key_version=subject_key.version,
            suite=SUITE_AES_256_GCM,
            nonce=os.urandom(NONCE_BYTES),
            paths=paths,
        )
        part.ciphertext = AESGCM(subject_key.key).encrypt(part.nonce, fields.SerializeToString(), _bound(row, part))
    return payload.SerializeToString()


def unseal(payload: bytes, event_class: type[M], row: RowIdentity, keys: Keys) -> Opened:
    """The event with every personal field that there is a key for.

    Raises:
        TamperedPart: a part was changed, or belongs to another row.
    """
    stored = record_pb2.Payload.FromString(payload)
    event = event_class.FromString(stored.event)
    withheld: list[str] = []
    for part in stored.parts:
        key = keys.key(part.subject_id, part.key_version)
        if key is None:
            withheld.extend(part.paths)
            continue
        try:
            plain = AESGCM(key).decrypt(part.nonce, part.ciphertext, _bound(row, part))
        except InvalidTag:
            raise TamperedPart(f"{row.stream} version {row.version}") from None
        for holder in record_pb2.PersonalFields.FromString(plain).holders:
            _at(event, holder.path).MergeFromString(holder.fields)
    return Opened(event, tuple(withheld))


def clear_event(payload: bytes, event_class: type[M]) -> M:
    """The event as stored in clear, personal fields empty; needs no key."""
    return event_class.FromString(record_pb2.Payload.FromString(payload).event)


def withheld_paths(payload: bytes) -> tuple[str, ...]:
    """Paths of the fields that are sealed."""
    return tuple(path for part in record_pb2.Payload.FromString(payload).parts for path in part.paths)


def unattributed(descriptor: Descriptor) -> list[str]:
    """Paths of personal fields whose person no enclosing field names; a released event has none."""
    return list(_unattributed(descriptor, descriptor.name, named=False, above=()))


@dataclass(slots=True)
class _Holder:
    message: Message
    subject: str
    numbers: tuple[int, ...]
    path: str


@cache
def _marked(field: FieldDescriptor, extension: Any) -> bool:
    return bool(field.GetOptions().Extensions[extension])


@lru_cache(maxsize=4096)
def _holds_personal(descriptor: Descriptor) -> bool:
    return any(True for _ in _personal_below(descriptor, frozenset()))


def _personal_below(descriptor: Descriptor, above: frozenset[str]) -> Iterator[FieldDescriptor]:
    if descriptor.full_name in above:
        return
    for field in descriptor.fields:
        if _marked(field, options_pb2.personal):
            yield field
        elif field.message_type is not None:
            yield from _personal_below(field.message_type, above | {descriptor.full_name})


@cache
def _subject_field(descriptor: Descriptor) -> FieldDescriptor | None:
    return next((field for field in descriptor.fields if _marked(field, options_pb2.subject)), None)


def _holders(message: Message, subject: str, numbers: tuple[int, ...], path: str) -> Iterator[_Holder]:
    own = _subject_field(message.DESCRIPTOR)
    if own is not None:
        subject = getattr(message, own.name) or subject
    yield _Holder(message, subject, numbers, path)
    for field, value in message.ListFields():
        # What has nothing personal in it holds nothing to take out.
        if field.message_type is None or _marked(field, options_pb2.personal) or not _holds_personal(field.message_type):
            continue
        items = value if field.is_repeated else (value,)
        for index, item in enumerate(items):
            name = f"{path}{field.name}[{index}]." if field.is_repeated else f"{path}{field.name}."
            yield from _holders(item, subject, (*numbers, field.number, index), name)


def _take_out(holder: _Holder) -> tuple[bytes, list[str]]:
    personal = [field.name for field, _ in holder.message.ListFields() if _marked(field, options_pb2.personal)]
    if not personal:
        return b"", []
    taken = type(holder.message)()
    taken.CopyFrom(holder.message)
    for field, _ in taken.ListFields():
        if not _marked(field, options_pb2.personal):
            taken.ClearField(field.name)
    for name in personal:
        holder.message.ClearField(name)
    return taken.SerializeToString(), [f"{holder.path}{name}" for name in personal]


def _at(event: Any, path: Any) -> Any:
    message = event
    for number, index in zip(path[::2], path[1::2], strict=True):
        field = message.DESCRIPTOR.fields_by_number[number]
        value = getattr(message, field.name)
        message = value[index] if field.is_repeated else value
    return message


def _bound(row: RowIdentity, part: record_pb2.SealedPart) -> bytes:
    def text(value: str) -> bytes:
        data = value.encode()
        return len(data).to_bytes(2, "big") + data

    fixed = row.version.to_bytes(8, "big") + part.key_version.to_bytes(4, "big") + part.suite.to_bytes(1, "big")
    names = (row.origin, row.stream, row.type, part.subject_id, *part.paths)
    return _TAG + fixed + len(part.paths).to_bytes(2, "big") + b"".join(text(name) for name in names)


def _unattributed(descriptor: Descriptor, path: str, *, named: bool, above: tuple[str, ...]) -> Iterator[str]:
    if descriptor.full_name in above:
        return
    named = named or _subject_field(descriptor) is not None
    for field in descriptor.fields:
        if _marked(field, options_pb2.personal):
            if not named:
                yield f"{path}.{field.name}"
        elif field.message_type is not None:
            yield from _unattributed(
                field.message_type, f"{path}.{field.name}", named=named, above=(*above, descriptor.full_name)
            )
