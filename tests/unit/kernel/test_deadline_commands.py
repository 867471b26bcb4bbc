"""Starting a clock by command: only a body whose duty the deadline is."""

from typing import Any

import pytest

from guanhu.command.v1 import command_pb2
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel.deadline_commands import decide
from services.kernel.decision import AgencyFacts, Facts
from services.kernel.errors import IllegalState
from tests.unit.gwt import act
from tests.unit.kernel.clocks import ORGAN, OWNER

START = api.SetDeadlineRequest(
    head=command_pb2.CommandHead(request_id="00000000-0000-0000-0000-000000000001"),
    service="intake",
    stream="case-00000000-0000-0000-0000-000000000002",
    rule_id="DL-PROS-1M",
    liberty_restricted=True,
)


def test_the_organ_whose_duty_runs_starts_the_clock_and_others_are_told() -> None:
    event: Any
    [event] = decide(START, {}, act(OWNER), Facts({OWNER: AgencyFacts(OWNER, "PROC")}), informed=[ORGAN, OWNER])
    assert (event.owner_uscc, list(event.informed_usccs), event.liberty_restricted) == (OWNER, [ORGAN], True)
    assert event.trigger == ""


@pytest.mark.parametrize("agencies", [{}, {OWNER: AgencyFacts(OWNER, "SWO")}])
def test_a_body_of_another_type_starts_no_clock(agencies: dict[str, AgencyFacts]) -> None:
    with pytest.raises(IllegalState) as refused:
        decide(START, {}, act(OWNER), Facts(agencies))
    assert refused.value.reason == "ORGAN_NOT_COMPETENT"
