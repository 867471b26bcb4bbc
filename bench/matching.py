"""How fast the roster of a whole country is matched: 100 000 adults in 2 500 counties. Prints one JSON line a figure.

Run: python -m bench.matching [adults] [counties]. Adults are events in streams of their own, as the service records them; a
match is what the service does for a round: the index, the adults that it names, and the order of all of them.
"""

import json
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.figure import percentile
from guanhu.appropriate_adult.v1 import adult_events_pb2 as adults
from guanhu.appropriate_adult.v1 import callout_events_pb2 as events
from guanhu.appropriate_adult.v1 import forms_pb2 as forms
from guanhu.intake.v1 import person_events_pb2 as persons
from guanhu.journal.v1 import record_pb2
from services.appropriate_adult import adult
from services.appropriate_adult.app import EVENTS
from services.appropriate_adult.matching import Found, Wanted, match
from services.appropriate_adult.roster import ROSTER, Roster
from services.appropriate_adult.state import State
from services.kernel import migrate, postgres
from services.kernel.clock import SystemClock
from services.kernel.codec import EventCodec
from services.kernel.dates import from_datetime
from services.kernel.feed import LocalFeed
from services.kernel.handler import Handler
from services.kernel.journal import Append, Journal
from services.kernel.registry import Registry
from services.kernel.resources import MIGRATIONS
from services.kernel.view import View
from tests.contract.agencies import date, uscc

ADULTS, COUNTIES = 100_000, 2_500
SEED = 20260309
MATCHES, WIDE = 1_000, 40
P95_MS_MAX = 50.0
BATCH = 200
# About the shape of the country: ten counties to a prefecture, ten prefectures to a province.
COUNTIES_OF_PREFECTURE, PREFECTURES_OF_PROVINCE = 10, 10
LANGUAGES = ("yue", "wuu", "nan", "hak", "iii", "uig", "bod", "mon")
HOMES = [uscc(number) for number in range(500, 1_000)]
NOW = datetime(2026, 3, 9, 1, 0, tzinfo=UTC)
REQUEST_KEY = b"k" * 32


def main() -> int:
    """Measures; fails when a bar is missed."""
    given = [int(text) for text in sys.argv[1:]]
    count, counties = (*given, *(ADULTS, COUNTIES)[len(given) :])
    missed = 0
    for name, value, unit, bar in figures(count, counties):
        print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "bar": bar}), flush=True)
        missed += bar is not None and value > bar
    return 1 if missed else 0


def figures(count: int, counties: int) -> Iterator[tuple[str, float, str, float | None]]:
    """Name, value, unit and what the value must not exceed."""
    chance = random.Random(SEED)
    codes = [county(number) for number in range(counties)]
    with tempfile.TemporaryDirectory(prefix="guanhu-bench-") as name:
        folder = Path(name)
        # As root the server has a user of its own, who must be able to enter.
        folder.chmod(0o755)
        with postgres.opened("", folder / "postgres") as url, postgres.pool(url, min_size=4, max_size=8) as pool:
            with pool.connection() as conn:
                migrate.migrate(conn, "appropriate_adult", [MIGRATIONS])
            journal = Journal(pool, "appropriate_adult")
            codec = EventCodec("appropriate_adult", Registry(EVENTS), _NoPersonal())
            began = time.perf_counter()
            fill(journal, codec, chance, codes, count)
            view = View(ROSTER, LocalFeed(journal), pool, "appropriate_adult", codec)
            view.follower.drain()
            yield "roster_filled_and_indexed", time.perf_counter() - began, "s", None
            roster = Roster(view, pool, Handler(journal, adult.DECIDER, codec, SystemClock(), lambda: REQUEST_KEY))
            with pool.connection() as conn:
                conn.execute("analyze")
            yield from measured(roster, chance, codes)
            journal.close()


def measured(roster: Roster, chance: random.Random, codes: list[str]) -> Iterator[tuple[str, float, str, float | None]]:
    """The figures of one filled roster: each county first met by a process that knows nobody, then once more."""
    sizes: list[int] = []

    def one(code: str, level: int) -> Callable[[], None]:
        def work() -> None:
            found = matched(roster, code, level, chance.choice(LANGUAGES[:2]))
            sizes.append(len(found.best) + len(found.standby) + len(found.excluded))

        return work

    counties = [chance.choice(codes) for _ in range(MATCHES)]
    roster.around(counties[0], events.CALLOUT_LEVEL_COUNTY)
    for label in ("first", "again"):
        taken = [timed(one(code, events.CALLOUT_LEVEL_COUNTY)) for code in counties]
        yield f"match_county_{label}_median", percentile(taken, 0.5), "ms", None
        yield f"match_county_{label}_p95", percentile(taken, 0.95), "ms", P95_MS_MAX
        yield f"match_county_{label}_p99", percentile(taken, 0.99), "ms", None
    yield "adults_of_a_county", sum(sizes) / len(sizes), "adults", None
    for level, name in ((events.CALLOUT_LEVEL_PREFECTURE, "prefecture"), (events.CALLOUT_LEVEL_PROVINCE, "province")):
        sizes.clear()
        wide = [chance.choice(codes) for _ in range(WIDE)]
        for label in ("first", "again"):
            taken = [timed(one(code, level)) for code in wide]
            yield f"match_{name}_{label}_p95", percentile(taken, 0.95), "ms", None
        yield f"adults_of_a_{name}", sum(sizes) / len(sizes), "adults", None


