"""Persons under pseudonymous ids; a number may be missing, wrong about its holder, or the only thing known."""

import pytest

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from guanhu.intake.v1 import person_events_pb2 as persons
from services.intake.person import DECIDER, State
from tests.unit.gwt import Story
from tests.unit.intake import builders as b

EMPTY = Story.of(DECIDER)
# A number with a right check character for a girl born on 2009-05-17; nobody holds it.
NUMBER = "11010820090517002X"


def correct(person: persons.PersonDetails | None = None, **changes: object) -> api.CorrectPersonRequest:
    fields = {
        "details": person or b.details(),
        "identity_status": persons.IDENTITY_STATUS_SELF_STATED,
        "age_basis": persons.AGE_BASIS_HOUSEHOLD_REGISTER,
        "reason": "出生医学证明与户籍不符",
        **changes,
    }
    return b.command(api.CorrectPersonRequest, **fields)


def test_id_r03_a_person_needs_no_number() -> None:
    [registered] = EMPTY.when(b.register_person(), b.ORGAN)
    assert list(registered.warnings) == []


def test_a_person_is_registered_once_and_corrected_with_a_reason() -> None:
    registered = EMPTY.after(b.register_person(), b.ORGAN)
    registered.refuses("PERSON_EXISTS", b.register_person(), b.ORGAN)
    corrected = registered.after(correct(age_basis=persons.AGE_BASIS_BONE_AGE), b.ORGAN)
    assert corrected.state == State(
        b.SUBJECT, persons.PERSON_PART_MINOR, persons.IDENTITY_STATUS_SELF_STATED, persons.AGE_BASIS_BONE_AGE, 1
    )
    EMPTY.refuses("PERSON_UNKNOWN", correct(), b.ORGAN)


@pytest.mark.parametrize(
    ("warnings", "changes"),
    [
        ([], {"sex": persons.SEX_FEMALE}),
        ([], {"sex": persons.SEX_UNKNOWN}),
        (["ID_NUMBER_SEX_DIFFERS"], {"sex": persons.SEX_MALE}),
        (["ID_NUMBER_BIRTH_DATE_DIFFERS"], {"birth_date": b.day("2009-05-18")}),
    ],
)
def test_id_r04_what_a_number_contradicts_is_kept_and_said(warnings: list[str], changes: dict[str, object]) -> None:
    [registered] = EMPTY.when(b.register_person(b.details(id_number=NUMBER, **changes)), b.ORGAN)
    assert list(registered.warnings) == warnings


def test_id_r04_a_number_contradicts_no_birth_date_that_is_not_known() -> None:
    number_only = b.details(id_number=NUMBER, sex=persons.SEX_FEMALE)
    number_only.ClearField("birth_date")
    [registered] = EMPTY.when(b.register_person(number_only, age_basis=persons.AGE_BASIS_UNPROVEN), b.ORGAN)
    assert list(registered.warnings) == ["AGE_UNPROVEN"]


@pytest.mark.parametrize("basis", [persons.AGE_BASIS_UNPROVEN, persons.AGE_BASIS_SELF_STATED])
def test_age_04_an_unproven_age_is_recorded_with_a_warning(basis: int) -> None:
    [registered] = EMPTY.when(b.register_person(age_basis=basis), b.ORGAN)
    assert list(registered.warnings) == ["AGE_UNPROVEN"]


def test_age_04_only_an_unproven_age_goes_without_a_birth_date() -> None:
    unknown = persons.PersonDetails(person_id=b.SUBJECT)
    EMPTY.finds_invalid({"details.birth_date"}, b.register_person(unknown), b.ORGAN)
    assert EMPTY.when(b.register_person(unknown, age_basis=persons.AGE_BASIS_UNPROVEN), b.ORGAN)


def test_an_impossible_birth_or_number_is_refused_by_field() -> None:
    wrong = b.details(birth_date=b.day("2026-03-10"), id_number=NUMBER[:-1] + "1")
    EMPTY.finds_invalid({"details.birth_date", "details.id_number"}, b.register_person(wrong), b.ORGAN)


def test_a_verified_identity_has_a_name_and_a_document() -> None:
    verified = persons.IDENTITY_STATUS_VERIFIED
    EMPTY.finds_invalid({"identity_status"}, b.register_person(identity_status=verified), b.ORGAN)
    nameless = b.details(name="", id_number=NUMBER)
    EMPTY.finds_invalid({"identity_status"}, b.register_person(nameless, identity_status=verified), b.ORGAN)
    assert EMPTY.when(b.register_person(b.details(other_document="护照"), identity_status=verified), b.ORGAN)


def test_events_of_others_are_not_folded() -> None:
    with pytest.raises(TypeError, match="ParticipantAdded"):
        EMPTY.given(directory.ParticipantAdded())
