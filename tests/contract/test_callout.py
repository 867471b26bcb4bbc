"""Call-outs over a real channel: refusal, silence, standby, escalation; links that open one offer; draws that recompute."""

import base64
import io
import itertools
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import text_format

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as assignments
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2_grpc as stubs
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignment_events
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import callout_service_pb2 as api
from guanhu.appropriate_adult.v1 import callout_service_pb2_grpc as callout_stubs
from guanhu.audit.v1 import audit_service_pb2 as auditpb
from services.appropriate_adult import calling, callout, desk
from services.demo.artefacts import verify_bundle
from services.demo.client import Client
from services.kernel.handler import Handler
from services.kernel.host import Running
from services.kernel.rpc import reason_of
from tests.contract.agencies import CASE_HANDLING, CYL, OTHER_SWO, SWO, head, new_id, open_case, register_agencies
from tests.contract.callouts import DESK, GATEWAY, MANAGER, PROCURATOR, Callouts, open_of, statuses
from tests.contract.played import settle
from tests.unit.appropriate_adult import builders as b

PROVINCES = itertools.count(71)
OTHER_MANAGER = (OTHER_SWO, "manager-9", "SWO_MANAGER")
CALLING, ACCEPTED, CONFIRMED, ENDED = (
    api.CALLOUT_STATUS_CALLING,
    api.CALLOUT_STATUS_ACCEPTED,
    api.CALLOUT_STATUS_CONFIRMED,
    api.CALLOUT_STATUS_ENDED,
)


@pytest.fixture
def callouts(client: Client) -> Iterator[Callouts]:
    """A province of this test's own, and a desk that asks one by one and gives ten minutes."""
    register_agencies(client)
    made = Callouts(client, f"{next(PROVINCES)}0101")
    made.set_desk()
    yield made


def refused(act: Any) -> str:
    """The reason with which a call is refused."""
    with pytest.raises(grpc.RpcError) as refusal:
        act()
    return reason_of(refusal.value)


def test_a_refusal_moves_on_and_the_first_who_accepts_is_proposed_and_confirmed(callouts: Callouts) -> None:
    pair = {callouts.register(), callouts.register()}
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    [first] = callouts.open_offers(assignment_id)
    declined = callouts.decline(callouts.token(first))
    assert declined.status == api.OFFER_STATUS_DECLINED
    [second] = callouts.open_offers(assignment_id)
    assert {first.adult_id, second.adult_id} == pair
    assert callouts.accept(callouts.token(second)).status == api.OFFER_STATUS_ACCEPTED
    callouts.confirm(assignment_id)
    found = callouts.until(assignment_id, lambda callout: callout.status == CONFIRMED)
    assert list(statuses(found)) == ["DECLINED", "CONFIRMED"]
    assignment = callouts.assignment(assignment_id)
    assert (assignment.adult_id, assignment.candidate_id) == (second.adult_id, second.offer_id)
    release = assignments.ReleaseAssignmentRequest(assignment_id=assignment_id, end=assignment_events.ASSIGNMENT_END_NEED_ENDED)
    callouts.adult("ReleaseAssignment", release, PROCURATOR)
    ended = callouts.until(assignment_id, lambda callout: callout.status == ENDED)
    assert ended.ended.end == events.CALLOUT_END_SESSION_OVER


def test_silence_moves_on_to_standby_then_up_to_the_province_and_what_is_lacking_is_recorded(callouts: Callouts) -> None:
    near, standby = callouts.register(), callouts.register(standby=True)
    callouts.register(languages=["cmn"])
    prefecture = callouts.register(callouts.county[:4] + "99")
    callouts.set_desk(answer_seconds=1)
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    found = callouts.until(assignment_id, lambda callout: callout.status == ENDED)
    assert [offer.adult_id for offer in found.offers] == [near, standby, prefecture]
    assert set(statuses(found)) == {"LAPSED"}
    assert [offer.standby for offer in found.offers] == [False, True, False]
    assert (found.raised.to_level, found.forwarded.to_level) == (events.CALLOUT_LEVEL_PREFECTURE, events.CALLOUT_LEVEL_PROVINCE)
    assert (found.raised.silent, found.forwarded.silent, found.ended.silent) == (2, 3, 3)
    lacking = {(item.obstacle, item.adults) for item in found.ended.lacking}
    assert lacking == {(events.OBSTACLE_ASKED, 3), (events.OBSTACLE_LANGUAGE, 1)}
    assert found.ended.end == events.CALLOUT_END_NOBODY_FOUND
    while callouts.assignment(assignment_id).status != assignments.ASSIGNMENT_STATUS_FAILED_NO_ADULT:
        pass


