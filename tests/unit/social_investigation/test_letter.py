"""The letter of commission: whole, dated, and about a minor. Rule ids are those of domain/02 and domain/03."""

from dataclasses import replace
from typing import Any

import pytest

from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import forms_pb2 as forms
from services.kernel.dates import to_date
from services.kernel.decision import CaseFacts, Facts
from services.social_investigation.investigation import DECIDER
from services.social_investigation.state import State
from tests.unit.gwt import Story
from tests.unit.social_investigation import builders as b

EMPTY = Story.of(DECIDER, b.FACTS)


def with_case(**changes: Any) -> Facts:
    assert b.FACTS.case is not None
    return replace(b.FACTS, case=replace(b.FACTS.case, **changes))


def outcomes(event: Any) -> dict[str, str]:
    return {rule.rule_id: rule.outcome for rule in event.rules}


def test_age_05_who_was_eighteen_at_the_act_is_no_minor() -> None:
    EMPTY.refuses("NOT_A_MINOR_AT_ACT", b.create(letter=b.letter(birth_date=b.day("2008-01-19"))), b.ORGAN)
    assert EMPTY.when(b.create(letter=b.letter(birth_date=b.day("2008-01-20"))), b.ORGAN)


def test_age_02_below_twelve_no_criminal_stage_and_below_fourteen_a_warning() -> None:
    EMPTY.refuses("UNDER_RESPONSIBILITY_AGE", b.create(letter=b.letter(birth_date=b.day("2014-01-20"))), b.ORGAN)
    [drafted] = EMPTY.when(b.create(letter=b.letter(birth_date=b.day("2013-06-01"))), b.ORGAN)
    assert outcomes(drafted)["AGE-02"] == "needs_spp_approval"


def born_for_an_act_on(day: str, birth_date: str) -> tuple[Story[State], Any]:
    story = EMPTY.knowing(with_case(act_on=to_date(b.day(day))))
    return story, b.create(letter=b.letter(birth_date=b.day(birth_date)))


@pytest.mark.parametrize(
    ("act_on", "birth_date", "outcome"),
    [
        ("2021-03-01", "2009-02-28", "needs_spp_approval"),
        ("2026-01-20", "2012-01-20", "needs_spp_approval"),
        ("2026-01-20", "2012-01-19", "listed_offences_only"),
        ("2018-08-06", "2003-11-02", "listed_offences_only"),
        ("2026-01-20", "2010-01-20", "listed_offences_only"),
        ("2026-01-20", "2010-01-19", None),
    ],
)
def test_age_02_the_band_is_that_of_the_day_after_the_birthday(act_on: str, birth_date: str, outcome: str | None) -> None:
    story, create = born_for_an_act_on(act_on, birth_date)
    [drafted] = story.when(create, b.ORGAN)
    assert outcomes(drafted).get("AGE-02") == outcome


def test_age_02_before_amendment_xi_an_act_below_fourteen_was_no_crime() -> None:
    story, create = born_for_an_act_on("2021-02-28", "2007-03-01")
    story.refuses("UNDER_RESPONSIBILITY_AGE", create, b.ORGAN)
    after, later = born_for_an_act_on("2021-03-01", "2007-03-02")
    assert after.when(later, b.ORGAN)


def test_law_01_responsibility_follows_the_law_of_the_day_of_the_act() -> None:
    story, create = born_for_an_act_on("2018-08-06", "2003-11-02")
    [drafted] = story.when(create, b.ORGAN)
    assert [rule.rule_version for rule in drafted.rules if rule.rule_id == "AGE-02"] == ["1997-10-01"]


@pytest.mark.parametrize("basis", [persons.AGE_BASIS_UNPROVEN, persons.AGE_BASIS_SELF_STATED])
def test_age_04_doubt_about_the_age_never_refuses(basis: int) -> None:
    adult = b.letter(birth_date=b.day("1990-01-01"), age_basis=basis)
    [drafted] = EMPTY.when(b.create(letter=adult), b.ORGAN)
    assert outcomes(drafted) == {"AGE-04": "unproven"}


def test_a_criminal_case_names_the_day_of_the_act_and_only_one() -> None:
    story = EMPTY.knowing(with_case(act_on=None))
    story.finds_invalid({"act_on"}, b.create(), b.ORGAN)
    assert story.when(b.create(act_on=b.day("2026-01-20")), b.ORGAN)
    EMPTY.finds_invalid({"act_on"}, b.create(act_on=b.day("2026-01-21")), b.ORGAN)


