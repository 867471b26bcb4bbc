"""Builds a request from the fields of a step, by the descriptor, and answers mistakes with their line."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.demo.casefile import BadCase, Node, day, instant

# Resolves a reference such as "=id.case" or "=agency.proc" to its text.
Resolve = Callable[[Node], str]


def fill(message: Message, node: Node, resolve: Resolve) -> None:
    """Sets the fields that the node names."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, member in node.mapping().items():
        field = fields.get(name)
        if field is None:
            raise BadCase(member.line, f"{message.DESCRIPTOR.name} has no field '{name}'")
        if field.is_repeated:
            for item in member.sequence():
                _add(message, field, item, resolve)
        elif field.message_type is not None:
            _fill_message(getattr(message, name), member, resolve)
            getattr(message, name).SetInParent()
        else:
            value = _scalar(field, member, resolve)
            _put(member, partial(setattr, message, name, value))


def _add(message: Message, field: Any, item: Node, resolve: Resolve) -> None:
    values = getattr(message, field.name)
    if field.message_type is not None:
        _fill_message(values.add(), item, resolve)
    else:
        value = _scalar(field, item, resolve)
        _put(item, partial(values.append, value))


def _put(node: Node, put: Callable[[], None]) -> None:
    try:
        put()
    except ValueError as error:
        raise BadCase(node.line, "the value does not fit into the field") from error


def _fill_message(message: Any, node: Node, resolve: Resolve) -> None:
    kind = message.DESCRIPTOR.full_name
    if kind == "guanhu.types.v1.Date" and isinstance(node.value, str):
        found = day(Node(resolve(node), node.line))
        message.year, message.month, message.day = found.year, found.month, found.day
    elif kind == "google.protobuf.Timestamp":
        message.FromDatetime(instant(node))
    else:
        fill(message, node, resolve)


def _scalar(field: Any, node: Node, resolve: Resolve) -> Any:
    text = resolve(node)
    if field.enum_type is not None:
        return _enum(field, node, text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text not in {"true", "false"}:
            raise BadCase(node.line, "write true or false")
        return text == "true"
    if field.type == FieldDescriptor.TYPE_BYTES:
        # A document is named by its text in a case file; what is sent is its hash.
        return sha256(text.encode()).digest()
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return text
    try:
        return int(text)
    except ValueError as error:
        raise BadCase(node.line, "a number is expected here") from error


def _enum(field: Any, node: Node, text: str) -> int:
    values = field.enum_type.values
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    for value in values:
        if value.number and text in {value.name, value.name.removeprefix(prefix)}:
            return int(value.number)
    known = ", ".join(value.name.removeprefix(prefix) for value in values if value.number)
    raise BadCase(node.line, f"'{text}' is not one of {known}")
