"""Whether somebody may be an appropriate adult on a day, as far as the register tells.

Law: AA-X01 to AA-X04, AA-X07 (L3 Art. 98 by analogy), AA-R17; domain/04 §4.2.
"""

from datetime import date

from guanhu.appropriate_adult.v1 import appropriate_adult_service_pb2 as api
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from services.appropriate_adult.adult_state import AdultState
from services.kernel.period import add_months

RECORD_QUERY_MONTHS_MAX = 12  # L3 Art. 98: staff who work with minors are queried every year
TRAINING_HOURS_MIN = 8  # P: a day of training; the pages give no national number


def shortcomings(adult: AdultState, on: date) -> tuple[int, ...]:
    """Exclusions that the register shows on a day; training and record query bind those on the roster only."""
    found = []
    if adult.status != api.ADULT_STATUS_ACTIVE:
        found.append(assignments.EXCLUSION_NOT_ON_ROSTER)
    if adult.under_sentence:
        found.append(assignments.EXCLUSION_UNDER_SENTENCE)
    if adult.liberty_restricted:
        found.append(assignments.EXCLUSION_LIBERTY_RESTRICTED)
    if not adult.full_capacity:
        found.append(assignments.EXCLUSION_INCAPABLE)
    if adult.state_staff:
        found.append(assignments.EXCLUSION_PART_IN_CASE)
    if not _record_is_clear(adult, on):
        found.append(assignments.EXCLUSION_CRIMINAL_RECORD)
    if adult.rostered and trained_hours(adult, on) < TRAINING_HOURS_MIN:
        found.append(assignments.EXCLUSION_UNTRAINED)
    return tuple(found)


def trained_hours(adult: AdultState, on: date) -> int:
    """Hours of the trainings that count on a day."""
    return sum(t.hours for t in adult.trainings.values() if t.held_on <= on <= t.valid_until)


def _record_is_clear(adult: AdultState, on: date) -> bool:
    if adult.queried_on is None:
        # A relative who was named for one case need not be queried (P); nobody on the roster goes without.
        return not adult.rostered
    if not adult.query_clear:
        return False
    return not adult.rostered or on <= add_months(adult.queried_on, RECORD_QUERY_MONTHS_MAX, snap_to_month_end=False)
