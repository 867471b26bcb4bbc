"""The event-sourcing library's recorders over the journal: its applications, projections and test cases run on it.

This is the only module that imports the library; PERSISTENCE_MODULE is the name of this module.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any, LiteralString, TypeVar, cast
from uuid import UUID

import eventsourcing.persistence as library
import psycopg
from eventsourcing.utils import Environment, EnvType, resolve_topic
from psycopg import Connection
from psycopg_pool import ConnectionPool

from services.kernel.batch import Draft, Placed, Placement, Tracking
from services.kernel.errors import AlreadyTracked, Refusal, Unavailable, VersionConflict
from services.kernel.journal import MAX_POLL_S, Journal, Recorded, appended


@dataclass(frozen=True)
class JournalEvent(library.StoredEvent):
    """A stored event with the header of its row; `state` is the payload."""

    header: bytes = b""


@dataclass(frozen=True)
class JournalNotification(library.Notification):
    """A notification with the header of its row; `state` is the payload."""

    header: bytes = b""


class JournalRecorder(library.Recorder):
    """What the recorders share: a journal, the name that they follow others by, and how stream names become ids."""

    def __init__(self, journal: Journal, follower: str = "", *, uuid_ids: bool = True) -> None:
        self.journal = journal
        self.follower = follower or journal.origin
        self.uuid_ids = uuid_ids

    def record(self, events: Sequence[library.StoredEvent], tracking: library.Tracking | None) -> Sequence[int]:
        """Append at once and return the positions. Raises: IntegrityError, OperationalError of the library."""
        placed = tuple(
            Placed(str(e.originator_id), e.originator_version, Draft(e.topic, getattr(e, "header", b""), e.state))
            for e in events
        )
        if len({(event.stream, event.version) for event in placed}) < len(placed):
            raise library.IntegrityError("the same version of a stream twice")
        tracked = None
        if tracking is not None:
            tracked = Tracking(self.follower, tracking.application_name, tracking.notification_id)
        if not placed and not tracked:
            return []
        try:
            last = appended(self.journal.append_items([Placement(placed, tracked)])[0]).position
        except (VersionConflict, AlreadyTracked) as error:
            raise library.IntegrityError(str(error)) from error
        except (Refusal, psycopg.OperationalError) as error:
            raise library.OperationalError(str(error)) from error
        except psycopg.DataError as error:
            raise library.DataError(str(error)) from error
        except psycopg.Error as error:
            raise library.DatabaseError(str(error)) from error
        return range(last - len(placed) + 1, last + 1)

    def select(self, conditions: LiteralString, *values: object) -> list[Recorded]:
        """Raises: OperationalError of the library."""
        try:
            return self.journal.select(conditions, *values)
        except Unavailable as error:
            raise library.OperationalError(str(error)) from error


class JournalAggregateRecorder(JournalRecorder, library.AggregateRecorder):
    """Streams only."""

    def insert_events(self, stored_events: Sequence[library.StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        self.record(stored_events, kwargs.get("tracking"))
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[library.StoredEvent]:
        order: LiteralString = "desc" if desc else "asc"
        rows = self.select(
            "where stream = %s and version > coalesce(%s::bigint, -1) and version <= coalesce(%s::bigint, version) "
            "order by version " + order + " limit %s::bigint",
            *(str(originator_id), gt, lte, limit),
        )
        # The library compares events with those it wrote, class included: a bare one comes back bare.
        return [
            JournalEvent(originator_id, r.version, r.type, r.payload, r.header)
            if r.header
            else library.StoredEvent(originator_id, r.version, r.type, r.payload)
            for r in rows
        ]


class JournalApplicationRecorder(JournalAggregateRecorder, library.ApplicationRecorder):
    """Streams and the sequence of all events."""

    def insert_events(self, stored_events: Sequence[library.StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        return list(self.record(stored_events, kwargs.get("tracking"))) or None

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[library.Notification]:
        after = (start or 0) - (1 if inclusive_of_start else 0)
        rows = self.select(
            "where position > %s and position <= coalesce(%s::bigint, position) "
            "and (%s::text[] = '{{}}' or type = any(%s::text[])) order by position limit %s",
            *(after, stop, list(topics), list(topics), limit),
        )
        return [self._notification(row) for row in rows]

    def max_notification_id(self) -> int | None:
        try:
            return self.journal.head() or None
        except Unavailable as error:
            raise library.OperationalError(str(error)) from error

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> library.Subscription[library.ApplicationRecorder]:
        return JournalSubscription(self, gt, topics)

    def _notification(self, row: Recorded) -> library.Notification:
        originator_id = _originator_id(row.stream) if self.uuid_ids else row.stream
        if row.header:
            return JournalNotification(originator_id, row.version, row.type, row.payload, row.position, row.header)
        return library.Notification(originator_id, row.version, row.type, row.payload, row.position)


class JournalTrackingRecorder(JournalRecorder, library.TrackingRecorder):
    """Positions reached in other journals."""

    def insert_tracking(self, tracking: library.Tracking) -> None:
        self.record((), tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        try:
            return self.journal.tracked(self.follower, application_name)
        except Unavailable as error:
            raise library.OperationalError(str(error)) from error


class JournalProcessRecorder(JournalTrackingRecorder, JournalApplicationRecorder, library.ProcessRecorder):
    """Events together with the position whose effect they are."""


class JournalSubscription(library.ListenNotifySubscription[JournalApplicationRecorder]):
    """Woken by the journal's bounded poll, so a silent connection delays events but never loses them."""

    def __init__(self, recorder: JournalApplicationRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._watch_thread = Thread(target=self._watch, args=(gt or 0,), daemon=True)
        self._watch_thread.start()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        try:
            super().__exit__(*args, **kwargs)
        finally:
            self._watch_thread.join()

    def _watch(self, seen: int) -> None:
        while not self._has_been_stopped:
            try:
                head = self._recorder.journal.wait(seen, MAX_POLL_S)
            except Unavailable:
                # The pulling thread meets the same failure and ends the iteration with it.
                time.sleep(MAX_POLL_S)
                self._has_been_notified.set()
                continue
            if head > seen:
                seen = head
                self._has_been_notified.set()


def _originator_id(stream: str) -> UUID | str:
    try:
        uuid = UUID(stream)
    except ValueError:
        return stream
    return uuid if str(uuid) == stream else stream


RecorderT = TypeVar("RecorderT", bound=JournalRecorder)


class JournalFactory(library.InfrastructureFactory[JournalTrackingRecorder]):
    """Makes recorders of one journal from JOURNAL_CONNINFO (libpq), JOURNAL_SCHEMA and ORIGINATOR_ID_TYPE.

    It creates no table: migrations do. There are no snapshots: streams are short and folded from their first event.
    """

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        conninfo, schema = self.env.get("JOURNAL_CONNINFO"), self.env.get("JOURNAL_SCHEMA")
        if not conninfo or not schema:
            raise OSError("JOURNAL_CONNINFO and JOURNAL_SCHEMA name the journal")
        self.pool: ConnectionPool[Connection[Any]] = ConnectionPool(
            conninfo, min_size=2, max_size=10, kwargs={"autocommit": True}, open=True
        )
        self.journal = Journal(self.pool, schema)

    def aggregate_recorder(self, purpose: str = "events") -> library.AggregateRecorder:
        if purpose != "events":
            raise library.NotSupportedError(f"a journal records events, not {purpose}")
        return self._recorder(JournalAggregateRecorder)

    def application_recorder(self) -> library.ApplicationRecorder:
        return self._recorder(JournalApplicationRecorder, self.APPLICATION_RECORDER_TOPIC)

    def tracking_recorder(
        self, tracking_recorder_class: type[JournalTrackingRecorder] | None = None
    ) -> JournalTrackingRecorder:
        if tracking_recorder_class is not None:
            return self._recorder(tracking_recorder_class)
        return self._recorder(JournalTrackingRecorder, self.TRACKING_RECORDER_TOPIC)

    def process_recorder(self) -> library.ProcessRecorder:
        return self._recorder(JournalProcessRecorder, self.PROCESS_RECORDER_TOPIC)

    def close(self) -> None:
        self.journal.close()
        self.pool.close()

    def _recorder(self, recorder_class: type[RecorderT], topic_name: str = "") -> RecorderT:
        topic = self.env.get(topic_name) if topic_name else None
        chosen = cast("type[RecorderT]", resolve_topic(topic)) if topic else recorder_class
        if not issubclass(chosen, recorder_class):
            raise TypeError(f"{chosen} is no {recorder_class.__name__}")
        uuid_ids = (self.env.get("ORIGINATOR_ID_TYPE") or "uuid").lower() == "uuid"
        return chosen(self.journal, self.env.name, uuid_ids=uuid_ids)
