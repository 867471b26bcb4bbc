"""What was recorded once folds to the same state for ever; tests/golden/record.py says how a history is added."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import message_factory
from google.protobuf.unknown_fields import UnknownFieldSet

from guanhu.options.v1 import options_pb2
from services.builders import DECIDERS
from tests.golden.histories import REGISTRY, History, all_histories, made, read, write
from tests.unit.gwt import cleared

HISTORIES = all_histories()


def holds(today: Any, recorded: Any) -> bool:
    """Whether a state says all that was recorded; it may say more, because states grow."""
    if isinstance(recorded, dict) and isinstance(today, dict):
        return all(name in today and holds(today[name], value) for name, value in recorded.items())
    if isinstance(recorded, list) and isinstance(today, list):
        return len(today) == len(recorded) and all(map(holds, today, recorded))
    return bool(today == recorded)


def folded_types() -> set[str]:
    """Every event that one of the deciders folds."""
    found = set()
    for descriptor in REGISTRY.descriptors():
        if descriptor.GetOptions().Extensions[options_pb2.title]:
            event = message_factory.GetMessageClass(descriptor)()
            if any(folds(decider, event) for decider in DECIDERS.values()):
                found.add(descriptor.full_name)
    return found


def folds(decider: Any, event: Any) -> bool:
    """Whether the decider knows the event: on its own it may fail, as no stream begins with it."""
    try:
        decider.evolve(decider.initial, event)
    except TypeError as error:
        return bool(str(error) != event.DESCRIPTOR.full_name)
    except (AssertionError, AttributeError, KeyError, ValueError):
        return True
    return True


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.name)
def test_a_golden_history_folds_to_the_state_that_was_recorded(history: History) -> None:
    assert holds(history.folded(), history.state)


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.name)
def test_every_recorded_byte_is_understood_today(history: History) -> None:
    for name, data in history.events:
        event = REGISTRY.message_class(name).FromString(data)
        assert not len(UnknownFieldSet(event)), name
        assert event.SerializeToString(deterministic=True) == data, name


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.name)
def test_nothing_personal_is_in_a_golden_history(history: History) -> None:
    # A field that was marked later stood in the clear before: that is told of the descriptors of its time.
    if history.schema_sha256 == REGISTRY.schema_sha256.hex():
        for name, data in history.events:
            event = REGISTRY.message_class(name).FromString(data)
            assert cleared(event) == event, name


def test_every_event_that_a_decider_folds_is_in_a_golden_history() -> None:
    assert folded_types() - {name for history in HISTORIES for name, _ in history.events} == set()


def test_every_decider_has_a_golden_history() -> None:
    assert {history.category for history in HISTORIES} == set(DECIDERS)


def test_a_history_that_is_there_is_never_written_again(tmp_path: Path) -> None:
    history = made("once", HISTORIES[0].category, HISTORIES[0].events)
    assert read(write(history, tmp_path)) == history
    with pytest.raises(FileExistsError):
        write(history, tmp_path)


def test_a_state_that_lost_or_changed_something_is_noticed() -> None:
    recorded = {"status": 3, "parts": [{"uscc": "a"}]}
    assert holds({"status": 3, "parts": [{"uscc": "a", "new": 0}], "new": 1}, recorded)
    for changed in ({"parts": [{"uscc": "a"}]}, {"status": 4, "parts": [{"uscc": "a"}]}, {"status": 3, "parts": []}):
        assert not holds(changed, recorded)
