"""The need: who is protected, how strong the guards are, what becomes of the legal representative."""

from datetime import date
from typing import Any

import pytest

from guanhu.appropriate_adult.v1 import adult_events_pb2 as others
from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from guanhu.intake.v1 import person_events_pb2 as persons
from services.appropriate_adult import assignment
from services.appropriate_adult.rules import AssignmentFacts
from services.appropriate_adult.state import State
from services.kernel.decision import AgencyFacts, CaseFacts, Facts
from tests.unit.appropriate_adult import builders as b
from tests.unit.gwt import Story


def nothing(facts: Facts = b.FACTS) -> Story[State]:
    return Story.of(assignment.DECIDER, facts)


def of_case(**changes: object) -> Facts:
    fields: dict[str, object] = {
        "case_id": b.CASE,
        "organ": b.PSB,
        "subject_id": b.MINOR,
        "participants": frozenset({b.PSB}),
    }
    return Facts(b.AGENCIES, CaseFacts(**{**fields, **changes}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "guard"),
    [
        (events.MINOR_ROLE_SUSPECT, events.GUARD_STRENGTH_HARD),
        (events.MINOR_ROLE_DEFENDANT, events.GUARD_STRENGTH_HARD),
        (events.MINOR_ROLE_VICTIM, events.GUARD_STRENGTH_CURABLE),
        (events.MINOR_ROLE_WITNESS, events.GUARD_STRENGTH_CURABLE),
        (events.MINOR_ROLE_ADMIN_OFFENDER, events.GUARD_STRENGTH_NOTED),
    ],
)
def test_con_08_guards_are_as_strong_as_the_procedure_demands(role: int, guard: int) -> None:
    assert b.opened(role=role).state.guard == guard


def test_con_08_every_role_has_a_guard() -> None:
    for role in filter(None, events.MinorRole.values()):
        assert b.opened(role=role).state.guard


def test_an_assignment_is_opened_once() -> None:
    b.opened().refuses("ASSIGNMENT_EXISTS", b.need(), b.POLICE)


def test_a_case_is_open_and_the_organs_own() -> None:
    nothing(Facts(b.AGENCIES)).refuses("CASE_UNKNOWN", b.need(), b.POLICE)
    nothing(of_case(closed=True)).refuses("CASE_CLOSED", b.need(), b.POLICE)
    nothing(of_case(participants=frozenset())).refuses("ORGAN_NOT_COMPETENT", b.need(), b.POLICE)
    nothing().finds_invalid({"subject_id"}, b.need(subject_id=b.OTHER_MINOR), b.POLICE)


def test_aa_r01_somebody_who_is_eighteen_needs_nobody() -> None:
    born = b.day("2008-03-08")
    facts = of_case(act_on=date(2026, 3, 9))
    nothing(facts).refuses("NOT_A_MINOR", b.need(birth_date=born), b.POLICE)
    nothing(of_case()).refuses("NOT_A_MINOR", b.need(birth_date=born), b.POLICE)


def test_aa_r01_on_the_eighteenth_birthday_the_person_is_still_protected() -> None:
    assert b.opened(birth_date=b.day("2008-03-09")).state.guard == events.GUARD_STRENGTH_HARD


def test_age_05_who_turned_eighteen_meanwhile_is_attended_at_discretion() -> None:
    assert b.opened(birth_date=b.day("2008-03-08")).state.guard == events.GUARD_STRENGTH_NOTED


def test_aa_r20_doubt_about_the_age_protects() -> None:
    assert b.opened(birth_date=None, age_unproven=True).state.guard == events.GUARD_STRENGTH_HARD
    nothing().finds_invalid({"birth_date"}, b.need(birth_date=None), b.POLICE)


@pytest.mark.parametrize(
    ("changes", "required"),
    [
        ({}, True),
        ({"subject_sex": persons.SEX_MALE}, False),
        ({"role": events.MINOR_ROLE_WITNESS}, False),
        ({"role": events.MINOR_ROLE_VICTIM, "sexual_or_violent": True}, True),
    ],
)
def test_aa_r09_women_question_girls(changes: dict[str, object], required: bool) -> None:
    assert b.opened(**changes).state.female_staff_required is required


