"""Between events and stored rows: seals on the way in, opens on the way out, by the closed registry."""

from google.protobuf.message import Message

from guanhu.journal.v1 import record_pb2
from services.kernel import personal
from services.kernel.journal import Draft, Recorded
from services.kernel.personal import Keys, Opened, RowIdentity
from services.kernel.record import build_header
from services.kernel.registry import Registry


class EventCodec:
    """Encodes and decodes the events of one journal; `origin` is bound into what is sealed."""

    def __init__(self, origin: str, registry: Registry, keys: Keys) -> None:
        self.origin = origin
        self.registry = registry
        self._keys = keys

    @property
    def schema_sha256(self) -> bytes:
        """SHA-256 of the descriptors that events are written with."""
        return self.registry.schema_sha256

    def draft(self, event: Message, stream: str, version: int, header: record_pb2.Header) -> Draft:
        """The row to append for an event."""
        name = event.DESCRIPTOR.full_name
        payload = personal.seal(event, RowIdentity(self.origin, stream, version, name), self._keys)
        return Draft(name, build_header(header), payload)

    def clear(self, row: Recorded | Draft) -> Message:
        """The event without its personal fields; enough for folding.

        Raises:
            UnknownType: this release does not know the type.
        """
        return personal.clear_event(row.payload, self.registry.message_class(row.type))

    def clear_if_known(self, row: Recorded) -> Message | None:
        """The event without its personal fields; None for a type that this release does not know."""
        return self.clear(row) if self.registry.knows(row.type) else None

    def open(self, row: Recorded) -> Opened:
        """The event with the personal fields that there are keys for."""
        identity = RowIdentity(self.origin, row.stream, row.version, row.type)
        return personal.unseal(row.payload, self.registry.message_class(row.type), identity, self._keys)
