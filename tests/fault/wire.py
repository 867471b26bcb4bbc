"""Requests made from descriptors: valid ones, their boundaries as bytes on the wire, and mutations.

A boundary is a valid request with one field sent again behind it: on the wire the last value of a field wins, and a message
that is sent twice is merged. So every field is reached by appending, and nothing else of the request changes.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from guanhu.command.v1 import command_pb2
from guanhu.options.v1 import options_pb2
from services.kernel.server import MESSAGE_BYTES_MAX
from services.kernel.validate import REPEATED_ITEMS_MAX, SHORT_TEXT_LENGTH_MAX, TEXT_LENGTH_MAX

# Deep enough for every field of the forms; no request of ours nests deeper.
DEPTH_MAX = 6
# Beyond the hundred levels at which protobuf parsers give up.
NESTED_LEVELS = 400
GROUP_BEGINS, GROUP_ENDS = 3, 4
# What a message may hold besides the valid request that the largest lists are appended to.
ROOM = MESSAGE_BYTES_MAX - 64 * 1024
# Not used by any message: what a newer client might send.
UNKNOWN_FIELD = 15_000
_HEAD = command_pb2.CommandHead.DESCRIPTOR.fields_by_name
REQUEST_ID_FIELD, RULE_ID_FIELD, VALIDATE_ONLY_FIELD = (
    _HEAD[name].number for name in ("request_id", "rule_id", "validate_only")
)
DATE, TIMESTAMP = "guanhu.types.v1.Date", "google.protobuf.Timestamp"

# A value for a text field, by its name and whether it is personal.
Text = Callable[[Any], str]


def varint(number: int) -> bytes:
    """A number on the wire; negative ones as 64 bits."""
    number %= 1 << 64
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number_field(field: int, value: int) -> bytes:
    """A field that holds a number."""
    return varint(field << 3) + varint(value)


def bytes_field(field: int, value: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return varint(field << 3 | 2) + varint(len(value)) + value


class Requests:
    """Makes requests; the same seed makes the same ones. `text` gives values of texts, `numbers` those of named numbers."""

    def __init__(self, seed: int, text: Text, numbers: Mapping[str, Sequence[int]]) -> None:
        self._random = random.Random(seed)
        self._text = text
        self._numbers = numbers

    def valid(self, descriptor: Descriptor) -> Any:
        """A request that is well-formed; whether it makes sense is up to chance."""
        message: Any = message_factory.GetMessageClass(descriptor)()
        self._fill(message, 0)
        return message

    def boundaries(self, descriptor: Descriptor, marker: bytes) -> Iterator[tuple[str, bytes]]:
        """Named bytes to append to a valid request; `marker` is what the fields that nobody knows hold."""
        groups = [varint(UNKNOWN_FIELD << 3 | kind) * NESTED_LEVELS for kind in (GROUP_BEGINS, GROUP_ENDS)]
        yield "deep nesting", b"".join(groups)
        for path, fields in _messages(descriptor):
            where = ".".join(field.name for field in path)
            yield f"{where}: unknown field", _within(path, bytes_field(UNKNOWN_FIELD, marker))
            for field in fields:
                for name, data in _at_boundary(field):
                    yield f"{where}.{field.name}: {name}", _within(path, data)
                if field.is_repeated:
                    item = bytes_field(field.number, b"")
                    yield f"{where}.{field.name}: as many as fit", _within(path, item * (ROOM // len(item)))
                    yield f"{where}.{field.name}: all blank", _within(path, item * (REPEATED_ITEMS_MAX - 10))

    def mutated(self, valid: bytes) -> bytes:
        """A valid request with a few bytes changed, dropped, doubled or cut off."""
        data = bytearray(valid)
        for _ in range(self._random.randint(1, 4)):
            at = self._random.randrange(len(data)) if data else 0
            match self._random.randrange(5):
                case 0 if data:
                    data[at] ^= 1 << self._random.randrange(8)
                case 1 if data:
                    data[at] = self._random.randrange(256)
                case 2:
                    data[at:at] = self._random.randbytes(self._random.randint(1, 8))
                case 3:
                    del data[at : at + self._random.randint(1, 8)]
                case _:
                    data += data[at : at + 64]
        return bytes(data)

    def fresh(self, descriptor: Descriptor, data: bytes) -> bytes:
        """The same request as a command of its own: with another request id."""
        head = descriptor.fields_by_name.get("head")
        if head is None:
            return data
        request_id = UUID(int=self._random.getrandbits(128), version=4)
        return data + bytes_field(head.number, bytes_field(REQUEST_ID_FIELD, str(request_id).encode()))

    def changed(self, descriptor: Descriptor, data: bytes) -> bytes:
        """Another command under the same request id: it rests on another rule."""
        head = descriptor.fields_by_name.get("head")
        return data + bytes_field(head.number, bytes_field(RULE_ID_FIELD, b"another rule")) if head is not None else data

    def checked_only(self, descriptor: Descriptor, data: bytes) -> bytes:
        """The same command, to be checked and not recorded."""
        return data + bytes_field(descriptor.fields_by_name["head"].number, number_field(VALIDATE_ONLY_FIELD, 1))

    def noise(self) -> bytes:
        """Random bytes."""
        return self._random.randbytes(self._random.randint(1, 300))

    def some(self, values: Sequence[Any], most: int) -> Sequence[Any]:
        """Some of the values, `most` at most."""
        return self._random.sample(values, min(most, len(values)))

    def pick(self, values: Sequence[Any]) -> Any:
        """One of the values."""
        return self._random.choice(values)

    def _fill(self, message: Any, depth: int) -> None:
        for field in message.DESCRIPTOR.fields:
            required = field.GetOptions().Extensions[options_pb2.required]
            if depth > DEPTH_MAX or not (required or self._random.random() < 0.6):
                continue
            if field.is_repeated:
                for _ in range(self._random.randint(1, 2)):
                    self._add(getattr(message, field.name), field, depth)
            elif field.message_type is not None:
                self._fill_message(getattr(message, field.name), depth)
            else:
                setattr(message, field.name, self._scalar(field))

    def _add(self, values: Any, field: Any, depth: int) -> None:
        if field.message_type is not None:
            self._fill_message(values.add(), depth)
        else:
            values.append(self._scalar(field))

    def _fill_message(self, message: Any, depth: int) -> None:
        message.SetInParent()
        match message.DESCRIPTOR.full_name:
            case "guanhu.types.v1.Date":
                message.year, message.month = self._random.randint(2005, 2027), self._random.randint(1, 12)
                message.day = self._random.randint(1, 28)
            case "google.protobuf.Timestamp":
                # Between 2017, before which no version of the law is on record, and 2025.
                message.seconds = self._random.randint(1_490_000_000, 1_760_000_000)
            case _:
                self._fill(message, depth + 1)

    def _scalar(self, field: Any) -> Any:
        if field.enum_type is not None:
            return self.pick([value.number for value in field.enum_type.values if value.number])
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_BOOL:
                return self._random.random() < 0.3
            case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
                return self._random.randbytes(32)
            case FieldDescriptor.CPPTYPE_STRING:
                return self._text(field)
        return self.pick(self._numbers.get(field.name, (1, 2, 15)))


def _messages(descriptor: Descriptor, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Sequence[Any]]]:
    """Every message of a request with the fields that lead to it; dates and instants count as fields."""
    yield path, descriptor.fields
    for field in descriptor.fields:
        inner = field.message_type
        if inner is not None and inner.full_name not in {DATE, TIMESTAMP} and len(path) < DEPTH_MAX:
            yield from _messages(inner, (*path, field))


def _within(path: Sequence[Any], data: bytes) -> bytes:
    for field in reversed(path):
        data = bytes_field(field.number, data)
    return data


def _at_boundary(field: Any) -> Iterator[tuple[str, bytes]]:
    number = field.number
    if field.message_type is not None:
        if field.message_type.full_name == DATE:
            days = ((-1, 1, 1), (0, 1, 1), (0, 0, 0), (1, 1, 1), (2026, 2, 30), (2026, 13, -1), (10_000, 1, 1), (1 << 31, 1, 1))
            for day in days:
                values = b"".join(number_field(part, value) for part, value in enumerate(day, start=1))
                yield f"date {day}", bytes_field(number, values)
        elif field.message_type.full_name == TIMESTAMP:
            for instant in (
                (1 << 63, 0),
                ((1 << 63) - 1, 0),
                (-62_135_596_801, 0),
                (253_402_300_800, 0),
                (0, -1),
                (0, 1_000_000_000),
            ):
                values = b"".join(number_field(part, value) for part, value in enumerate(instant, start=1))
                yield f"instant {instant}", bytes_field(number, values)
    elif field.enum_type is not None:
        for value in (0, 99, -1, 1 << 31):
            yield f"enum {value}", number_field(number, value)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        for size in (0, 1, 33):
            yield f"{size} bytes", bytes_field(number, bytes(size))
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        yield from _texts(field)
    else:
        for value in (0, (1 << 31) - 1, (1 << 63) - 1, -1):
            yield f"number {value}", number_field(number, value)


def _texts(field: Any) -> Iterator[tuple[str, bytes]]:
    personal = field.GetOptions().Extensions[options_pb2.personal]
    over = (TEXT_LENGTH_MAX if personal else SHORT_TEXT_LENGTH_MAX) + 1
    texts = {"no text": "", "one character": "x", "one character of four bytes": "𠀀", "NUL": "a\0b", "too long": "界" * over}
    for name, text in texts.items():
        yield name, bytes_field(field.number, text.encode())
    yield "no UTF-8", bytes_field(field.number, b"\xff\xfe\xc3")
