"""Replay folds what was recorded, no more; compare explains exactly what changed between two versions."""

import json
from typing import Any

import pytest

from guanhu.audit.v1 import audit_service_pb2 as api
from services.audit.fold import as_json, plain
from services.kernel.dates import from_datetime, to_datetime
from tests.contract.asking import AUDIT, AUDITOR, history, refused
from tests.contract.played import Told

ORIGIN = "social_investigation"
UNKNOWN = "investigation-00000000-0000-4000-8000-000000000000"


def replayed(told: Told, **fields: Any) -> api.ReplayResponse:
    request = api.ReplayRequest(origin=ORIGIN, stream=told.investigation, purpose=AUDIT, **fields)
    answer: api.ReplayResponse = told.ask("audit", "Replay", request, AUDITOR)
    return answer


def compared(told: Told, before: int, after: int) -> list[api.Change]:
    request = api.CompareRequest(origin=ORIGIN, stream=told.investigation, from_version=before, to_version=after, purpose=AUDIT)
    return list(told.ask("audit", "Compare", request, AUDITOR).changes)


def folded(told: Told) -> list[Any]:
    """The states that the service itself folds, from version 0 on."""
    service = told.running.services[ORIGIN]
    assert service.journal is not None
    decider = service.deciders["investigation"]
    states = [decider.initial]
    for row in service.journal.read_stream(told.investigation):
        states.append(decider.evolve(states[-1], service.codec.clear(row)))
    return states


def test_replay_at_every_version_is_what_the_service_itself_folds(told: Told) -> None:
    states = folded(told)
    assert len(states) > 20
    for version in range(1, len(states)):
        answer = replayed(told, until_version=version)
        assert (answer.version, answer.state_json) == (version, as_json(states[version]))


def test_replay_at_an_instant_folds_what_had_been_recorded_by_then(told: Told) -> None:
    entries = [entry for entry in history(told).entries if entry.stream == told.investigation]
    instant = entries[9].header.recorded_at
    known = max(e.version for e in entries if to_datetime(e.header.recorded_at) <= to_datetime(instant))
    answer = replayed(told, recorded_until=instant)
    assert (answer.version, answer.state_json) == (known, as_json(folded(told)[known]))


def test_replay_without_a_point_is_the_state_now(told: Told) -> None:
    assert replayed(told).state_json == as_json(folded(told)[-1])


def test_the_changes_lead_from_one_state_to_the_other_and_name_nothing_else(told: Told) -> None:
    states = folded(told)
    before, after = 3, len(states) - 2
    state = plain(states[before])
    for change in compared(told, before, after):
        assert before < change.version <= after
        assert change.before_json != change.after_json
        assert change.before_json == as_json(state.get(change.field)), "a change begins where the last one ended"
        state[change.field] = json.loads(change.after_json)
    assert as_json(state) == as_json(states[after])


def test_each_change_names_the_event_that_made_it(told: Told) -> None:
    entries = {entry.version: entry for entry in history(told).entries if entry.stream == told.investigation}
    changes = compared(told, 0, 0)
    assert {(change.version, change.type) for change in changes} <= {(e.version, e.type) for e in entries.values()}
    accepted = [change for change in changes if change.type.endswith("CommissionAccepted")]
    assert "status" in {change.field for change in accepted}


def test_between_a_version_and_itself_nothing_changed(told: Told) -> None:
    assert compared(told, 5, 5) == []


def test_comparing_backwards_is_refused(told: Told) -> None:
    request = api.CompareRequest(origin=ORIGIN, stream=told.investigation, from_version=5, to_version=4, purpose=AUDIT)
    assert refused(told, "Compare", request) == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("origin", "stream"), [(ORIGIN, UNKNOWN), ("intake", UNKNOWN), ("elsewhere", UNKNOWN), (ORIGIN, "案-1")]
)
def test_a_stream_that_was_never_recorded_is_not_found(told: Told, origin: str, stream: str) -> None:
    assert refused(told, "Replay", api.ReplayRequest(origin=origin, stream=stream, purpose=AUDIT)) == "SEALED_OR_NOT_FOUND"


def test_before_anything_was_recorded_there_is_nothing_to_replay(told: Told) -> None:
    early = from_datetime(to_datetime(history(told).entries[0].header.occurred_at))
    request = api.ReplayRequest(origin=ORIGIN, stream=told.investigation, purpose=AUDIT, recorded_until=early)
    assert refused(told, "Replay", request) == "SEALED_OR_NOT_FOUND"