def test_of_those_asked_at_once_one_wins_whoever_answers_at_the_same_moment(callouts: Callouts) -> None:
    for _ in range(4):
        callouts.register()
    callouts.set_desk(at_once=4)
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    tokens = [callouts.token(offer) for offer in callouts.open_offers(assignment_id, 4)]

    def outcome(token: str) -> str:
        try:
            return api.OfferStatus.Name(callouts.accept(token).status)
        except grpc.RpcError as error:
            return reason_of(error)

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(outcome, tokens))
    assert outcomes == ["OFFER_STATUS_ACCEPTED", *["OFFER_TAKEN"] * 3]
    found = callouts.callout(assignment_id)
    assert sorted(statuses(found)) == ["ACCEPTED", "TAKEN", "TAKEN", "TAKEN"]


def test_a_link_shows_what_an_adult_may_know_and_nothing_of_the_minor(callouts: Callouts, log_lines: io.StringIO) -> None:
    callouts.register()
    case = open_case(callouts.client, "金某某")
    assignment_id = callouts.requested(case=case)
    callouts.start(assignment_id)
    [offer] = callouts.open_offers(assignment_id)
    token = callouts.token(offer)
    shown = callouts.call("callout", "ShowOffer", api.ShowOfferRequest(token=token), GATEWAY)
    assert (shown.status, shown.division_code, list(shown.languages)) == (api.OFFER_STATUS_OPEN, callouts.county, ["iii"])
    assert shown.answer_by == offer.answer_by
    text = text_format.MessageToString(shown, as_utf8=True)
    assert not any(said in text for said in ("金某某", case.subject_id, case.case_id, "阿某", "公安局"))
    callouts.accept(token)
    again = callouts.call("callout", "ShowOffer", api.ShowOfferRequest(token=token), GATEWAY)
    assert again == api.ShowOfferResponse(status=again.status), "once answered only its state is shown"
    assert token not in log_lines.getvalue() and "AnswerOffer" in log_lines.getvalue()


def test_a_link_is_used_once_and_its_repeat_is_told_what_is_recorded(callouts: Callouts) -> None:
    callouts.register()
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    [offer] = callouts.open_offers(assignment_id)
    token = callouts.token(offer)
    request = api.AnswerOfferRequest(head=head(), token=token, decline_reason=events.DECLINE_REASON_ILL)
    first = callouts.call("callout", "AnswerOffer", request, GATEWAY)
    assert callouts.call("callout", "AnswerOffer", request, GATEWAY).receipt.replayed
    assert callouts.decline(token).status == first.status == api.OFFER_STATUS_DECLINED
    assert refused(lambda: callouts.accept(token)) == "OFFER_LINK_USED"
    found = callouts.until(assignment_id, lambda callout: callout.status == ENDED)
    assert list(statuses(found)) == ["DECLINED"]


def test_no_forged_link_and_no_officer_answers_in_an_adult_s_place(callouts: Callouts) -> None:
    callouts.register()
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    [offer] = callouts.open_offers(assignment_id)
    token = callouts.token(offer)
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    for bad in (forged, token[:-1], "x", "/" * 166):
        assert refused(lambda bad=bad: callouts.accept(bad)) == "OFFER_LINK_INVALID"
        show = api.ShowOfferRequest(token=bad)
        assert refused(lambda show=show: callouts.call("callout", "ShowOffer", show, GATEWAY)) == "OFFER_LINK_INVALID"
    listing = api.ListOfferLinksRequest(purpose=CASE_HANDLING)
    for officer in (DESK, MANAGER, PROCURATOR):
        assert refused(lambda officer=officer: callouts.accept(token, officer)) == "NOT_ALLOWED"
        assert refused(lambda who=officer: callouts.call("callout", "ListOfferLinks", listing, who)) == "NOT_ALLOWED"
    assert open_of(callouts.callout(assignment_id)) == [offer]


