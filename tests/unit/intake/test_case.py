"""Cases and who takes part in them. Law ids are those of domain/01."""

from dataclasses import replace
from datetime import date

import pytest

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import case_events_pb2 as cases
from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import referral_events_pb2 as referrals
from services.intake.case import DECIDER
from tests.unit.gwt import Story, act
from tests.unit.intake import builders as b

EMPTY = Story.of(DECIDER, b.FACTS)
HANDLING, SERVICE = directory.PARTICIPANT_SCOPE_HANDLING, directory.PARTICIPANT_SCOPE_SERVICE


def remove(uscc: str, scope: int = SERVICE) -> api.RemoveParticipantRequest:
    return b.command(api.RemoveParticipantRequest, case_id=b.CASE, uscc=uscc, scope=scope, reason="移送")


def number(raw: str) -> api.RecordCaseNumberRequest:
    return b.command(api.RecordCaseNumberRequest, case_id=b.CASE, raw=raw)


def link(duplicate_of: str) -> api.LinkCaseRequest:
    return b.command(api.LinkCaseRequest, case_id=b.CASE, duplicate_of=duplicate_of, reason="同一事实")


def close() -> api.CloseCaseRequest:
    return b.command(api.CloseCaseRequest, case_id=b.CASE, reason="判决生效")


def test_an_opened_case_is_handled_by_its_organ_from_that_day() -> None:
    case = b.opened().state
    assert case.taking_part(b.ORGAN.on, HANDLING) == {b.PROC}
    assert case.taking_part(date(2026, 3, 8)) == frozenset()


def test_opened_alike_again_is_the_same_case_and_otherwise_none() -> None:
    assert b.opened().when(b.open_case(), b.ORGAN) == []
    b.opened().refuses("CASE_EXISTS", b.open_case(act_on=b.day("2026-01-21")), b.ORGAN)


@pytest.mark.parametrize("organ", [b.SWO, b.CYL, b.UNREGISTERED])
def test_act_07_only_an_organ_of_the_kind_opens_a_case(organ: str) -> None:
    EMPTY.refuses("ORGAN_NOT_COMPETENT", b.open_case(), act(organ))


def test_age_05_a_criminal_case_names_the_day_of_the_act() -> None:
    EMPTY.finds_invalid({"act_on"}, b.open_case(act_on=None), b.ORGAN)
    assert EMPTY.when(b.open_case(act_on=None, kind=cases.CASE_KIND_PROTECTION), b.ORGAN)


def test_the_act_lies_before_the_opening_and_the_person_is_registered() -> None:
    wrong = b.open_case(act_on=b.day("2026-03-10"), subject_id=b.REFERRAL)
    EMPTY.finds_invalid({"act_on", "subject_id"}, wrong, b.ORGAN)


def test_only_a_body_that_handles_the_case_changes_it() -> None:
    b.opened().refuses("NOT_HANDLING", b.participate(b.SWO), act(b.COURT))
    EMPTY.refuses("CASE_UNKNOWN", b.participate(b.SWO), b.ORGAN)


def test_a_participant_is_added_once_for_its_days() -> None:
    [added] = b.opened().when(b.participate(b.SWO), b.ORGAN)
    assert getattr(added, "from") == b.day("2026-03-09")
    with_part = b.opened().after(b.participate(b.SWO, begins=b.day("2026-03-10"), ends=b.day("2026-03-20")), b.ORGAN)
    assert with_part.state.taking_part(date(2026, 3, 9)) == {b.PROC}
    assert with_part.state.taking_part(date(2026, 3, 20), SERVICE) == {b.SWO}
    assert with_part.state.taking_part(date(2026, 3, 21), SERVICE) == frozenset()
    assert with_part.when(b.participate(b.SWO, begins=b.day("2026-03-12")), b.ORGAN) == []
    assert with_part.when(b.participate(b.SWO, begins=b.day("2026-03-21")), b.ORGAN)


