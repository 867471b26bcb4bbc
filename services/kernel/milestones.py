"""A referral learns how far the work is that came from it: the policy of every service that takes referrals."""

from collections.abc import Iterable
from typing import Any

import psycopg
from google.protobuf.message import Message

from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.intake.v1 import intake_service_pb2_grpc as stubs
from services.kernel.codec import EventCodec
from services.kernel.follow import RowEffect
from services.kernel.handler import Handler
from services.kernel.journal import Recorded
from services.kernel.policy import command_head, send

NAME = "milestones"


def milestones(
    stub: stubs.IntakeServiceStub, handler: Handler[Any], codec: EventCodec, told: Iterable[type[Message]]
) -> RowEffect:
    """The effect of the service's own events; `told` are those that are milestones. A state has its `referral_id`, or ""."""
    names = {kind.DESCRIPTOR.full_name: kind.DESCRIPTOR.name for kind in told}

    def effect(_: psycopg.Connection, row: Recorded) -> None:
        milestone = names.get(row.type)
        if milestone is None:
            return
        key = row.stream.removeprefix(f"{handler.decider.category}-")
        referral_id = handler.load(key).state.referral_id
        if not referral_id:
            return
        request = intake.ReportMilestoneRequest(
            head=command_head(NAME, codec.origin, row), referral_id=referral_id, milestone=milestone, aggregate_id=key
        )
        send(stub.ReportMilestone, request)

    return effect