def test_links_are_the_home_agencys_alone(callouts: Callouts) -> None:
    callouts.register()
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    [offer] = callouts.open_offers(assignment_id)
    assert callouts.token(offer)
    listing = api.ListOfferLinksRequest(purpose=CASE_HANDLING, page_size=200)
    for system in ((CYL, "", ""), (OTHER_SWO, "", "")):
        found = callouts.call("callout", "ListOfferLinks", listing, system)
        assert offer.offer_id not in {link.offer_id for link in found.links}
    links = callouts.call("callout", "ListOfferLinks", listing, GATEWAY).links
    assert [link.telephone for link in links if link.offer_id == offer.offer_id] == ["000"]
    page = callouts.call("callout", "ListOfferLinks", api.ListOfferLinksRequest(purpose=CASE_HANDLING, page_size=1), GATEWAY)
    assert [link.offer_id for link in page.links] == [links[0].offer_id]


def test_nobody_in_conflict_is_asked_and_why_is_the_organs_alone(callouts: Callouts) -> None:
    barred, free = callouts.register(), callouts.register()
    changed = b.entry(adult_id=barred, home_uscc=SWO, officer="", districts=[callouts.county], state_staff=True)
    callouts.adult("ChangeAdult", assignments.ChangeAdultRequest(entry=changed))
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    [offer] = callouts.open_offers(assignment_id)
    assert offer.adult_id == free
    callouts.decline(callouts.token(offer), events.DECLINE_REASON_CONFLICT)
    organ, desk = callouts.callout(assignment_id), callouts.callout(assignment_id, DESK)
    [for_organ], [for_desk] = organ.matches[0].excluded, desk.matches[0].excluded
    assert (for_organ.adult_id, for_desk.obstacle) == (barred, events.OBSTACLE_NOT_ELIGIBLE)
    assert (list(for_organ.exclusions), list(for_desk.exclusions)) == ([assignment_events.EXCLUSION_PART_IN_CASE], [])
    assert (organ.declined[0].reason, desk.declined[0].reason) == (events.DECLINE_REASON_CONFLICT, 0)


def test_after_a_no_show_the_one_on_standby_is_asked_by_itself(callouts: Callouts) -> None:
    first, standby = callouts.register(), callouts.register(standby=True)
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    [offer] = callouts.open_offers(assignment_id)
    callouts.accept(callouts.token(offer))
    callouts.confirm(assignment_id)
    callouts.until(assignment_id, lambda callout: callout.status == CONFIRMED)
    session_id = callouts.assignment(assignment_id).sessions[0].plan.session_id
    no_show = assignments.RecordNoShowRequest(assignment_id=assignment_id, session_id=session_id)
    callouts.adult("RecordNoShow", no_show, PROCURATOR)
    [second] = callouts.open_offers(assignment_id)
    assert (offer.adult_id, second.adult_id, second.standby) == (first, standby, True)
    callouts.accept(callouts.token(second))
    callouts.confirm(assignment_id)
    found = callouts.until(assignment_id, lambda callout: callout.status == CONFIRMED)
    assert list(statuses(found)) == ["FELL_THROUGH", "CONFIRMED"]


def test_an_adult_who_accepts_twice_is_booked_once_and_the_other_search_goes_on(callouts: Callouts) -> None:
    both, spare = callouts.register(), callouts.register()
    pair = [callouts.requested(), callouts.requested()]
    tokens = {}
    for assignment_id in pair:
        callouts.start(assignment_id)
        [offer] = callouts.open_offers(assignment_id)
        if offer.adult_id == spare:
            both, spare = spare, both
        tokens[assignment_id] = (callouts.token(offer), offer.adult_id)
    if tokens[pair[0]][1] != tokens[pair[1]][1]:
        # Fairness asked another one for the second: have the first adult asked in both.
        callouts.decline(tokens[pair[1]][0])
        [offer] = callouts.open_offers(pair[1])
        tokens[pair[1]] = (callouts.token(offer), offer.adult_id)
    assert tokens[pair[0]][1] == tokens[pair[1]][1]
    for assignment_id in pair:
        callouts.accept(tokens[assignment_id][0])
    found = callouts.until(pair[1], lambda callout: "FELL_THROUGH" in statuses(callout))
    assert found.status in {CALLING, ENDED}
    callouts.confirm(pair[0])
    callouts.until(pair[0], lambda callout: callout.status == CONFIRMED)