def test_si_r12_a_civil_case_needs_no_act() -> None:
    civil = b.create(letter=b.letter(case_stage=referrals.CASE_STAGE_CIVIL_FAMILY, organ_uscc=b.COURT))
    [drafted] = EMPTY.knowing(with_case(act_on=None)).when(civil, b.JUDGE)
    assert outcomes(drafted) == {"SI-R12": "civil_case"}


def test_an_incomplete_letter_is_never_issued() -> None:
    partial = b.letter()
    partial.ClearField("brief_facts")
    partial.ClearField("liaison")
    b.drafted().finds_invalid({"letter.brief_facts", "letter.liaison"}, b.issue(letter=partial), b.ORGAN)


def test_the_report_is_due_a_working_day_before_the_host_deadline() -> None:
    def due(day: str) -> Any:
        return b.issue(letter=b.letter(due_on=b.day(day), host_deadline_id="DL-PROS-1M", host_deadline_on=b.day("2026-03-16")))

    # 2026-03-16 is a Monday: the working day before is Friday the 13th.
    assert b.drafted().when(due("2026-03-13"), b.ORGAN)
    b.drafted().finds_invalid({"letter.due_on"}, due("2026-03-14"), b.ORGAN)
    b.drafted().finds_invalid({"letter.due_on"}, due("2026-03-08"), b.ORGAN)


def test_a_host_deadline_has_both_its_id_and_its_day() -> None:
    without_day = b.letter()
    without_day.ClearField("host_deadline_on")
    b.drafted().finds_invalid({"letter.host_deadline_on"}, b.issue(letter=without_day), b.ORGAN)
    without_id = b.letter(host_deadline_id="")
    fields = {"letter.host_deadline_on", "letter.host_deadline_id"}
    b.drafted().finds_invalid(fields, b.issue(letter=without_id), b.ORGAN)
    b.drafted().finds_invalid({"letter.host_deadline_id"}, b.issue(letter=b.letter(host_deadline_id="一个月")), b.ORGAN)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"coercive_measure": 0}, "coercive_measure"),
        ({"coercive_measure": forms.COERCIVE_MEASURE_DETENTION}, "place_of_custody"),
        ({"coercive_measure": forms.COERCIVE_MEASURE_ARREST}, "place_of_custody"),
        ({"psychological_assessment_requested": True}, "psychological_consent"),
        ({"confidentiality_level": None}, "confidentiality_level"),
        ({"residence_division_code": "海淀区"}, "residence_division_code"),
    ],
)
def test_f1_what_depends_on_other_fields_is_there_too(changes: dict[str, Any], field: str) -> None:
    b.drafted().finds_invalid({f"letter.{field}"}, b.issue(letter=b.letter(**changes)), b.ORGAN)


def test_f1_custody_and_assessment_are_fine_when_whole() -> None:
    whole = b.letter(
        coercive_measure=forms.COERCIVE_MEASURE_ARREST,
        place_of_custody="看守所",
        psychological_assessment_requested=True,
        psychological_consent=forms.CONSENT_STATUS_NOT_ASKED,
    )
    assert b.drafted().when(b.issue(letter=whole), b.ORGAN)


@pytest.mark.parametrize("stage", [referrals.CASE_STAGE_ARREST_REVIEW, referrals.CASE_STAGE_PROSECUTION_REVIEW])
def test_si_r20_a_stage_with_a_period_of_its_own_names_it(stage: int) -> None:
    letter = b.letter(case_stage=stage, host_deadline_id="")
    letter.ClearField("host_deadline_on")
    drafted = EMPTY.after(b.create(letter=letter), b.ORGAN)
    drafted.finds_invalid({"letter.host_deadline_id"}, b.issue(letter=letter), b.ORGAN)


def test_a_civil_letter_needs_neither_measure_nor_host_period() -> None:
    civil = b.letter(case_stage=referrals.CASE_STAGE_CIVIL_FAMILY, organ_uscc=b.COURT, coercive_measure=0, host_deadline_id="")
    civil.ClearField("host_deadline_on")
    facts = replace(b.FACTS, case=CaseFacts(b.CASE, b.COURT, b.SUBJECT, None, frozenset({b.COURT})))
    story = Story.of(DECIDER, facts).after(b.create(letter=civil), b.JUDGE)
    assert story.when(b.issue(letter=civil), b.JUDGE)
