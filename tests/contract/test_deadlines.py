"""Clocks over a real channel: kept by organs, listed by due date, explained in both languages, recorded as read."""

from datetime import timedelta
from typing import Any

import grpc
import icalendar
import pytest

from guanhu.deadline.v1 import deadline_events_pb2 as pb
from guanhu.deadline.v1 import deadline_service_pb2 as api
from guanhu.intake.v1 import intake_service_pb2 as intake
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as si
from services.demo.client import Client
from services.kernel.dates import from_date
from services.kernel.duedate import day_of
from services.kernel.host import Running
from services.kernel.rpc import reason_of
from tests.contract.agencies import CASE_HANDLING, OTHER_SWO, PROC, SWO, OpenedCase, head, open_case, register_agencies
from tests.contract.investigations import MANAGER, PROCURATOR, accept, commission

SI = "social_investigation"
Who = tuple[str, str, str]


@pytest.fixture
def case(client: Client) -> OpenedCase:
    register_agencies(client)
    return open_case(client)


def refused(call: object) -> str:
    """The reason with which a call is refused."""
    with pytest.raises(grpc.RpcError) as refusal:
        call()  # type: ignore[operator]
    return reason_of(refusal.value)


def explain(
    client: Client, stream: str, deadline_id: str, who: tuple[str, str, str] = PROCURATOR
) -> api.ExplainDeadlineResponse:
    request = api.ExplainDeadlineRequest(purpose=CASE_HANDLING, service=SI, stream=stream, deadline_id=deadline_id)
    answer: api.ExplainDeadlineResponse = client.call("deadline", "ExplainDeadline", request, *who)
    return answer


def listed(client: Client, who: Who, **fields: object) -> list[api.Deadline]:
    request = api.ListDeadlinesRequest(purpose=CASE_HANDLING, service=SI, **fields)  # type: ignore[arg-type]
    return list(client.call("deadline", "ListDeadlines", request, *who).deadlines)


def test_acceptance_meets_one_clock_and_starts_the_next_which_explains_itself(
    client: Client, case: OpenedCase, running: Running
) -> None:
    now = running.resources.clock.now()
    investigation_id = commission(client, case, now)
    stream = f"investigation-{investigation_id}"
    accept(client, investigation_id, now)
    met = explain(client, stream, "DL-SI-ACCEPT")
    assert (met.deadline.status, met.deadline.late) == (api.DEADLINE_STATUS_MET, False)
    told = explain(client, stream, "DL-SI-PROS", MANAGER)
    assert told.deadline.owner_uscc == SWO
    lines = {api.ExplanationPart.Name(line.part).removeprefix("EXPLANATION_PART_"): line for line in told.lines}
    assert set(lines) == {"RULE", "SOURCE", "TRIGGER", "STEP", "CALENDAR", "RESULT", "EXPIRY", "WOULD_CHANGE"}
    assert lines["RULE"].zh == "社会调查报告期限（DL-SI-PROS）：10个工作日，工作日"
    assert "已受理" in lines["TRIGGER"].zh
    assert "CommissionAccepted" in lines["TRIGGER"].en
    assert "系统建议值" in lines["SOURCE"].zh
    assert "24:00届满" in lines["RESULT"].zh
    assert all(line.zh and line.en for line in told.lines)


def test_the_organ_extends_the_report_and_the_explanation_says_who_approved(
    client: Client, case: OpenedCase, running: Running
) -> None:
    now = running.resources.clock.now()
    investigation_id = commission(client, case, now)
    stream = f"investigation-{investigation_id}"
    accept(client, investigation_id, now)
    until = day_of(now + timedelta(days=40))
    extend = api.ExtendDeadlineRequest(
        head=head(),
        service=SI,
        stream=stream,
        deadline_id="DL-SI-PROS",
        extension_id="ORGAN",
        basis="被调查人住院",
        approved_by=PROC,
        approval_no="试检未延〔2026〕1号",
        until=from_date(until),
    )
    assert refused(lambda: client.call("deadline", "ExtendDeadline", extend, *MANAGER)) == "NOT_ALLOWED"
    receipt = client.call("deadline", "ExtendDeadline", extend, *PROCURATOR).receipt
    told = explain(client, stream, "DL-SI-PROS")
    assert told.deadline.due_on == from_date(until)
    assert any("被调查人住院" in line.zh and PROC in line.en and line.version for line in told.lines)
    [shown] = listed(client, MANAGER, case_id=case.case_id, min_position=receipt.position)
    assert (shown.deadline_id, shown.due_on, shown.name_zh) == ("DL-SI-PROS", from_date(until), "社会调查报告期限")


