"""A new calendar year: every date that an older calendar left open is counted again, and what moved is recorded.

A release brings the State Council's calendar as data (TIM-10). The process that leads the schedule looks for clocks that an
older version left provisional and sends each a command of its own, with a request id that follows from clock and calendar.
"""

import structlog

from guanhu.command.v1 import command_pb2
from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel import calendar
from services.kernel.clocks import Clocks
from services.kernel.handler import Call
from services.kernel.policy import derived_id

NAME = "recount"
BATCH_CLOCKS_MAX = 200


def recount(service: str, clocks: Clocks, call: Call) -> int:
    """Counts the provisional dates of a service again; returns how many commands found something to record.

    Raises:
        Unavailable: the journal cannot be reached.
    """
    version = calendar.CHINA.version
    log = structlog.get_logger("guanhu.recount")
    changed = 0
    after = ("", "")
    while found := clocks.listed.provisional(version, after, BATCH_CLOCKS_MAX):
        for stream, deadline_id in found:
            route, key = clocks.find(stream)
            if route is None:
                continue
            [answer] = route.handler.execute_all(
                [(key, command(service, stream, deadline_id, version))], call, case_id=route.case_id
            )
            if isinstance(answer, command_pb2.Receipt):
                changed += not answer.replayed
            else:
                # It stays provisional and is found again by the next pass.
                log.error("clock not counted again", service=service, stream=stream, clock=deadline_id, reason=answer.reason)
        after = found[-1]
    return changed


def command(service: str, stream: str, deadline_id: str, version: str) -> api.RecomputeDeadlineRequest:
    """The command that counts a clock again with a version of the calendar."""
    return api.RecomputeDeadlineRequest(
        head=command_pb2.CommandHead(
            request_id=derived_id(NAME, service, f"{stream}|{deadline_id}", version), rule_id="TIM-10"
        ),
        service=service,
        stream=stream,
        deadline_id=deadline_id,
        cause=pb.RECOMPUTE_CAUSE_CALENDAR_PUBLISHED,
    )
