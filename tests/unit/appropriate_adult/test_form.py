"""Which forms the events of an assignment give rise to, and who issues them."""

from dataclasses import replace

import pytest

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import form_events_pb2 as events
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.appropriate_adult import form
from services.appropriate_adult.form import FormFacts
from services.appropriate_adult.form_sources import newest, sources
from tests.unit.appropriate_adult import builders as by
from tests.unit.appropriate_adult.form_fixture import RECORDED, issue, issuer, printed, recorded_source, unissued
from tests.unit.gwt import Story

KINDS = [number for number in events.FormKind.values() if number]


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_is_issued_with_its_hashes_by_the_body_whose_form_it_is(kind: int) -> None:
    story = unissued(kind)
    [issued] = story.when(issue(kind), issuer(kind))
    assert issued == printed(recorded_source(kind))
    state = story.after(issue(kind), issuer(kind)).state
    assert (state.form_id, state.kind, state.pdf_sha256) == (issued.form_id, kind, issued.pdf_sha256)


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_that_is_issued_again_is_not_recorded_again(kind: int) -> None:
    story = unissued(kind).after(issue(kind), issuer(kind))
    assert story.when(issue(kind), issuer(kind)) == []


@pytest.mark.parametrize("changed", ["pdf_sha256", "docx_sha256"])
def test_a_form_that_prints_otherwise_than_it_was_issued_is_refused(changed: str) -> None:
    kind = events.FORM_KIND_ATTENDANCE
    story = unissued(kind).after(issue(kind), by.POLICE)
    other = printed(recorded_source(kind), **{changed: b"x" * 32})
    story.knowing(FormFacts(source=recorded_source(kind), printed=other)).refuses("FORM_DIFFERS", issue(kind), by.POLICE)


def test_a_form_that_no_event_gives_rise_to_is_not_issued() -> None:
    story = Story.of(form.DECIDER, FormFacts())
    story.refuses("FORM_NOT_READY", issue(events.FORM_KIND_ATTENDANCE), by.POLICE)


@pytest.mark.parametrize("kind", KINDS)
def test_act_07_nobody_issues_another_bodys_form(kind: int) -> None:
    other = by.POLICE if kind == events.FORM_KIND_OBSERVATIONS else by.HOME
    unissued(kind).refuses("ORGAN_NOT_COMPETENT", issue(kind), other)


def test_every_form_but_the_notice_names_its_session() -> None:
    kind = events.FORM_KIND_RIGHTS
    unissued(kind).finds_invalid({"session_id"}, issue(kind, session_id=""), by.POLICE)


def test_an_officer_who_took_no_part_is_not_named() -> None:
    named = [events.PrintedOfficer(officer=officer, name="李某") for officer in ("police", "stranger")]
    kind = events.FORM_KIND_ATTENDANCE
    unissued(kind).finds_invalid({"officers[1].officer"}, issue(kind, officers=named), by.POLICE)


def test_an_event_of_another_kind_is_not_folded() -> None:
    with pytest.raises(TypeError):
        form.evolve(form.FormState(), assignments.PartyAdded())


def test_each_form_is_the_paper_of_one_event() -> None:
    found = {source.kind: source for source in sources(RECORDED)}
    assert set(found) == set(KINDS)
    certified = {kind: type(RECORDED[source.version - 1]) for kind, source in found.items()}
    assert certified == {
        events.FORM_KIND_NOTICE: assignments.AttendanceNoticeServed,
        events.FORM_KIND_RIGHTS: assignments.RightsAndDutiesInformed,
        events.FORM_KIND_ATTENDANCE: assignments.SessionClosed,
        events.FORM_KIND_OBSERVATIONS: assignments.ObservationsRecorded,
    }
    record = found[events.FORM_KIND_ATTENDANCE]
    assert (record.organ, record.adults, record.staff) == (by.PSB, (by.ADULT,), ("police", "policewoman"))
    sheet = found[events.FORM_KIND_OBSERVATIONS]
    assert (sheet.organ, sheet.officer, sheet.attendee_id) == (by.SWO, "adult-1", by.ADULT)


def test_after_the_case_went_on_the_forms_are_those_of_the_next_organ() -> None:
    went_on = assignments.AssignmentContinuedAtNextStage(to_uscc=by.PROC, to_stage=referrals.CASE_STAGE_PROSECUTION_REVIEW)
    again = RECORDED[recorded_source(events.FORM_KIND_NOTICE).version - 1]
    found = sources([*RECORDED, went_on, again])
    notices = [source.organ for source in found if source.kind == events.FORM_KIND_NOTICE]
    assert notices == [by.PSB, by.PROC]


def test_rights_told_to_a_legal_representative_name_no_adult() -> None:
    informed = assignments.RightsAndDutiesInformed(session_id=by.SESSION, attendee_id=by.FATHER)
    found = newest(sources([*RECORDED, informed]), events.FORM_KIND_RIGHTS, by.SESSION, by.FATHER)
    assert found is not None
    assert (found.adults, found.home) == ((), "")


def test_observations_of_a_session_that_no_adult_came_to_give_no_sheet() -> None:
    observed = assignments.ObservationsRecorded(session_id=by.SECOND_SESSION)
    assert len(sources([*RECORDED, observed])) == len(sources(RECORDED))


def test_an_adult_who_comes_back_after_a_replacement_is_named_once() -> None:
    closed = recorded_source(events.FORM_KIND_ATTENDANCE)
    again = [event for event in RECORDED if isinstance(event, assignments.AppropriateAdultArrived)]
    found = newest(sources([*RECORDED[: closed.version - 1], *again, RECORDED[closed.version - 1]]), closed.kind)
    assert found == replace(closed, version=closed.version + 1)


def test_the_newest_form_of_a_session_and_a_person_is_found() -> None:
    found = sources(RECORDED)
    assert newest(found, events.FORM_KIND_RIGHTS, by.SESSION, by.ADULT) == recorded_source(events.FORM_KIND_RIGHTS)
    assert newest(found, events.FORM_KIND_RIGHTS, by.SECOND_SESSION) is None
    assert newest(found, events.FORM_KIND_NOTICE, attendee_id=by.SECOND_ADULT) is None