def test_clocks_are_listed_by_due_date_page_by_page_for_agency_officer_and_case(
    client: Client, case: OpenedCase, running: Running
) -> None:
    now = running.resources.clock.now()
    for days in (6, 2, 4):
        position = accept(client, commission(client, case, now - timedelta(days=days)), now - timedelta(days=days))
    open_ones = listed(client, PROCURATOR, case_id=case.case_id, min_position=position)
    assert [d.due_at.seconds for d in open_ones] == sorted(d.due_at.seconds for d in open_ones)
    assert len(open_ones) == 3
    assert len(listed(client, PROCURATOR, case_id=case.case_id, include_closed=True)) == 6
    pages, token = [], ""
    while True:
        request = api.ListDeadlinesRequest(
            purpose=CASE_HANDLING, service=SI, case_id=case.case_id, page_size=2, page_token=token
        )
        page = client.call("deadline", "ListDeadlines", request, *PROCURATOR)
        pages += list(page.deadlines)
        token = page.next_page_token
        if not token:
            break
    assert pages == open_ones
    assert len(listed(client, MANAGER, case_id=case.case_id, officer="manager-1")) == 3
    assert listed(client, MANAGER, case_id=case.case_id, officer="manager-2") == []
    assert listed(client, (SWO, "worker-9", "SOCIAL_WORKER"), case_id=case.case_id) == []
    last = open_ones[-1].due_on
    assert {d.due_on.day for d in listed(client, PROCURATOR, case_id=case.case_id, due_from=last, due_to=last)} == {last.day}


def test_who_takes_no_part_sees_no_clock_and_reads_are_recorded(client: Client, case: OpenedCase, running: Running) -> None:
    investigation_id = commission(client, case, running.resources.clock.now())
    stranger = (OTHER_SWO, "manager-9", "SWO_MANAGER")
    stream = f"investigation-{investigation_id}"
    assert refused(lambda: explain(client, stream, "DL-SI-ACCEPT", stranger)) == "SEALED_OR_NOT_FOUND"
    assert refused(lambda: explain(client, f"investigation-{case.case_id}", "DL-SI-ACCEPT")) == "SEALED_OR_NOT_FOUND"
    assert refused(lambda: explain(client, "unheard-of", "DL-SI-ACCEPT")) == "SEALED_OR_NOT_FOUND"
    assert listed(client, stranger, case_id=case.case_id) == []
    explain(client, stream, "DL-SI-ACCEPT")
    with running.resources.pool.connection() as conn:
        rows = conn.execute(
            "select agency, action, allowed from social_investigation.access_records where case_id = %s"
            " and action like 'deadlines.%%' order by id",
            [case.case_id],
        ).fetchall()
    assert rows == [
        (OTHER_SWO, "deadlines.Explain", False),
        (OTHER_SWO, "deadlines.List", True),
        (PROC, "deadlines.Explain", True),
    ]


def test_a_clock_of_an_investigation_is_started_by_its_events_alone(client: Client, case: OpenedCase, running: Running) -> None:
    investigation_id = commission(client, case, running.resources.clock.now())
    stream = f"investigation-{investigation_id}"
    start = api.SetDeadlineRequest(head=head(), service=SI, stream=stream, rule_id="DL-PROS-1M")
    assert refused(lambda: client.call("deadline", "SetDeadline", start, *PROCURATOR)) == "DEADLINE_SET_BY_EVENTS"
    start.head.CopyFrom(head())
    assert refused(lambda: client.call("deadline", "SetDeadline", start, *MANAGER)) == "NOT_ALLOWED"
    unknown = api.MeetDeadlineRequest(head=head(), service=SI, stream=stream, deadline_id="NO-SUCH-RULE")
    assert refused(lambda: client.call("deadline", "MeetDeadline", unknown, *PROCURATOR)) == "DEADLINE_UNKNOWN"
    elsewhere = api.MeetDeadlineRequest(head=head(), service="audit", stream=stream, deadline_id="DL-SI-ACCEPT")
    assert refused(lambda: client.call("deadline", "MeetDeadline", elsewhere, *PROCURATOR)) == "INVALID_REQUEST"


def test_an_officers_calendar_is_read_by_any_calendar_and_names_nobody(
    client: Client, case: OpenedCase, running: Running
) -> None:
    now = running.resources.clock.now()
    officer = (SWO, f"manager-{case.case_id[:8]}", "SWO_MANAGER")
    investigation_id = commission(client, case, now)
    request = si.AcceptCommissionRequest(head=head(), investigation_id=investigation_id)
    position = client.call(SI, "AcceptCommission", request, *officer).receipt.position
    [shown] = listed(client, officer, officer=officer[1], min_position=position)
    asked = api.GetDeadlineCalendarRequest(purpose=CASE_HANDLING, service=SI)
    answer = client.call("deadline", "GetDeadlineCalendar", asked, *officer)
    assert answer.content_type == "text/calendar; charset=utf-8; method=PUBLISH"
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    [event] = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    start: Any = event["DTSTART"]
    assert from_date(start.dt) == shown.due_on
    assert str(event["SUMMARY"]).startswith("社会调查报告期限届满")
    assert str(event["UID"]) == f"{SI}.investigation-{investigation_id}.DL-SI-PROS@guanhu"
    assert case.subject_id.encode() not in answer.content
    assert "段某某".encode() not in answer.content
    assert refused(lambda: client.call("deadline", "GetDeadlineCalendar", asked, SWO)) == "INVALID_REQUEST"


