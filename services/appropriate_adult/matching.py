"""Who can be asked for a session, in which order, and why the others cannot. Pure: the roster's adults are handed in.

Law: AA-X01 to AA-X09, AA-R17 (who may attend), AA-R18 (the same adult if possible), AA-R19, AA-X08 (sex); ESC-R04 (levels).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import assignment_events_pb2 as assignments
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.intake.v1 import person_events_pb2 as persons
from services.appropriate_adult.adult_state import AdultState
from services.appropriate_adult.conflict import of_the_case
from services.appropriate_adult.draw import ticket
from services.appropriate_adult.engagement import clash
from services.appropriate_adult.qualification import shortcomings
from services.appropriate_adult.rota import DAY_MINUTES
from services.appropriate_adult.state import State
from services.kernel.decision import CHINA_STANDARD_TIME

LOAD_WINDOW = timedelta(days=30)  # P: the month in which load is made even
# How much of a county's code the levels share (GB/T 2260): province, prefecture, county.
CODE_DIGITS: dict[int, int] = {
    events.CALLOUT_LEVEL_COUNTY: 6,
    events.CALLOUT_LEVEL_PREFECTURE: 4,
    events.CALLOUT_LEVEL_PROVINCE: 2,
}
_LEAVE = adults.ENGAGEMENT_REFUSAL_REASON_HOLIDAY


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: for which assignment, when (travel included), around which county, on which day of the law.

    `asked` are the adults who are not asked again.
    """

    assignment: State
    begins_at: datetime
    ends_at: datetime
    division_code: str
    level: int
    on: date
    asked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """The candidates of each phase in their order, and everybody else."""

    best: tuple[events.MatchedAdult, ...]
    standby: tuple[events.MatchedAdult, ...]
    excluded: tuple[events.ExcludedAdult, ...]

    def of(self, phase: int) -> tuple[events.MatchedAdult, ...]:
        """The candidates of a phase."""
        return self.standby if phase == events.CALLOUT_PHASE_STANDBY else self.best

    def shortfalls(self) -> list[events.Shortfall]:
        """How many adults each obstacle keeps away."""
        counts = Counter(item.obstacle for item in self.excluded)
        return [events.Shortfall(obstacle=obstacle, adults=counts[obstacle]) for obstacle in sorted(counts)]


def match(wanted: Wanted, roster: Iterable[AdultState], open_offers: Mapping[str, int], seed: bytes) -> Found:
    """Orders the roster. Whoever is named for one case only is not on it and is passed over."""
    candidates: list[events.MatchedAdult] = []
    excluded: list[events.ExcludedAdult] = []
    for adult in roster:
        if not adult.rostered:
            continue
        obstacle, exclusions = _obstacle(wanted, adult)
        if obstacle:
            excluded.append(events.ExcludedAdult(adult_id=adult.adult_id, obstacle=obstacle, exclusions=exclusions))  # type: ignore[arg-type]
        else:
            candidates.append(_matched(wanted, adult, open_offers.get(adult.adult_id, 0)))
    candidates.sort(key=lambda found: (merit(found), ticket(seed, found.adult_id)))
    standby = events.CALLOUT_PHASE_STANDBY
    return Found(
        tuple(found for found in candidates if found.phase != standby),
        tuple(found for found in candidates if found.phase == standby),
        tuple(sorted(excluded, key=lambda item: item.adult_id)),
    )


def merit(found: events.MatchedAdult) -> tuple[bool, bool, int, int]:
    """What the order depends on before the draw; the lower comes first."""
    return not found.again, not found.preferred, found.distance, found.load


def equals(found: events.MatchedAdult, among: Sequence[events.MatchedAdult]) -> int:
    """How many candidates are as good as one of them, itself included."""
    return sum(merit(other) == merit(found) for other in among)


def distance(adult: AdultState, division_code: str) -> int:
    """The nearest level at which an adult covers a county; 0 where it is none."""
    for level, digits in CODE_DIGITS.items():
        if any(code[:digits] == division_code[:digits] for code in adult.districts):
            return level
    return 0


