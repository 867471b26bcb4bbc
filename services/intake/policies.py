"""An accepted referral makes the receiver and the provider take part in the case, so that they may read it."""

from collections.abc import Iterable
from typing import Any

import psycopg

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import intake_service_pb2_grpc as stubs
from guanhu.intake.v1 import referral_events_pb2 as events
from services.intake.routes import Routes
from services.kernel.codec import EventCodec
from services.kernel.follow import RowEffect
from services.kernel.journal import Recorded
from services.kernel.policy import command_head, send

NAME = "participation"


def participation(stub: stubs.IntakeServiceStub, routes: Routes, codec: EventCodec) -> RowEffect:
    """The effect of intake's own events on the cases."""

    def effect(_: psycopg.Connection, row: Recorded) -> None:
        if row.type != events.ReferralAccepted.DESCRIPTOR.full_name:
            return
        accepted: Any = codec.clear(row)
        content = routes.referrals.load(accepted.referral_id).state.content
        assert content is not None
        for step, uscc, scope in _parts(content.to_uscc, accepted.provider):
            head = command_head(NAME, codec.origin, row, on_behalf_of=content.from_uscc, step=step)
            request = api.AddParticipantRequest(head=head, case_id=content.case_id, uscc=uscc, scope=scope)  # type: ignore[arg-type]
            send(stub.AddParticipant, request)

    return effect


def _parts(receiver: str, provider: str) -> Iterable[tuple[str, str, int]]:
    if receiver != provider:
        yield "receiver", receiver, directory.PARTICIPANT_SCOPE_COORDINATION
    if provider:
        yield "provider", provider, directory.PARTICIPANT_SCOPE_SERVICE
