"""The library's own published test cases, unchanged, on the recorders over the journal."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import ProcessRecorder, Tracking
from eventsourcing.tests import persistence as published
from eventsourcing.utils import Environment

from services.kernel.recorder import (
    JournalAggregateRecorder,
    JournalApplicationRecorder,
    JournalEvent,
    JournalFactory,
    JournalNotification,
    JournalProcessRecorder,
    JournalTrackingRecorder,
)
from tests.contract.journal_server import new_schema, running_server

MODULE = "services.kernel.recorder"


class OnJournal:
    """Gives every test an empty journal."""

    uri: ClassVar[str]
    factory: Any

    @pytest.fixture(autouse=True)
    def _journal(self, uri: str) -> Iterator[None]:
        self.factory = JournalFactory(environment(uri))
        yield
        self.factory.close()


@pytest.fixture(scope="module")
def uri() -> Iterator[str]:
    with running_server() as server:
        yield server.url


def environment(uri: str) -> Environment:
    names = {"PERSISTENCE_MODULE": MODULE, "JOURNAL_CONNINFO": uri, "JOURNAL_SCHEMA": new_schema(uri)}
    return Environment(env=names)


class TestAggregateRecorder(OnJournal, published.AggregateRecorderTestCase):
    def create_recorder(self) -> JournalAggregateRecorder:
        recorder: JournalAggregateRecorder = self.factory.aggregate_recorder()
        return recorder


class TestApplicationRecorder(OnJournal, published.ApplicationRecorderTestCase[JournalApplicationRecorder]):
    def create_recorder(self) -> JournalApplicationRecorder:
        recorder: JournalApplicationRecorder = self.factory.application_recorder()
        return recorder

    def test_insert_subscribe(self) -> None:
        super().optional_test_insert_subscribe()


class TestNonInterleavingNotificationIDs(OnJournal, published.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> JournalApplicationRecorder:
        recorder: JournalApplicationRecorder = self.factory.application_recorder()
        return recorder


class TestTrackingRecorder(OnJournal, published.TrackingRecorderTestCase):
    def create_recorder(self) -> JournalTrackingRecorder:
        recorder: JournalTrackingRecorder = self.factory.tracking_recorder()
        return recorder


class TestProcessRecorder(OnJournal, published.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        recorder: ProcessRecorder = self.factory.process_recorder()
        return recorder


class TrackingRecorderOfAView(JournalTrackingRecorder):
    """Stands for a view's own recorder."""


class TestInfrastructureFactory(published.InfrastructureFactoryTestCase[JournalFactory]):
    @pytest.fixture(autouse=True)
    def _environment(self, uri: str) -> None:
        self.env = environment(uri)

    def expected_factory_class(self) -> type[JournalFactory]:
        return JournalFactory

    def expected_aggregate_recorder_class(self) -> type[JournalAggregateRecorder]:
        return JournalAggregateRecorder

    def expected_application_recorder_class(self) -> type[JournalApplicationRecorder]:
        return JournalApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[JournalTrackingRecorder]:
        return JournalTrackingRecorder

    def tracking_recorder_subclass(self) -> type[JournalTrackingRecorder]:
        return TrackingRecorderOfAView

    def expected_process_recorder_class(self) -> type[JournalProcessRecorder]:
        return JournalProcessRecorder


class Door(Aggregate):
    """Opens and closes."""

    @event("Opened")
    def open(self) -> None:
        self.is_open = True


class Doors(Application[UUID]):
    """An application of the library."""


def test_application_of_the_library_runs_on_the_journal(uri: str) -> None:
    with Doors(env=environment(uri)) as doors:
        door, other = Door(), Door()
        door.open()
        doors.save(door, other)
        assert doors.repository.get(door.id).is_open
        assert [notification.id for notification in doors.recorder.select_notifications(1, 10)] == [1, 2, 3]


def test_our_rows_come_back_with_their_header(uri: str) -> None:
    factory = JournalFactory(environment(uri))
    try:
        recorder = factory.process_recorder()
        written = JournalEvent("case-1", 1, "guanhu.test.v1.Happened", b"payload", b"header")
        recorder.insert_events([written], tracking=Tracking("upstream", 4))
        assert recorder.select_events("case-1") == [written]
        (notification,) = recorder.select_notifications(1, 1)
        assert isinstance(notification, JournalNotification)
        assert (notification.header, notification.originator_id) == (b"header", "case-1")
    finally:
        factory.close()
