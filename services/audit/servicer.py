"""The history of cases: read, replayed, compared, exported. No key is held here: whatever is personal stays sealed."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict

from guanhu.audit.v1 import audit_service_pb2 as api
from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.journal.v1 import record_pb2
from guanhu.options.v1 import options_pb2
from services.audit.bundle import pack
from services.audit.evidence import Evidence, EvidenceStore
from services.audit.fold import Folder, as_json
from services.audit.history import in_causal_order
from services.kernel import page, personal, validate
from services.kernel.access import ResourceFacts
from services.kernel.admission import Admission
from services.kernel.clock import Clock
from services.kernel.dates import to_datetime
from services.kernel.decision import CHINA_STANDARD_TIME
from services.kernel.directory import Directory
from services.kernel.errors import Invalid, NotFound, Violation
from services.kernel.registry import Registry
from services.kernel.rpc import current_call

CHUNK_BYTES = 256 * 1024
# A whole stream of the largest size fits on one page.
PAGE_DEFAULT, PAGE_MAX = 500, 2_000


class AuditServicer:
    """The audit service's methods."""

    def __init__(
        self,
        store: EvidenceStore,
        folder: Folder,
        registry: Registry,
        admission: Admission,
        agencies: Directory,
        clock: Clock,
    ) -> None:
        self._store = store
        self._folder = folder
        self._registry = registry
        self._admission = admission
        self._agencies = agencies
        self._clock = clock

    def GetHistory(self, request: api.GetHistoryRequest, _: grpc.ServicerContext) -> api.GetHistoryResponse:
        """A case's events in causal order, as of a recorded and an effective instant."""
        validate.check(request)
        self._admit_case("GetHistory", request)
        rows = in_causal_order(
            self._store.of_case(request.case_id, _instant(request, "recorded_until"), _instant(request, "occurred_until"))
        )
        start = _offset(request.page_token)
        size = page.size(request.page_size, default=PAGE_DEFAULT, most=PAGE_MAX)
        entries = [self._entry(row, with_content=request.with_content) for row in rows[start : start + size]]
        token = str(start + size) if start + size < len(rows) else ""
        return api.GetHistoryResponse(entries=entries, next_page_token=token, total=len(rows))

    def Replay(self, request: api.ReplayRequest, _: grpc.ServicerContext) -> api.ReplayResponse:
        """The state of one stream at a version or at a recorded instant."""
        validate.check(request)
        self._admit_stream("Replay", request)
        rows = self._store.of_stream(request.origin, request.stream, request.until_version, _instant(request, "recorded_until"))
        self._known(request.stream, rows)
        state = self._folder.state(request.stream, rows)
        return api.ReplayResponse(state_json=as_json(state), version=rows[-1].version)

    def Compare(self, request: api.CompareRequest, _: grpc.ServicerContext) -> api.CompareResponse:
        """What changed between two versions of a stream, and which event changed it."""
        validate.check(request)
        self._admit_stream("Compare", request)
        if request.to_version and request.to_version < request.from_version:
            raise Invalid(Violation("to_version", "comes before from_version"))
        rows = self._store.of_stream(request.origin, request.stream, request.to_version)
        self._known(request.stream, rows)
        before = [row for row in rows if row.version <= request.from_version]
        response = api.CompareResponse()
        for changed in self._folder.changes(request.stream, before, rows[len(before) :]):
            response.changes.add(
                version=changed.version,
                type=changed.type,
                field=changed.field,
                before_json=changed.before,
                after_json=changed.after,
            )
        return response

    def ExportCase(self, request: api.ExportCaseRequest, _: grpc.ServicerContext) -> Iterator[api.ExportCaseResponse]:
        """The case as a bundle, in chunks."""
        validate.check(request)
        self._admit_case("ExportCase", request)
        rows = in_causal_order(self._store.of_case(request.case_id))
        if not rows:
            raise NotFound
        packed = pack(request.case_id, rows, self._registry)
        for start in range(0, len(packed), CHUNK_BYTES):
            yield api.ExportCaseResponse(chunk=packed[start : start + CHUNK_BYTES])

    def _admit_case(self, action: str, request: Any) -> None:
        today = self._clock.now().astimezone(CHINA_STANDARD_TIME).date()
        handling = self._agencies.participants(request.case_id, today, directory.PARTICIPANT_SCOPE_HANDLING)
        resource = ResourceFacts("History", request.case_id, participants=handling)
        self._admission.read(current_call(), action, resource, request.purpose, case_id=request.case_id)

    def _admit_stream(self, action: str, request: Any) -> None:
        resource = ResourceFacts("History", f"{request.origin}/{request.stream}")
        self._admission.read(current_call(), action, resource, request.purpose)

    def _known(self, stream: str, rows: Sequence[Evidence]) -> None:
        if not rows or not self._folder.knows(stream):
            raise NotFound

    def _entry(self, row: Evidence, *, with_content: bool) -> api.Entry:
        kind = self._registry.message_class(row.type)
        entry = api.Entry(
            origin=row.origin,
            position=row.position,
            stream=row.stream,
            version=row.version,
            type=row.type,
            label=kind.DESCRIPTOR.GetOptions().Extensions[options_pb2.title],
            header=record_pb2.Header.FromString(row.header),
            leaf_sha256=row.leaf_sha256,
            withheld=personal.withheld_paths(row.payload),
        )
        if with_content:
            event = MessageToDict(personal.clear_event(row.payload, kind), preserving_proto_field_name=True)
            entry.content_json = json.dumps(event, ensure_ascii=False)
        return entry


def _instant(request: Any, name: str) -> datetime | None:
    return to_datetime(getattr(request, name)) if request.HasField(name) else None


def _offset(token: str) -> int:
    # A history only grows at its end within one instant, so a plain count keeps its place.
    if token and not (token.isascii() and token.isdigit() and len(token) < 7):
        raise Invalid(Violation("page_token", "is none of ours"))
    return int(token or 0)
