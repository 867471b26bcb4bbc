"""Numbers and guards that the commands share. Each number has its source; P marks our own proposed default.

Law: domain/03 §3.3. The numbers of the deadlines are rows of kernel/deadlines.yaml.
"""

from datetime import date

from guanhu.intake.v1 import referral_events_pb2 as referrals
from guanhu.social_investigation.v1 import social_investigation_service_pb2 as api
from services.kernel.decision import Act, Facts
from services.kernel.errors import IllegalState
from services.kernel.law import result_of_rule
from services.social_investigation.state import State

result = result_of_rule

INVESTIGATORS_MIN = 2  # SI-R16
RESPONSIBILITY_AGE_ALL = 16  # AGE-02: all crimes
RESPONSIBILITY_AGE_LISTED = 14  # AGE-02: only the crimes that the article lists
RESPONSIBILITY_AGE_APPROVED = 12  # AGE-02: only homicide and injury of the worst kind, with the SPP's approval
# First day of Amendment XI, which opened the window from 12 to 14 (domain/01 §1.4); before it 14 was the lowest age.
RESPONSIBILITY_AGE_APPROVED_FROM = date(2021, 3, 1)

# Which organ has the case at a stage (SI-R01, SI-R06, SI-R12).
STAGE_ORGANS: dict[int, str] = {
    referrals.CASE_STAGE_INVESTIGATION: "PSB",
    referrals.CASE_STAGE_ARREST_REVIEW: "PROC",
    referrals.CASE_STAGE_PROSECUTION_REVIEW: "PROC",
    referrals.CASE_STAGE_TRIAL: "COURT",
    referrals.CASE_STAGE_CIVIL_FAMILY: "COURT",
}
# Who may be entrusted: social organisations, the community-correction institution, the Youth League (SI-R02, SI-R06, ACT-08).
PROVIDER_TYPES = frozenset({"SWO", "JUST", "CYL"})
ENDED = frozenset(
    {
        api.INVESTIGATION_STATUS_DECLINED,
        api.INVESTIGATION_STATUS_CLOSED,
        api.INVESTIGATION_STATUS_WITHDRAWN,
        api.INVESTIGATION_STATUS_TERMINATED,
    }
)


def is_criminal(stage: int) -> bool:
    """Whether a stage belongs to a criminal case, where age at the act counts (AGE-05)."""
    return stage != referrals.CASE_STAGE_CIVIL_FAMILY


def responsibility_age_min(act_on: date) -> int:
    """The age below which an act on that day is no crime: the law of the day of the act decides.

    Law: AGE-02; domain/01 §1.4.
    """
    return RESPONSIBILITY_AGE_APPROVED if act_on >= RESPONSIBILITY_AGE_APPROVED_FROM else RESPONSIBILITY_AGE_LISTED


def in_status(state: State, *statuses: int) -> None:
    """Raises IllegalState unless the investigation is in one of the states."""
    if not state.status:
        raise IllegalState("INVESTIGATION_UNKNOWN", "there is no such investigation")
    if state.status not in statuses:
        name = api.InvestigationStatus.Name(state.status).removeprefix("INVESTIGATION_STATUS_")  # type: ignore[arg-type]
        raise IllegalState("INVESTIGATION_STATE", f"the investigation is {name}")


def not_ended(state: State) -> None:
    """Raises IllegalState where nothing more can happen to the investigation."""
    in_status(state, *(number for number in api.InvestigationStatus.values() if number and number not in ENDED))


def by_organ(state: State, act: Act) -> None:
    """Raises IllegalState unless the commissioning organ acts."""
    if act.organ != state.organ:
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the commissioning organ takes this step", rule="ACT-07")


def by_organ_of_the_file(state: State, act: Act) -> None:
    """Raises IllegalState unless the organ acts that has the report in its file now."""
    if act.organ != (state.transferred_to or state.organ):
        raise IllegalState("ORGAN_NOT_COMPETENT", "only the organ that has the file takes this step", rule="ACT-07")


def by_provider(state: State, act: Act) -> None:
    """Raises IllegalState unless the entrusted institution acts."""
    if act.organ != state.provider:
        raise IllegalState("NOT_THE_PROVIDER", "only the entrusted institution takes this step", rule="SI-R02")


def by_investigator(state: State, act: Act) -> None:
    """Raises IllegalState unless an assigned investigator acts."""
    by_provider(state, act)
    if act.officer not in state.officers:
        raise IllegalState("NOT_ASSIGNED", "only an assigned investigator takes this step", rule="SI-R16")


def not_frozen(state: State) -> None:
    """Raises IllegalState while the report's re-use is frozen."""
    if state.frozen:
        raise IllegalState("REPORT_FROZEN", "the report is alleged or found to be false; its use is frozen", rule="SI-R11")


def provider_ready(uscc: str, facts: Facts) -> None:
    """Raises IllegalState unless the agency can be entrusted: registered, of the right type, on the roster, not suspended."""
    agency = facts.agencies.get(uscc)
    if agency is None or agency.type not in PROVIDER_TYPES:
        raise IllegalState("PROVIDER_NOT_SUITABLE", "the provider is no body that can be entrusted", rule="SI-R02")
    if agency.suspended or not agency.investigates:
        raise IllegalState("PROVIDER_NOT_ON_ROSTER", "the provider is not on the roster", rule="SI-R02")