def test_a_part_is_for_a_registered_agency_and_ends_after_it_begins() -> None:
    b.opened().finds_invalid({"uscc"}, b.participate(b.UNREGISTERED), b.ORGAN)
    b.opened().finds_invalid({"uscc"}, b.participate(b.SUSPENDED), b.ORGAN)
    b.opened().finds_invalid({"to"}, b.participate(b.SWO, ends=b.day("2026-03-08")), b.ORGAN)


def test_act_10_a_social_work_organisation_never_handles_a_case() -> None:
    b.opened().refuses("ORGAN_NOT_COMPETENT", b.participate(b.SWO, HANDLING), b.ORGAN)
    assert b.opened().when(b.participate(b.COURT, HANDLING), b.ORGAN)


def test_a_removed_participant_has_taken_part_until_that_day() -> None:
    removed = b.opened().after(b.participate(b.SWO), b.ORGAN).after(remove(b.SWO), b.ORGAN)
    assert removed.state.taking_part(b.ORGAN.on, SERVICE) == {b.SWO}
    assert removed.state.taking_part(date(2026, 3, 10)) == {b.PROC}
    b.opened().refuses("PARTICIPANT_UNKNOWN", remove(b.SWO), b.ORGAN)


def test_a_case_is_never_without_a_body_that_handles_it() -> None:
    b.opened().refuses("LAST_HANDLING_ORGAN", remove(b.PROC, HANDLING), b.ORGAN)
    handed_on = b.opened().after(b.participate(b.COURT, HANDLING), b.ORGAN).after(remove(b.PROC, HANDLING), b.ORGAN)
    handed_on.refuses("NOT_HANDLING", close(), act(b.PROC, at="2026-03-10 10:00"))


def test_the_only_handling_body_may_lose_another_part() -> None:
    both = b.opened().after(b.participate(b.PROC, directory.PARTICIPANT_SCOPE_SUPERVISION), b.ORGAN)
    assert both.when(remove(b.PROC, directory.PARTICIPANT_SCOPE_SUPERVISION), b.ORGAN)


def test_id_r11_a_number_is_kept_raw_and_parsed_and_once() -> None:
    [recorded] = b.opened().when(number("（2019）苏0104刑初123号"), b.ORGAN)
    assert recorded.number.raw == "（2019）苏0104刑初123号"
    assert (recorded.number.parse, recorded.number.year) == (cases.NUMBER_PARSE_NEW_COURT, "2019")
    assert b.opened().given(recorded).when(number("（2019）苏0104刑初123号"), b.ORGAN) == []
    other = b.opened().after(b.participate(b.COURT, HANDLING), b.ORGAN).given(recorded)
    assert other.when(number("（2019）苏0104刑初123号"), act(b.COURT))


def test_a_case_is_never_linked_to_itself() -> None:
    known = b.opened().knowing(replace(b.FACTS, existing=b.FACTS.existing | {b.CASE}))
    known.finds_invalid({"duplicate_of"}, link(b.CASE), b.ORGAN)


def test_a_case_is_linked_to_one_other() -> None:
    b.opened().finds_invalid({"duplicate_of"}, link(b.CASE), b.ORGAN)
    b.opened().finds_invalid({"duplicate_of"}, link(b.REFERRAL), b.ORGAN)
    linked = b.opened().after(link(b.OTHER), b.ORGAN)
    assert linked.when(link(b.OTHER), b.ORGAN) == []
    linked.refuses("CASE_ALREADY_LINKED", link(b.SUBJECT), b.ORGAN)


def test_a_closed_case_stays_as_it_is() -> None:
    closed = b.opened().after(close(), b.ORGAN)
    closed.refuses("CASE_CLOSED", number("试检刑诉受〔2026〕21号"), b.ORGAN)


def test_events_of_others_are_not_folded() -> None:
    with pytest.raises(TypeError, match="ReferralClosed"):
        EMPTY.given(referrals.ReferralClosed())