def _obstacle(wanted: Wanted, adult: AdultState) -> tuple[int, Sequence[int]]:
    of_case = of_the_case(wanted.assignment, adult)
    sex = assignments.EXCLUSION_SEX in of_case
    exclusions = [*shortcomings(adult, wanted.on), *(found for found in of_case if found != assignments.EXCLUSION_SEX)]
    if exclusions:
        return events.OBSTACLE_NOT_ELIGIBLE, sorted(exclusions)
    return _plain_obstacle(wanted, adult, sex=sex), ()


def _plain_obstacle(wanted: Wanted, adult: AdultState, *, sex: bool) -> int:
    if adult.adult_id in wanted.assignment.put_aside:
        return events.OBSTACLE_PUT_ASIDE
    if adult.adult_id in wanted.asked:
        return events.OBSTACLE_ASKED
    if sex:
        return events.OBSTACLE_SEX
    if not 0 < distance(adult, wanted.division_code) <= wanted.level:
        return events.OBSTACLE_TOO_FAR
    if wanted.assignment.languages and not wanted.assignment.languages & adult.languages:
        return events.OBSTACLE_LANGUAGE
    if clashing := clash(adult, wanted.begins_at, wanted.ends_at):
        return events.OBSTACLE_ON_LEAVE if clashing == _LEAVE else events.OBSTACLE_ENGAGED
    if not _on_standby(wanted, adult) and not callable_at(adult.availability, wanted.begins_at, wanted.ends_at):
        return events.OBSTACLE_NOT_AVAILABLE
    return 0


def _matched(wanted: Wanted, adult: AdultState, open_offers: int) -> events.MatchedAdult:
    assignment = wanted.assignment
    prefers_woman = assignment.sex_preference == assignments.SEX_PREFERENCE_PREFER_WOMAN
    return events.MatchedAdult(
        adult_id=adult.adult_id,
        home_uscc=adult.home,
        phase=events.CALLOUT_PHASE_STANDBY if _on_standby(wanted, adult) else events.CALLOUT_PHASE_BEST,
        again=(assignment.case_id, assignment.subject_id) in adult.served,
        preferred=not prefers_woman or adult.sex == persons.SEX_FEMALE,
        distance=distance(adult, wanted.division_code),  # type: ignore[arg-type]
        load=open_offers + _load(wanted, adult),
    )


def _load(wanted: Wanted, adult: AdultState) -> int:
    """Engagements around the session that are open or were confirmed."""
    from_, until = wanted.begins_at - LOAD_WINDOW, wanted.ends_at + LOAD_WINDOW
    counting = [b for key, b in adult.engagements.items() if b.confirmed or key in adult.open_engagements]
    return sum(from_ <= booking.begins_at <= until for booking in counting)


def _on_standby(wanted: Wanted, adult: AdultState) -> bool:
    digits = CODE_DIGITS[wanted.level]
    area = wanted.division_code[:digits]
    return any(
        turn.begins_at <= wanted.begins_at < turn.ends_at and turn.division_code[:digits] == area
        for turn in adult.shifts.values()
    )


def callable_at(times: Sequence[tuple[int, int, int]], begins_at: datetime, ends_at: datetime) -> bool:
    """Whether times of the week cover a span, in China Standard Time; without any an adult can be called at all times."""
    if not times:
        return True
    at, end = begins_at.astimezone(CHINA_STANDARD_TIME), ends_at.astimezone(CHINA_STANDARD_TIME)
    while at < end:
        midnight = datetime.combine(at.date() + timedelta(days=1), time(), CHINA_STANDARD_TIME)
        until = DAY_MINUTES if end >= midnight else _minute(end)
        covered = _minute(at)
        for _, begins, ends in sorted(span for span in times if span[0] == at.isoweekday()):
            if begins <= covered:
                covered = max(covered, ends)
        if covered < until:
            return False
        at = midnight
    return True


def _minute(at: datetime) -> int:
    return at.hour * 60 + at.minute
