"""Minutes covered and not covered, against a count minute by minute."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from guanhu.appropriate_adult.v1 import assignment_events_pb2 as events
from services.appropriate_adult import presence
from services.appropriate_adult.presence import Session, Stay
from services.kernel.decision import CHINA_STANDARD_TIME

ZERO = datetime(2026, 3, 9, 10, tzinfo=CHINA_STANDARD_TIME)
LEGAL_REP, DEFENDER = events.ATTENDEE_PART_LEGAL_REPRESENTATIVE, events.ATTENDEE_PART_DEFENDER
MINUTES = 60
SPANS = st.tuples(st.integers(0, MINUTES), st.integers(0, MINUTES)).map(lambda span: (min(span), max(span)))


def at(minute: int) -> datetime:
    return ZERO + timedelta(minutes=minute)


def session(runs: list[tuple[int, int]], stays: list[tuple[int, int]]) -> Session:
    return Session(
        "s",
        ZERO,
        at(MINUTES),
        runs=tuple((at(begins), at(ends)) for begins, ends in runs),
        stays=tuple(Stay(str(n), LEGAL_REP, at(came), at(left)) for n, (came, left) in enumerate(stays)),
    )


def disjoint(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs in order that do not overlap, as questions are."""
    found: list[tuple[int, int]] = []
    for begins, ends in sorted(spans):
        if not found or begins >= found[-1][1]:
            found.append((begins, ends))
    return found


@given(st.lists(SPANS, max_size=4).map(disjoint), st.lists(SPANS, max_size=4))
def test_every_minute_is_covered_or_flagged(runs: list[tuple[int, int]], stays: list[tuple[int, int]]) -> None:
    asked = {minute for begins, ends in runs for minute in range(begins, ends)}
    there = {minute for came, left in stays for minute in range(came, left)}
    found = presence.uncovered(session(runs, stays), at(MINUTES))
    assert presence.minutes(found) == len(asked - there)
    assert presence.minutes(presence.ran(session(runs, stays), at(MINUTES))) == len(asked)


def test_a_defender_covers_nothing_and_who_is_still_there_covers_until_now() -> None:
    stays = (Stay("d", DEFENDER, at(0)), Stay("f", LEGAL_REP, at(30)))
    running = Session("s", ZERO, at(MINUTES), stays=stays, running_since=at(0))
    assert presence.uncovered(running, at(50)) == [(at(0), at(30))]


def test_who_lost_the_part_covers_no_longer() -> None:
    stays = (Stay("f", LEGAL_REP, at(0), counts_until=at(20)),)
    running = Session("s", ZERO, at(MINUTES), stays=stays, running_since=at(0))
    assert presence.uncovered(running, at(30)) == [(at(20), at(30))]
