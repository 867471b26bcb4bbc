"""Intake over a real channel: what a procuratorate's system and the Youth League may count on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.demo.client import Client
from services.kernel.rpc import reason_of
from tests.contract.agencies import (
    AUD,
    CASE_HANDLING,
    CYL,
    OTHER_SWO,
    PROC,
    SWO,
    OpenedCase,
    agency,
    date,
    head,
    new_id,
    open_case,
    referral,
    register_agencies,
)

PROCURATOR = (PROC, "procurator-1", "CASE_PROCURATOR")
LEAGUE = (CYL, "league-1", "CYL_OFFICER")


@pytest.fixture
def case(client: Client) -> OpenedCase:
    register_agencies(client)
    return open_case(client)


def refused(call: object) -> str:
    """The reason with which a call is refused."""
    with pytest.raises(grpc.RpcError) as refusal:
        call()  # type: ignore[operator]
    return reason_of(refusal.value)


def violations(error: grpc.RpcError) -> dict[str, str]:
    """Field violations of a refusal."""
    found = {}
    for detail in rpc_status.from_call(error).details:  # type: ignore[arg-type]
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            found.update({v.field: v.description for v in bad.field_violations})
    return found


def submit(client: Client, content: referrals.ReferralContent, **fields: object) -> api.SubmitReferralResponse:
    request = api.SubmitReferralRequest(head=head(**fields), referral_id=content.referral_id, content=content)
    answer: api.SubmitReferralResponse = client.call("intake", "SubmitReferral", request, *PROCURATOR)
    return answer


def test_a_referral_submitted_twice_is_one_referral(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    first = submit(client, content)
    again = submit(client, content)
    assert (first.receipt.version, again.receipt.version) == (1, 1)


def test_the_same_request_sent_again_gets_its_first_answer(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    request = api.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content)
    first = client.call("intake", "SubmitReferral", request, *PROCURATOR)
    again = client.call("intake", "SubmitReferral", request, *PROCURATOR)
    assert again.receipt.replayed
    assert (again.receipt.version, again.receipt.position) == (first.receipt.version, first.receipt.position)
    request.content.external_number = "另一个"
    assert refused(lambda: client.call("intake", "SubmitReferral", request, *PROCURATOR)) == "REQUEST_ID_REUSED"


def test_a_sender_that_lost_its_ids_is_told_of_the_referral_with_the_same_number(client: Client, case: OpenedCase) -> None:
    number = new_id()
    submit(client, referral(case, external_number=number))
    assert refused(lambda: submit(client, referral(case, external_number=number))) == "DUPLICATE_SUBMISSION"


def test_of_many_referrals_with_one_number_at_once_one_is_recorded(client: Client, case: OpenedCase) -> None:
    number = new_id()
    contents = [referral(case, external_number=number) for _ in range(8)]

    def outcome(content: referrals.ReferralContent) -> str:
        try:
            return "recorded" if submit(client, content).receipt.position else ""
        except grpc.RpcError as error:
            return reason_of(error)

    with ThreadPoolExecutor(len(contents)) as pool:
        outcomes = sorted(pool.map(outcome, contents))
    assert outcomes == [*["DUPLICATE_SUBMISSION"] * 7, "recorded"]


def test_validate_only_checks_everything_and_records_nothing(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    receipt = submit(client, content, validate_only=True).receipt
    assert receipt.validated
    assert receipt.position == 0
    request = api.GetReferralRequest(referral_id=content.referral_id, purpose=CASE_HANDLING)
    assert refused(lambda: client.call("intake", "GetReferral", request, *PROCURATOR)) == "SEALED_OR_NOT_FOUND"


def test_every_malformed_field_is_named_in_one_answer(client: Client, case: OpenedCase) -> None:
    content = referral(case, to_uscc="911", case_id="x")
    content.due_on.CopyFrom(date(2026, 2, 30))
    with pytest.raises(grpc.RpcError) as refusal:
        submit(client, content)
    assert set(violations(refusal.value)) == {"content.to_uscc", "content.case_id", "content.due_on"}


def test_the_league_accepts_with_a_provider_and_both_take_part_then(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    submit(client, content)
    accept = api.AcceptReferralRequest(head=head(), referral_id=content.referral_id)
    assert refused(lambda: client.call("intake", "AcceptReferral", accept, *LEAGUE)) == "INVALID_REQUEST"
    accept = api.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO)
    client.call("intake", "AcceptReferral", accept, *LEAGUE)
    assert (
        refused(
            lambda: client.call(
                "intake",
                "AcceptReferral",
                api.AcceptReferralRequest(head=head(), referral_id=content.referral_id, provider=SWO),
                *LEAGUE,
            )
        )
        == "REFERRAL_STATE"
    )
    for _ in _until(client, case):
        pass


def _until(client: Client, case: OpenedCase) -> Iterator[None]:
    # The policy works behind the command; what it must come to is asked for until it is there, or the test times out.
    while True:
        request = api.GetCaseRequest(case_id=case.case_id, purpose=CASE_HANDLING)
        found = client.call("intake", "GetCase", request, *PROCURATOR).case
        if {p.uscc for p in found.participants} == {PROC, CYL, SWO}:
            return
        yield


def test_a_body_that_takes_no_part_cannot_tell_a_case_from_none(client: Client, case: OpenedCase) -> None:
    for case_id in (case.case_id, new_id()):
        request = api.GetCaseRequest(case_id=case_id, purpose=CASE_HANDLING)
        assert refused(lambda r=request: client.call("intake", "GetCase", r, OTHER_SWO, "manager-9", "SWO_MANAGER")) == (
            "SEALED_OR_NOT_FOUND"
        )


def test_the_league_sees_what_it_needs_for_matching_and_no_more(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    submit(client, content)
    request = api.GetReferralRequest(referral_id=content.referral_id, purpose=CASE_HANDLING)
    own = client.call("intake", "GetReferral", request, *PROCURATOR).referral
    league = client.call("intake", "GetReferral", request, *LEAGUE).referral
    assert own.content.brief_facts == "涉嫌盗窃电动自行车一辆"
    assert (league.content.brief_facts, league.content.needs) == ("", "需要会方言的社工")
    assert list(league.withheld) == ["brief_facts"]


def test_a_draft_is_the_senders_alone_and_the_receiver_cannot_tell_it_from_none(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    client.call("intake", "CreateReferral", api.CreateReferralRequest(head=head(), content=content), *PROCURATOR)
    for referral_id in (content.referral_id, new_id()):
        request = api.GetReferralRequest(referral_id=referral_id, purpose=CASE_HANDLING)
        assert refused(lambda r=request: client.call("intake", "GetReferral", r, *LEAGUE)) == "SEALED_OR_NOT_FOUND"


def test_league_and_provider_never_open_cases_or_refer(client: Client, case: OpenedCase) -> None:
    opening = api.OpenCaseRequest(
        head=head(), case_id=new_id(), kind=cases.CASE_KIND_CRIMINAL, subject_id=case.subject_id, act_on=date(2026, 3, 2)
    )
    for who in (LEAGUE, (SWO, "manager-1", "SWO_MANAGER")):
        assert refused(lambda w=who: client.call("intake", "OpenCase", opening, *w)) == "SEALED_OR_NOT_FOUND"


def test_a_person_has_two_ages_around_the_birthday(client: Client, case: OpenedCase) -> None:
    request = api.GetPersonRequest(person_id=case.subject_id, case_id=case.case_id, purpose=CASE_HANDLING, on=date(2026, 5, 6))
    found = client.call("intake", "GetPerson", request, *PROCURATOR)
    assert (found.criminal_age_years, found.civil_age_years) == (16, 17)
    assert found.details.name == "段某某"


def test_a_declined_referral_names_the_body_thought_competent(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    submit(client, content)
    decline = api.DeclineReferralRequest(
        head=head(), referral_id=content.referral_id, reason=referrals.REFERRAL_DECLINE_REASON_NOT_COMPETENT
    )
    assert refused(lambda: client.call("intake", "DeclineReferral", decline, *LEAGUE)) == "INVALID_REQUEST"
    decline.competent_uscc = SWO
    decline.head.CopyFrom(head())
    assert client.call("intake", "DeclineReferral", decline, *LEAGUE).receipt.version == 2


def test_a_list_shows_the_callers_own_referrals_page_by_page(client: Client, case: OpenedCase) -> None:
    receipts = [submit(client, referral(case)).receipt for _ in range(5)]
    seen: list[str] = []
    token = ""
    while True:
        request = api.ListReferralsRequest(
            case_id=case.case_id, purpose=CASE_HANDLING, page_size=2, page_token=token, min_position=receipts[-1].position
        )
        page = client.call("intake", "ListReferrals", request, *PROCURATOR)
        seen += [row.referral_id for row in page.referrals]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 5


def test_a_thousand_referrals_in_one_stream_are_answered_one_by_one(client: Client, case: OpenedCase) -> None:
    def stream() -> Iterator[api.SubmitReferralsRequest]:
        for number in range(1, 1001):
            content = referral(case)
            if number % 100 == 0:
                content.case_id = "malformed"
            yield api.SubmitReferralsRequest(
                item=number,
                referral=api.SubmitReferralRequest(head=head(), referral_id=content.referral_id, content=content),
            )

    answers = client.stream("intake", "SubmitReferrals", stream(), *PROCURATOR)
    assert [answer.item for answer in answers] == list(range(1, 1001))
    bad = [answer.item for answer in answers if answer.reason]
    assert bad == list(range(100, 1001, 100))
    assert {answer.reason for answer in answers if answer.reason} == {"INVALID_REQUEST"}
    assert all(answer.receipt.position for answer in answers if not answer.reason)


def test_an_agency_that_is_suspended_is_refused_at_once(client: Client, case: OpenedCase) -> None:
    suspend = api.SuspendAgencyRequest(head=head(), uscc=AUD, reason="test")
    client.call("intake", "SuspendAgency", suspend)
    request = api.GetAgencyRequest(uscc=PROC)
    assert refused(lambda: client.call("intake", "GetAgency", request, AUD, "auditor-1", "AUDITOR")) == "AGENCY_SUSPENDED"
    client.call("intake", "SuspendAgency", api.SuspendAgencyRequest(head=head(), uscc=AUD, reinstate=True, reason="test"))
    assert client.call("intake", "GetAgency", request, AUD, "auditor-1", "AUDITOR").agency == agency(PROC)


def test_reads_and_refusals_stand_in_the_access_record(client: Client, case: OpenedCase, running: object) -> None:
    request = api.GetCaseRequest(case_id=case.case_id, purpose=CASE_HANDLING)
    client.call("intake", "GetCase", request, *PROCURATOR)
    refused(lambda: client.call("intake", "GetCase", request, OTHER_SWO, "manager-9", "SWO_MANAGER"))
    with running.resources.pool.connection() as conn:  # type: ignore[attr-defined]
        rows = conn.execute(
            "select agency, allowed, reason, purpose, legal_basis from intake.access_records"
            " where case_id = %s and action = 'intake.GetCase' order by id",
            [case.case_id],
        ).fetchall()
    assert rows == [
        (PROC, True, "", "CASE_HANDLING", "SI-R05"),
        (OTHER_SWO, False, "SEALED_OR_NOT_FOUND", "CASE_HANDLING", "SI-R05"),
    ]


def test_a_system_acts_for_nobody_else(client: Client, case: OpenedCase) -> None:
    content = referral(case)
    assert refused(lambda: submit(client, content, on_behalf_of=CYL)) == "ON_BEHALF_OF_NOT_ALLOWED"