def test_a_desk_may_have_its_call_outs_start_by_themselves_and_a_new_request_overtakes(callouts: Callouts) -> None:
    callouts.register()
    callouts.set_desk(automatic=True, who=OTHER_MANAGER)
    assignment_id = callouts.requested(provider=OTHER_SWO)
    [offer] = callouts.open_offers(assignment_id)
    token = callouts.token(offer)
    session_id = callouts.assignment(assignment_id).sessions[0].plan.session_id
    callouts.ask(assignment_id, OTHER_SWO, session_id, hour=15)
    [second] = callouts.until(assignment_id, lambda c: [o for o in open_of(c) if o.offer_id != offer.offer_id]).offers
    assert refused(lambda: callouts.accept(token)) == "OFFER_WITHDRAWN"
    shown = callouts.call("callout", "ShowOffer", api.ShowOfferRequest(token=callouts.token(second)), GATEWAY)
    assert shown.planned_from == b.instant("2026-03-09 15:00")
    callouts.set_desk(who=OTHER_MANAGER)


def test_somebody_proposed_by_hand_ends_the_call_out(callouts: Callouts) -> None:
    callouts.register()
    assignment_id = callouts.requested()
    callouts.start(assignment_id)
    [offer] = callouts.open_offers(assignment_id)
    by_hand = assignments.ProposeCandidateRequest(
        assignment_id=assignment_id, candidate_id=new_id(), adult_id=callouts.register()
    )
    callouts.adult("ProposeCandidate", by_hand, DESK)
    found = callouts.until(assignment_id, lambda callout: callout.status == ENDED)
    assert found.ended.end == events.CALLOUT_END_OVERTAKEN
    assert list(statuses(found)) == ["WITHDRAWN"]


def test_organ_and_desk_stop_a_call_out_and_nobody_else_sees_it(callouts: Callouts) -> None:
    callouts.register()
    assignment_id = callouts.requested()
    callouts.start(assignment_id, PROCURATOR)
    callouts.open_offers(assignment_id)
    stop = api.StopCalloutRequest(assignment_id=assignment_id, end=events.CALLOUT_END_STOPPED)
    stranger = (OTHER_SWO, "manager-9", "SWO_MANAGER")
    assert refused(lambda: callouts.call("callout", "StopCallout", stop, stranger)) == "SEALED_OR_NOT_FOUND"
    assert refused(lambda: callouts.callout(assignment_id, stranger)) == "SEALED_OR_NOT_FOUND"
    for command in (
        api.MakeOffersRequest(assignment_id=assignment_id, offer_ids=[new_id()]),
        api.SettleOfferRequest(assignment_id=assignment_id, offer_id=new_id()),
    ):
        name = command.DESCRIPTOR.name.removesuffix("Request")
        assert refused(lambda name=name, command=command: callouts.call("callout", name, command, DESK)) == "NOT_ALLOWED"
    callouts.call("callout", "StopCallout", stop, DESK)
    assert callouts.callout(assignment_id).status == ENDED


def test_taking_the_journal_in_again_asks_nobody_and_ends_nothing(callouts: Callouts, running: Running) -> None:
    settle(running)
    served = running.services["appropriate_adult"]
    journal = served.journal
    assert journal is not None
    before = journal.head()
    own = running.resources.channel("appropriate_adult", "appropriate_adult")

    def handler_of(decider: Any) -> Any:
        return Handler(journal, decider, served.codec, running.resources.clock, running.resources.request_key)

    callouts_, desks = (handler_of(decider) for decider in (callout.DECIDER, desk.DECIDER))
    stub, callout_stub = stubs.AppropriateAdultServiceStub(own), callout_stubs.CalloutServiceStub(own)
    effect = calling.calling(stub, callout_stub, callouts_, desks, served.codec)
    with running.resources.pool.connection() as conn:
        rows = journal.read(0, before)
        for row in rows:
            effect(conn, row)
    assert journal.head() == before
    assert {row.stream.partition("-")[0] for row in rows} >= {"callout", "assignment", "adult"}


