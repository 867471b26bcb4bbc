"""F3, F4 and F5 over a real channel: who issues them, who fetches them, and that they stay what they were."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import grpc
import pytest

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import form_events_pb2 as events
from guanhu.appropriate_adult.v1 import form_service_pb2 as forms
from services.demo.client import Client
from services.kernel.host import Running
from services.kernel.rpc import reason_of
from tests.contract.agencies import CASE_HANDLING, OTHER_SWO, SWO, head, new_id, open_case, register_agencies
from tests.contract.attended import OBSERVATION, PLACE, STATE, Attended, attended, serve_notice
from tests.contract.test_appropriate_adult import ADULT, DESK, MANAGER, PROCURATOR, Service
from tests.unit.paper.reading import docx_text, pdf_text

NOTICE, RIGHTS, ATTENDANCE, OBSERVATIONS = (number for number in events.FormKind.values() if number)
FORMATS = (forms.FORM_FORMAT_PDF, forms.FORM_FORMAT_DOCX)
SIBLING = (SWO, "adult-2", "APPROPRIATE_ADULT")
Who = tuple[str, str, str]
# Who fetches which form (domain/11 §11.2); everybody else does not learn that there is one.
OPEN_TO: dict[int, set[Who]] = {
    NOTICE: {PROCURATOR, DESK, ADULT},
    RIGHTS: {PROCURATOR, DESK, ADULT},
    ATTENDANCE: {PROCURATOR},
    OBSERVATIONS: {MANAGER, ADULT},
}


@pytest.fixture(scope="module")
def made(running: Running) -> Iterator[Attended]:
    """One session for all tests that only issue and fetch."""
    assert running.resources.authority is not None
    with Client(f"127.0.0.1:{running.port}", running.resources.authority) as client:
        register_agencies(client)
        yield attended(Service(client), open_case(client))


@pytest.fixture
def fresh(client: Client) -> Attended:
    """A session whose forms were never issued."""
    register_agencies(client)
    return attended(Service(client), open_case(client))


def ask(made: Attended, name: str, request: Any, who: Who) -> Any:
    if hasattr(request, "head"):
        request.head.CopyFrom(head())
    return made.service.client.call("form", name, request, *who)


def issue(made: Attended, kind: int, who: Who = PROCURATOR, **fields: Any) -> Any:
    session_id = "" if kind == NOTICE else made.session_id
    request = forms.IssueFormRequest(assignment_id=made.assignment_id, kind=kind, session_id=session_id, **fields)  # type: ignore[arg-type]
    return ask(made, "IssueForm", request, who)


def fetch(made: Attended, form_id: str, format_: int, who: Who = PROCURATOR) -> Any:
    request = forms.GetFormDocumentRequest(
        assignment_id=made.assignment_id,
        form_id=form_id,
        format=format_,  # type: ignore[arg-type]
        purpose=CASE_HANDLING,
    )
    return ask(made, "GetFormDocument", request, who)


def listed(made: Attended, who: Who = PROCURATOR) -> list[forms.FormRow]:
    request = forms.ListFormsRequest(assignment_id=made.assignment_id, purpose=CASE_HANDLING)
    return list(ask(made, "ListForms", request, who).forms)


def refusal(call: Any, *arguments: Any, **fields: Any) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        call(*arguments, **fields)
    return reason_of(refused.value)


def issue_all(made: Attended) -> dict[int, str]:
    """Every form, each by the body whose form it is."""
    found: dict[int, str] = {kind: issue(made, kind).form_id for kind in (NOTICE, RIGHTS, ATTENDANCE)}
    found[OBSERVATIONS] = issue(made, OBSERVATIONS, ADULT).form_id
    return found


def test_forms_are_fetched_byte_for_byte_by_whom_they_are_open_to(made: Attended) -> None:
    ids = issue_all(made)
    hashes = {row.form_id: (row.pdf_sha256, row.docx_sha256) for row in (*listed(made), *listed(made, MANAGER))}
    for kind, form_id in ids.items():
        for who in (PROCURATOR, DESK, MANAGER, ADULT, SIBLING, (OTHER_SWO, "manager-9", "SWO_MANAGER")):
            for number, format_ in enumerate(FORMATS):
                if who not in OPEN_TO[kind]:
                    assert refusal(fetch, made, form_id, format_, who) in {"SEALED_OR_NOT_FOUND", "NOT_ALLOWED"}
                    continue
                fetched = fetch(made, form_id, format_, who)
                assert sha256(fetched.content).digest() == fetched.sha256 == hashes[form_id][number]
                assert made.assignment_id in fetched.file_name


def test_each_form_says_what_the_events_say_and_observations_stay_at_home(made: Attended) -> None:
    ids = issue_all(made)
    texts = {kind: pdf_text(fetch(made, ids[kind], FORMATS[0]).content) for kind in (NOTICE, RIGHTS, ATTENDANCE)}
    words = docx_text(fetch(made, ids[OBSERVATIONS], FORMATS[1], ADULT).content)
    assert PLACE in texts[NOTICE]
    assert "某某" in texts[NOTICE], "the register names whom the notice does not"
    assert "不得就案情与他人联系" in texts[RIGHTS]
    assert STATE in texts[ATTENDANCE]
    assert OBSERVATION in words
    assert not any(OBSERVATION in text for text in texts.values())


def test_a_form_issued_again_is_the_same_form_and_nothing_is_recorded(fresh: Attended) -> None:
    named = [events.PrintedOfficer(officer="procurator-1", name="钱检察官")]
    form_id = issue(fresh, ATTENDANCE, officers=named).form_id
    before = fetch(fresh, form_id, FORMATS[0]).content
    assert "钱检察官" in pdf_text(before)
    again = issue(fresh, ATTENDANCE)
    assert (again.form_id, again.receipt.version) == (form_id, 1)
    # The register, the assignment and the session move on; the form stays what it was.
    change = api.ChangeAdultRequest(entry=fresh.service.call("GetAdult", _entry_of(fresh), MANAGER).adult.entry)
    change.entry.name = "改名某"
    fresh.service.call("ChangeAdult", change, MANAGER)
    fresh.service.call("CompleteAssignment", api.CompleteAssignmentRequest(assignment_id=fresh.assignment_id))
    assert issue(fresh, ATTENDANCE).receipt.version == 1
    assert fetch(fresh, form_id, FORMATS[0]).content == before


def _entry_of(made: Attended) -> api.GetAdultRequest:
    return api.GetAdultRequest(adult_id=made.adult_id, purpose=CASE_HANDLING)


def test_a_repeated_request_is_answered_with_the_form_that_it_issued(fresh: Attended) -> None:
    request = forms.IssueFormRequest(head=head(), assignment_id=fresh.assignment_id, kind=NOTICE)
    first = fresh.service.client.call("form", "IssueForm", request, *PROCURATOR)
    serve_notice(fresh, fresh.service.assignment(fresh.assignment_id).subject_id)
    again = fresh.service.client.call("form", "IssueForm", request, *PROCURATOR)
    assert (again.form_id, again.receipt.replayed) == (first.form_id, True)
    assert issue(fresh, NOTICE).form_id != first.form_id


def test_the_hashes_stand_in_an_event_and_names_are_sealed(made: Attended, running: Running) -> None:
    form_id = issue(made, NOTICE).form_id
    service = running.services["appropriate_adult"]
    assert service.journal is not None
    [row] = service.journal.read_stream(f"form-{form_id}")
    issued: Any = service.codec.clear(row)
    [found] = [each for each in listed(made) if each.form_id == form_id]
    assert (issued.pdf_sha256, issued.docx_sha256) == (found.pdf_sha256, found.docx_sha256)
    assert (issued.adults[0].name, issued.organ_name != "") == ("", True)
    assert "某某".encode() not in row.payload


def test_only_the_body_whose_form_it_is_issues_it(made: Attended) -> None:
    for who in (DESK, MANAGER, ADULT):
        assert refusal(issue, made, NOTICE, who) in {"NOT_ALLOWED", "SEALED_OR_NOT_FOUND"}
    assert refusal(issue, made, OBSERVATIONS) in {"NOT_ALLOWED", "SEALED_OR_NOT_FOUND"}


def test_a_form_that_was_not_issued_or_that_nothing_gives_rise_to_is_refused(fresh: Attended) -> None:
    not_issued = next(row.form_id for row in listed(fresh) if row.kind == RIGHTS)
    assert refusal(fetch, fresh, not_issued, FORMATS[0]) == "FORM_NOT_ISSUED"
    assert refusal(fetch, fresh, new_id(), FORMATS[0]) == "FORM_NOT_ISSUED"
    elsewhere = forms.IssueFormRequest(assignment_id=fresh.assignment_id, kind=RIGHTS, session_id=new_id())
    assert refusal(ask, fresh, "IssueForm", elsewhere, PROCURATOR) == "FORM_NOT_READY"


def test_a_character_that_cannot_be_printed_keeps_the_form_from_being_issued(fresh: Attended) -> None:
    unprintable = [events.PrintedOfficer(officer="procurator-1", name="钱\U0001f600")]
    assert refusal(issue, fresh, ATTENDANCE, officers=unprintable) == "GLYPH_MISSING"
    assert issue(fresh, ATTENDANCE).receipt.version == 1


def test_forms_are_listed_to_each_as_far_as_they_may_fetch_them(made: Attended) -> None:
    assert [row.kind for row in listed(made)] == [NOTICE, RIGHTS, ATTENDANCE]
    assert [row.kind for row in listed(made, DESK)] == [NOTICE, RIGHTS]
    assert [row.kind for row in listed(made, ADULT)] == [NOTICE, RIGHTS, OBSERVATIONS]
    assert refusal(listed, made, (OTHER_SWO, "manager-9", "SWO_MANAGER")) == "SEALED_OR_NOT_FOUND"