def test_aa_r10_a_sexual_or_violent_crime_is_recorded() -> None:
    assert b.opened(sexual_or_violent=True).state.recording_required


VICTIM = {"role": events.MINOR_ROLE_VICTIM, "sexual_or_violent": True}


@pytest.mark.parametrize(
    ("changes", "preference"),
    [
        ({}, events.SEX_PREFERENCE_PREFER_WOMAN),
        ({"subject_sex": persons.SEX_MALE}, events.SEX_PREFERENCE_ANY),
        ({"sex_preference": events.SEX_PREFERENCE_WOMAN}, events.SEX_PREFERENCE_WOMAN),
        (VICTIM, events.SEX_PREFERENCE_WOMAN),
        ({**VICTIM, "sex_preference": events.SEX_PREFERENCE_ANY}, events.SEX_PREFERENCE_WOMAN),
        ({**VICTIM, "sex_preference": events.SEX_PREFERENCE_MAN}, events.SEX_PREFERENCE_MAN),
    ],
)
def test_aa_x08_the_rule_says_which_sex_unless_the_minor_wishes_otherwise(changes: dict[str, object], preference: int) -> None:
    assert b.opened(**changes).state.sex_preference == preference


def correction(**changes: Any) -> Any:
    fields = {"role": events.MINOR_ROLE_VICTIM, "subject_sex": persons.SEX_FEMALE, "birth_date": b.day("2011-01-05")}
    return b.command(api.CorrectNeedRequest, **{**fields, **changes})


def test_what_a_referral_could_not_say_settles_the_guards_anew() -> None:
    state = b.notified().after(correction(sexual_or_violent=True), b.at("09:00")).state
    assert (state.guard, state.recording_required) == (events.GUARD_STRENGTH_CURABLE, True)
    unknown = b.opened().knowing(Facts(b.AGENCIES))
    assert unknown.after(correction(), b.POLICE).state.guard == events.GUARD_STRENGTH_CURABLE


def test_guards_never_change_under_running_questions() -> None:
    b.started().refuses("SESSION_OPEN", correction(), b.at("10:30"))
    assert b.closed().when(correction(), b.at("12:00"))


def test_every_attempt_to_notify_is_an_event_and_attempts_go_on() -> None:
    story = b.requested()
    found = story.when(b.notify(reached=True), b.at("08:16"))
    assert [type(event) for event in found] == [events.LegalRepNotified]
    assert story.given(*found).state.status == api.ASSIGNMENT_STATUS_REQUESTED


def test_a_legal_representative_who_comes_attends() -> None:
    story = b.opened().after(b.notify(), b.at("08:05"))
    attending = b.rep_outcome(events.LEGAL_REP_OUTCOME_ATTENDING, minor_told=False, legal_rep_told=False)
    story = story.after(attending, b.at("08:10"))
    assert story.state.status == api.ASSIGNMENT_STATUS_LEGAL_REP_ATTENDING
    assert story.after(b.rep_outcome(), b.at("09:00")).state.status == api.ASSIGNMENT_STATUS_ADULT_REQUIRED


def test_aa_r01_an_attempt_comes_first_where_one_is_possible() -> None:
    b.opened().refuses("LEGAL_REP_NOT_NOTIFIED", b.rep_outcome(), b.POLICE)
    accomplice = b.rep_outcome(events.LEGAL_REP_OUTCOME_ACCOMPLICE, legal_rep_told=False)
    assert b.opened().after(accomplice, b.POLICE).state.status == api.ASSIGNMENT_STATUS_ADULT_REQUIRED


def test_aa_r21_minor_and_legal_representative_are_told() -> None:
    story = b.opened().after(b.notify(), b.at("08:05"))
    story.refuses("MINOR_NOT_TOLD", b.rep_outcome(minor_told=False), b.at("08:10"))
    story.refuses("LEGAL_REP_NOT_TOLD", b.rep_outcome(legal_rep_told=False), b.at("08:10"))


