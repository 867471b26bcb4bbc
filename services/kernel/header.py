"""Who acted when and on what basis: from the head of a command to the header of the events that it leads to."""

from datetime import datetime, timedelta
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from guanhu.command.v1 import command_pb2
from guanhu.journal.v1 import record_pb2
from guanhu.options.v1 import options_pb2
from guanhu.types.v1 import types_pb2
from services.kernel import law
from services.kernel.dates import from_date, from_datetime, to_datetime
from services.kernel.decision import Act
from services.kernel.errors import Invalid, Violation
from services.kernel.identity import Principal

# How far the clock of a caller may be ahead.
CLOCK_SKEW = timedelta(seconds=30)


def act_of(head: command_pb2.CommandHead, principal: Principal, now: datetime) -> Act:
    """The act that a command reports.

    Raises:
        Invalid: it lies in the future.
    """
    occurred_at = to_datetime(head.occurred_at) if head.HasField("occurred_at") else now
    if occurred_at > now + CLOCK_SKEW:
        raise Invalid(Violation("head.occurred_at", "lies in the future"))
    return Act(
        recorded_at=now,
        occurred_at=min(occurred_at, now),
        agency=principal.agency,
        officer=principal.officer,
        role=principal.role,
        on_behalf_of=head.on_behalf_of,
        by_service=principal.kind == "service",
    )


def header_of(
    event: Message, act: Act, head: command_pb2.CommandHead, trace_parent: str, case_id: str, schema_sha256: bytes
) -> record_pb2.Header:
    """The header of an event; where the command names no rule, the one that the event's proto names."""
    rule_id = head.rule_id or _own_rule(event.DESCRIPTOR)
    return record_pb2.Header(
        recorded_at=from_datetime(act.recorded_at),
        occurred_at=from_datetime(act.occurred_at),
        actor=record_pb2.Actor(agency=act.agency, officer=act.officer, role=act.role, on_behalf_of=act.on_behalf_of),
        basis=record_pb2.LegalBasis(
            rule_id=rule_id, law_effective_on=_effective_on(rule_id, act), document_number=head.document_number
        ),
        request_id=head.request_id,
        correlation_id=case_id,
        causation=head.causation if head.HasField("causation") else None,
        trace_parent=trace_parent,
        schema_sha256=schema_sha256,
    )


@cache
def _own_rule(descriptor: Descriptor) -> str:
    return str(descriptor.GetOptions().Extensions[options_pb2.law]).split(";")[0].strip()


def _effective_on(rule_id: str, act: Act) -> types_pb2.Date | None:
    version = law.version_of_rule(rule_id, act.on)
    return from_date(version.effective_on) if version else None