def test_every_choice_of_a_call_out_recomputes_from_the_bundle_without_our_code(callouts: Callouts, tmp_path: Path) -> None:
    for _ in range(3):
        callouts.register()
    case = open_case(callouts.client)
    assignment_id = callouts.requested(case=case)
    callouts.start(assignment_id)
    for _ in range(2):
        [offer] = callouts.open_offers(assignment_id)
        callouts.decline(callouts.token(offer))
    [offer] = callouts.open_offers(assignment_id)
    bundle = exported(callouts, case.case_id, tmp_path, offers=3)
    code, said = recomputed(bundle)
    assert (code, said) == (0, "recomputed: 3 rounds, 2 of them drawn among equals; every choice agrees\n")
    assert verify_bundle((tmp_path / "case.zip").read_bytes()) == "whole: every file, leaf and version agrees"


def swap_candidates(rows: list[dict[str, Any]]) -> None:
    candidates = next(row for row in rows if row["type"].endswith("CandidatesMatched"))["event"]["candidates"]
    candidates[0], candidates[1] = candidates[1], candidates[0]


def ask_another(rows: list[dict[str, Any]]) -> None:
    matched = next(row for row in rows if row["type"].endswith("CandidatesMatched"))["event"]["candidates"]
    next(row for row in rows if row["type"].endswith("OfferMade"))["event"]["adult_id"] = matched[1]["adult_id"]


def choose_the_seed(rows: list[dict[str, Any]]) -> None:
    matched = next(row for row in rows if row["type"].endswith("CandidatesMatched"))["event"]
    matched["seed"] = base64.b64encode(bytes(32)).decode()


def change_the_start(rows: list[dict[str, Any]]) -> None:
    started = next(row for row in rows if row["type"].endswith("CalloutStarted"))
    started["header_base64"] = base64.b64encode(b"x" + base64.b64decode(started["header_base64"])).decode()


@pytest.mark.parametrize("forge", [swap_candidates, ask_another, choose_the_seed, change_the_start])
def test_a_choice_that_was_not_drawn_is_noticed(callouts: Callouts, tmp_path: Path, forge: Any) -> None:
    for _ in range(2):
        callouts.register()
    case = open_case(callouts.client)
    assignment_id = callouts.requested(case=case)
    callouts.start(assignment_id)
    callouts.open_offers(assignment_id)
    bundle = exported(callouts, case.case_id, tmp_path)
    rows = [json.loads(line) for line in (bundle / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    forge(rows)
    (bundle / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert recomputed(bundle)[0] == 1


def exported(callouts: Callouts, case_id: str, folder: Path, offers: int = 1) -> Path:
    """The bundle of a case, once audit has its offers, unpacked."""
    request = auditpb.ExportCaseRequest(case_id=case_id, purpose=CASE_HANDLING)
    ends = time.monotonic() + 20.0
    while True:
        chunks = callouts.client.call("audit", "ExportCase", request, *PROCURATOR)
        (folder / "case.zip").write_bytes(b"".join(chunk.chunk for chunk in chunks))
        with zipfile.ZipFile(folder / "case.zip") as archive:
            rows = map(json.loads, archive.read("events.jsonl").splitlines())
            if sum(row["type"].endswith(".OfferMade") for row in rows) == offers:
                archive.extractall(folder / "case")
                return folder / "case"
        assert time.monotonic() < ends, "audit does not take it in"


def recomputed(bundle: Path) -> tuple[int, str]:
    """Exit code and output of the program in the bundle, run with nothing of ours on its path."""
    done = subprocess.run(
        [sys.executable, "-I", "draws.py"], cwd=bundle, capture_output=True, text=True, check=False, timeout=60
    )
    assert not done.stderr
    return done.returncode, done.stdout