def test_an_organ_keeps_the_clock_of_its_case_from_receipt_to_decision(
    client: Client, case: OpenedCase, running: Running
) -> None:
    stream = f"case-{case.case_id}"

    def act(kind: Any, name: str, **fields: Any) -> int:
        request = kind(head=head(), service="intake", stream=stream, **fields)
        return int(client.call("deadline", name, request, *PROCURATOR).receipt.position)

    act(api.SetDeadlineRequest, "SetDeadline", rule_id="DL-PROS-1M", liberty_restricted=True)
    cnp = pb.PAUSE_REASON_CONDITIONAL_NON_PROSECUTION
    act(api.PauseDeadlineRequest, "PauseDeadline", deadline_id="DL-PROS-1M", reason=cnp)
    request = api.ExplainDeadlineRequest(purpose=CASE_HANDLING, service="intake", stream=stream, deadline_id="DL-PROS-1M")
    still = client.call("deadline", "ExplainDeadline", request, *PROCURATOR)
    assert still.deadline.status == api.DEADLINE_STATUS_PAUSED
    assert still.deadline.remaining.days
    act(api.ResumeDeadlineRequest, "ResumeDeadline", deadline_id="DL-PROS-1M")
    released = pb.RECOMPUTE_CAUSE_LIBERTY_CHANGED
    act(api.RecomputeDeadlineRequest, "RecomputeDeadline", deadline_id="DL-PROS-1M", cause=released)
    act(api.MeetDeadlineRequest, "MeetDeadline", deadline_id="DL-PROS-1M")
    back = pb.RESET_CAUSE_SUPPLEMENTARY_INVESTIGATION
    act(api.ResetDeadlineRequest, "ResetDeadline", deadline_id="DL-PROS-1M", cause=back)
    waiver = pb.WAIVER_REASON_SET_IN_ERROR
    position = act(api.WaiveDeadlineRequest, "WaiveDeadline", deadline_id="DL-PROS-1M", reason=waiver, basis="误设")
    told = client.call("deadline", "ExplainDeadline", request, *PROCURATOR)
    history = [line.en for line in told.lines if line.part == api.EXPLANATION_PART_HISTORY]
    assert [line.split(": ")[0].split(" ", 2)[-1] for line in history][:2] == ["stood still", "went on"]
    assert told.basis.law == "CPL"
    asked = api.ListDeadlinesRequest(
        purpose=CASE_HANDLING, service="intake", case_id=case.case_id, include_closed=True, min_position=position
    )
    [line] = client.call("deadline", "ListDeadlines", asked, *PROCURATOR).deadlines
    assert line.status == api.DEADLINE_STATUS_WAIVED
    assert refused(lambda: client.call("deadline", "ExplainDeadline", request, OTHER_SWO, "m", "SWO_MANAGER")) == (
        "SEALED_OR_NOT_FOUND"
    )


def test_an_organs_own_number_reaches_the_investigations_that_it_commissions(
    client: Client, case: OpenedCase, running: Running
) -> None:
    now = running.resources.clock.now()
    chief = (PROC, "chief-1", "CHIEF_PROCURATOR")
    change = intake.ChangeDeadlineSettingRequest(
        head=head(),
        uscc=PROC,
        rule_id="DL-SI-PROS",
        length=pb.Length(working_days=7),
        effective_on=from_date(day_of(now)),
        reason="本院规定",
    )
    assert refused(lambda: client.call("intake", "ChangeDeadlineSetting", change, *PROCURATOR)) == "NOT_ALLOWED"
    client.call("intake", "ChangeDeadlineSetting", change, *chief)
    assert running.services[SI].views["directory"].catch_up()
    try:
        investigation_id = commission(client, case, now)
        accept(client, investigation_id, now)
        told = explain(client, f"investigation-{investigation_id}", "DL-SI-PROS")
        assert (told.due.counted, told.basis.setting_uscc) == (pb.Length(working_days=7), PROC)
        assert any("自行设定" in line.zh for line in told.lines)
    finally:
        # The services of this run are shared: other tests count with the default.
        change.head.CopyFrom(head())
        change.ClearField("length")
        client.call("intake", "ChangeDeadlineSetting", change, *chief)
        assert running.services[SI].views["directory"].catch_up()