def test_aa_r21_an_obstructing_representative_ends_the_questions() -> None:
    story = b.opened().after(b.notify(), b.at("08:05"))
    story = story.after(b.rep_outcome(events.LEGAL_REP_OUTCOME_ATTENDING), b.at("08:10"))
    story = story.after(b.command(api.ScheduleSessionRequest, session=b.plan(), place="某县"), b.at("08:15"))
    story = story.after(b.arrive(events.ATTENDEE_PART_DEFENDER, b.DEFENDER), b.at("09:40"))
    story = story.after(b.arrive(events.ATTENDEE_PART_LEGAL_REPRESENTATIVE, b.FATHER), b.at("09:50"))
    story = story.after(b.inform(b.FATHER), b.at("09:55")).after(b.start(), b.at("10:00"))
    found = story.when(b.rep_outcome(events.LEGAL_REP_OUTCOME_OBSTRUCTED), b.at("10:20"))
    assert [type(event) for event in found] == [events.LegalRepOutcomeRecorded, events.SessionPaused]
    story = story.given(*found)
    assert story.state.status == api.ASSIGNMENT_STATUS_ADULT_REQUIRED
    story.refuses("NO_QUALIFIED_ADULT_PRESENT", b.in_session(api.ResumeSessionRequest), b.at("10:25"))


def test_a_session_that_is_over_keeps_its_attendance_whatever_follows() -> None:
    story = b.closed()
    after = story.after(b.rep_outcome(events.LEGAL_REP_OUTCOME_OBSTRUCTED), b.at("12:00"))
    assert after.state.sessions == story.state.sessions


def test_hand_off_06_a_request_goes_to_a_desk_or_an_organisation() -> None:
    story = b.required()
    story.refuses("PROVIDER_UNKNOWN", b.ask(provider_uscc=b.COURT), b.POLICE)
    story.refuses("PROVIDER_UNKNOWN", b.ask(provider_uscc=b.STRANGER), b.POLICE)
    away = {**b.AGENCIES, b.CYL: AgencyFacts(b.CYL, "CYL", suspended=True)}
    story.knowing(AssignmentFacts(away)).refuses("PROVIDER_SUSPENDED", b.ask(), b.POLICE)
    assert story.after(b.ask(provider_uscc=b.PSB), b.POLICE).state.provider == b.PSB


def test_a_request_names_languages_by_code_and_a_plan_that_can_be_held() -> None:
    story = b.required()
    story.finds_invalid({"languages[0]"}, b.ask(languages=["彝语"]), b.POLICE)
    bad = b.plan(division_code="", planned_until=b.instant("2026-03-10 10:01"), travel_minutes=1441)
    bad.division_code = "1"
    named = {"session.division_code", "session.planned_until", "session.travel_minutes"}
    story.finds_invalid(named, b.ask(session=bad), b.POLICE)


def test_there_is_one_open_session_at_a_time() -> None:
    story = b.requested()
    story.refuses("SESSION_OPEN", b.ask(session=b.plan(b.SECOND_SESSION)), b.POLICE)
    later = b.plan(planned_until=b.instant("2026-03-09 13:00"))
    assert story.after(b.ask(session=later), b.POLICE).state.sessions[b.SESSION].planned_until.hour == 5


def test_only_the_organ_leads_and_nothing_happens_before_the_need() -> None:
    b.opened().refuses("ORGAN_NOT_COMPETENT", b.notify(), b.PROCURATOR)
    nothing().refuses("ASSIGNMENT_UNKNOWN", b.notify(), b.POLICE)
    b.opened().refuses("ASSIGNMENT_STATE", b.ask(), b.POLICE)


def test_an_event_of_another_release_is_not_folded() -> None:
    with pytest.raises(TypeError, match="AdultRemoved"):
        nothing().given(others.AdultRemoved())
