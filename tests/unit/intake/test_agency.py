"""The directory of agencies. Law ids are those of domain/01."""

import pytest

from guanhu.directory.v1 import agency_events_pb2 as directory
from guanhu.intake.v1 import intake_service_pb2 as api
from services.intake.agency import DECIDER
from tests.unit.gwt import Story
from tests.unit.intake import builders as b

EMPTY = Story.of(DECIDER, b.FACTS)
REGISTERED = EMPTY.after(b.register_agency(), b.REGISTRAR)


def change(**changes: object) -> api.ChangeAgencyRequest:
    return b.command(api.ChangeAgencyRequest, agency=b.agency(**changes), reason="更名")


def suspend(reinstate: bool = False) -> api.SuspendAgencyRequest:
    return b.command(api.SuspendAgencyRequest, uscc=b.PROC, reinstate=reinstate, reason="停止执业")


def test_an_agency_is_registered_once_and_alike_again_changes_nothing() -> None:
    assert REGISTERED.when(b.register_agency(), b.REGISTRAR) == []
    REGISTERED.refuses("AGENCY_EXISTS", b.register_agency(name="某市人民检察院"), b.REGISTRAR)


def test_a_change_is_recorded_with_its_reason_and_no_change_is_not() -> None:
    [changed] = REGISTERED.when(change(name="某市人民检察院"), b.REGISTRAR)
    assert (changed.agency.name, changed.reason) == ("某市人民检察院", "更名")
    assert REGISTERED.when(change(), b.REGISTRAR) == []
    EMPTY.refuses("AGENCY_UNKNOWN", change(), b.REGISTRAR)


def test_a_body_of_another_type_is_another_agency() -> None:
    REGISTERED.refuses("AGENCY_TYPE_FIXED", change(type=directory.AGENCY_TYPE_COURT), b.REGISTRAR)


def test_an_agency_is_suspended_and_reinstated_once_each() -> None:
    suspended = REGISTERED.after(suspend(), b.REGISTRAR)
    assert suspended.state.suspended
    assert suspended.when(suspend(), b.REGISTRAR) == []
    assert not suspended.after(suspend(reinstate=True), b.REGISTRAR).state.suspended
    assert REGISTERED.when(suspend(reinstate=True), b.REGISTRAR) == []
    EMPTY.refuses("AGENCY_UNKNOWN", suspend(), b.REGISTRAR)


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({"agency.division.code"}, {"division": directory.DivisionCode(code="11010")}),
        ({"agency.division.successor"}, {"division": directory.DivisionCode(code="110108", successor="x")}),
        (
            {"agency.division.valid_to"},
            {"division": directory.DivisionCode(code="110108", valid_from=b.day("2015-07-01"), valid_to=b.day("2015-06-30"))},
        ),
        ({"agency.parent_uscc"}, {"parent_uscc": b.PROC}),
        ({"agency.parent_uscc"}, {"parent_uscc": b.UNREGISTERED}),
    ],
)
def test_id_r08_a_malformed_division_or_parent_is_named(fields: set[str], changes: dict[str, object]) -> None:
    EMPTY.finds_invalid(fields, b.register_agency(**changes), b.REGISTRAR)
    REGISTERED.finds_invalid(fields, change(**changes), b.REGISTRAR)


def test_a_registered_parent_and_a_superseded_division_are_fine() -> None:
    division = directory.DivisionCode(
        code="110103", valid_from=b.day("1952-09-01"), valid_to=b.day("2010-07-01"), successor="110101"
    )
    assert EMPTY.when(b.register_agency(parent_uscc=b.COURT, division=division), b.REGISTRAR)


def test_of_a_division_only_the_end_or_only_the_beginning_may_be_known() -> None:
    ended = directory.DivisionCode(code="110103", valid_to=b.day("2010-07-01"))
    assert EMPTY.when(b.register_agency(division=ended), b.REGISTRAR)
    begun = directory.DivisionCode(code="110108", valid_from=b.day("2010-07-01"))
    assert EMPTY.when(b.register_agency(division=begun), b.REGISTRAR)


def test_events_of_others_are_not_folded() -> None:
    with pytest.raises(TypeError, match="ParticipantAdded"):
        EMPTY.given(directory.ParticipantAdded())