def matched(roster: Roster, code: str, level: int, language: str) -> Found:
    """What a round does before it is decided."""
    known, open_offers = roster.around(code, level)
    assignment = State(case_id="case", subject_id="minor", languages=frozenset({"cmn", language}))
    begins_at, ends_at = NOW + timedelta(hours=2), NOW + timedelta(hours=6)
    return match(Wanted(assignment, begins_at, ends_at, code, level, NOW.date()), known, open_offers, bytes(32))


def fill(journal: Journal, codec: EventCodec, chance: random.Random, codes: list[str], count: int) -> None:
    """Appends adults, each with what an active adult has: entry, training, query, times, half of them an engagement."""
    instant = from_datetime(NOW)
    header = record_pb2.Header(
        recorded_at=instant,
        occurred_at=instant,
        actor=record_pb2.Actor(agency=HOMES[0]),
        basis=record_pb2.LegalBasis(rule_id="AA-R17"),
        request_id=str(uuid.UUID(int=0)),
        schema_sha256=codec.schema_sha256,
    )
    for first in range(0, count, BATCH):
        batch = []
        for number in range(first, min(first + BATCH, count)):
            adult_id = str(uuid.UUID(int=chance.getrandbits(128)))
            stream = f"adult-{adult_id}"
            told = enumerate(history(adult_id, number, chance, codes), start=1)
            drafts = tuple(codec.draft(event, stream, version, header) for version, event in told)
            batch.append(Append(stream, 0, drafts, HOMES[0], adult_id, b"h" * 32))
        for outcome in journal.append_many(batch):
            assert not isinstance(outcome, Exception), outcome


def history(adult_id: str, number: int, chance: random.Random, codes: list[str]) -> Iterator[Any]:
    """Events of one adult; personal fields are left empty, for matching never reads them."""
    at = number % len(codes)
    near = {at, *(neighbour(at, chance, len(codes)) for _ in range(chance.randint(0, 3)))}
    entry = forms.RosterEntry(
        adult_id=adult_id,
        standing=forms.STANDING_ROSTERED,
        sex=chance.choice((persons.SEX_FEMALE, persons.SEX_FEMALE, persons.SEX_MALE)),
        occupation=forms.OCCUPATION_SOCIAL_WORKER,
        languages=["cmn", chance.choice(LANGUAGES)],
        districts=sorted(codes[one] for one in near),
        home_uscc=chance.choice(HOMES),
        supervisor="supervisor",
        full_capacity=True,
    )
    yield adults.AdultRegistered(entry=entry)
    hours, until = chance.choice((8, 16, 24, 4)), date(2027, 10, 9)
    training = forms.Training(
        training_id=adult_id, held_on=date(2025, 10, 10), hours=hours, provider_name="市团校", valid_until=until
    )
    yield adults.AdultTrained(training=training)
    queried = date(2025, chance.randint(1, 12), 1)
    yield adults.AdultRecordQueried(query=forms.RecordQuery(queried_on=queried, document_no="查1号", clear=True))
    times = [adults.Availability(weekday=day, begins_minute=480, ends_minute=1320) for day in range(1, 6)]
    yield adults.AvailabilitySet(times=times if chance.random() < 0.6 else [])
    if chance.random() < 0.5:
        begins = NOW + timedelta(hours=chance.randint(-72, 72))
        yield adults.EngagementReserved(
            engagement_id=adult_id,
            assignment_id=adult_id,
            case_id=adult_id,
            subject_id=adult_id,
            begins_at=from_datetime(begins),
            ends_at=from_datetime(begins + timedelta(hours=4)),
        )


def neighbour(at: int, chance: random.Random, counties: int) -> int:
    """Another county of the same prefecture."""
    return min(counties - 1, at - at % COUNTIES_OF_PREFECTURE + chance.randrange(COUNTIES_OF_PREFECTURE))


def county(number: int) -> str:
    """The code of a county."""
    prefecture, place = divmod(number, COUNTIES_OF_PREFECTURE)
    province, of_province = divmod(prefecture, PREFECTURES_OF_PROVINCE)
    return f"{11 + province:02}{1 + of_province:02}{1 + place:02}"


def timed(work: Callable[[], None]) -> float:
    """Milliseconds that a call takes."""
    began = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - began)


class _NoPersonal:
    """Keys for a roster without anything personal in it."""

    def key_for_sealing(self, subject_id: str) -> Any:
        """Never asked for."""
        raise AssertionError(subject_id)

    def key(self, subject_id: str, version: int) -> bytes | None:
        """Never asked for."""
        raise AssertionError((subject_id, version))


if __name__ == "__main__":
    sys.exit(main())
