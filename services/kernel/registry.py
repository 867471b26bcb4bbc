"""The closed registry of event types: nothing in a stored row is ever imported or unpickled."""

import hashlib
from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message


class UnknownType(Exception):
    """A row names a type that this release does not know; a fold must stop here."""


class Registry:
    """Event types by full proto name, from the descriptors of the given files."""

    def __init__(self, files: Iterable[FileDescriptor]) -> None:
        self._files = tuple(files)
        self._classes: dict[str, type[Message]] = {
            message.full_name: message_factory.GetMessageClass(message)
            for file in self._files
            for message in file.message_types_by_name.values()
        }
        self._descriptor_set = self._collect()
        self.schema_sha256 = hashlib.sha256(self._descriptor_set).digest()

    def message_class(self, name: str) -> type[Message]:
        """The class of a type.

        Raises:
            UnknownType: the type is not registered.
        """
        try:
            return self._classes[name]
        except KeyError:
            raise UnknownType(name) from None

    def knows(self, name: str) -> bool:
        """Whether the type is registered."""
        return name in self._classes

    def descriptors(self) -> list[Any]:
        """Descriptors of all registered types."""
        return [found.DESCRIPTOR for found in self._classes.values()]

    def descriptor_set(self) -> bytes:
        """A FileDescriptorSet with which any protobuf implementation decodes the events."""
        return self._descriptor_set

    def _collect(self) -> bytes:
        ordered: dict[str, Any] = {}

        def add(file: FileDescriptor) -> None:
            for dependency in file.dependencies:
                add(dependency)
            if file.name not in ordered:
                proto = descriptor_pb2.FileDescriptorProto()
                file.CopyToProto(proto)
                ordered[file.name] = proto

        for file in self._files:
            add(file)
        return descriptor_pb2.FileDescriptorSet(file=ordered.values()).SerializeToString(deterministic=True)
