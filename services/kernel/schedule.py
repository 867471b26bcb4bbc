"""The scheduler: passes every due point of a service's clocks, in order and exactly once, across restarts and clock jumps.

Due points live in a view that follows from the events alone, so nothing is lost with a process. A point is passed by a
command whose request id follows from stream, clock and point: a second instance, a restart, or a view that lags behind
repeats the command, and the journal answers what it answered before. A point that was passed is gone from the view as soon
as its event is taken in.
"""

import itertools
import threading
import time
from collections.abc import Sequence
from datetime import datetime

import psycopg
import structlog

from guanhu.command.v1 import command_pb2
from guanhu.deadline.v1 import deadline_service_pb2 as api
from services.kernel import metrics, recount
from services.kernel.clock import Clock
from services.kernel.clocks import Clocks
from services.kernel.dates import from_datetime
from services.kernel.deadlinelist import Point
from services.kernel.errors import Unavailable, VersionConflict
from services.kernel.handler import Call
from services.kernel.identity import Principal
from services.kernel.policy import derived_id

NAME = "schedule"
# Recorded in one append, in the order of the points.
BATCH_POINTS_MAX = 250
# A clock is on time to a second: a point that is set meanwhile is found this soon.
POLL_S = 0.25
AWAY_PAUSE_S = 0.5
# How often clocks are looked for whose date an older calendar left open.
RECOUNT_S = 3_600.0
# A point that is refused does not hold the others up; it is tried again after this long.
ASIDE_S = 60.0

Key = tuple[datetime, str, str, int]


class Scheduler:
    """Passes the due points of one service."""

    def __init__(self, service: str, clocks: Clocks, clock: Clock) -> None:
        self.name = NAME
        self._service = service
        self._clocks = clocks
        self._clock = clock
        self._call = Call(Principal("service", f"guanhu:{service}", "", "SYSTEM"))
        self._log = structlog.get_logger("guanhu.schedule")
        # Where this pass through the points stands, and the position that the view must hold before the next one.
        self._after: Key | None = None
        self._position = 0
        self._aside: dict[Key, float] = {}
        self._recounted: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread that passes due points until `stop`; may be started again after that."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=f"{NAME}-{self._service}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; a command under way is finished."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def next_due(self) -> datetime | None:
        """The instant of the next due point."""
        return self._clocks.listed.next_point()

    def step(self, now: datetime) -> int:
        """Passes the next batch of what is due at `now` and returns how many points were passed.

        Raises:
            Unavailable: the journal cannot be reached; nothing of it is lost.
        """
        points = self._clocks.listed.points(now, self._after, BATCH_POINTS_MAX)
        if not points:
            self._begin_again()
            return 0
        batch = _one_of_each_stream(points)
        due = [point for point in batch if not self._set_aside(point)]
        passed = 0
        # In order: those of another kind of aggregate, which other streams belong to, come after these.
        for category, same in itertools.groupby(due, key=lambda point: point.stream.partition("-")[0]):
            passed += self._pass(category, list(same))
        self._after = batch[-1].key
        return passed

    def _begin_again(self) -> None:
        """Starts at the first point again, once the view knows of all that was passed: a date may have been set meanwhile."""
        if self._after is None or self._clocks.listed.view.follower.position() >= self._position:
            self._after = None

    def _run(self) -> None:
        while not self._stop.is_set():
            pause = 0.0
            try:
                self._recount()
                if self.step(self._clock.now()) == 0:
                    pause = self._until_next()
            except (psycopg.OperationalError, Unavailable) as error:
                self._log.info("journal away", service=self._service, error=type(error).__name__)
                pause = AWAY_PAUSE_S
            except Exception as error:
                # A scheduler must outlive whatever meets it: the error is logged by kind and the step is repeated.
                self._log.error("schedule step failed", service=self._service, error=type(error).__name__)
                pause = AWAY_PAUSE_S
            self._stop.wait(pause)

    def _recount(self) -> None:
        if self._recounted is None or time.monotonic() - self._recounted > RECOUNT_S:
            recount.recount(self._service, self._clocks, self._call)
            self._recounted = time.monotonic()

    def _until_next(self) -> float:
        due = self.next_due()
        if due is None:
            return POLL_S
        # Never longer than a poll: the clock may jump, and a nearer point may be set.
        return min(POLL_S, max(0.0, (due - self._clock.now()).total_seconds()) or POLL_S)

    def _pass(self, category: str, points: Sequence[Point]) -> int:
        """Passes points of one kind of aggregate; returns how many were passed, by this instance or another."""
        route = self._clocks.routes.get(category)
        if route is None:
            for point in points:
                self._put_aside(point, "STREAM_UNKNOWN")
            return 0
        commands = [(point.stream.partition("-")[2], command(self._service, point)) for point in points]
        passed = 0
        for point, answer in zip(points, route.handler.execute_all(commands, self._call, case_id=route.case_id), strict=True):
            if isinstance(answer, command_pb2.Receipt):
                self._position = max(self._position, answer.position)
                passed += 1
                self._count(point, answer)
            elif not isinstance(answer, VersionConflict):
                # A stream that moved on meanwhile comes again in the next pass; what is refused must not come at once.
                self._put_aside(point, answer.reason)
        return passed

    def _count(self, point: Point, answer: command_pb2.Receipt) -> None:
        if not answer.replayed:
            late_s = max(0.0, (self._clock.now() - point.at).total_seconds())
            metrics.deadline_late.record(
                late_s, {"service": self._service, "kind": "warning" if point.days_before else "lapse"}
            )

    def _set_aside(self, point: Point) -> bool:
        return time.monotonic() < self._aside.get(point.key, 0.0)

    def _put_aside(self, point: Point, reason: str) -> None:
        self._aside = {key: until for key, until in self._aside.items() if until > time.monotonic()}
        self._aside[point.key] = time.monotonic() + ASIDE_S
        self._log.error("due point refused", service=self._service, stream=point.stream, clock=point.deadline_id, reason=reason)


def _one_of_each_stream(points: Sequence[Point]) -> list[Point]:
    """The first points, up to one whose stream comes a second time: that one waits for the first to be recorded."""
    seen: set[str] = set()
    batch = []
    for point in points:
        if point.stream in seen:
            break
        seen.add(point.stream)
        batch.append(point)
    return batch


def command(service: str, point: Point) -> api.PassDuePointRequest:
    """The command that passes a point: the same bytes wherever and whenever it is made."""
    due_at = point.due_at
    request_id = derived_id(NAME, service, f"{point.stream}|{point.deadline_id}|{due_at.timestamp()}", str(point.days_before))
    # A lapse happened when the period was over, however late it is recorded.
    happened = point.at if point.days_before else due_at
    head = command_pb2.CommandHead(
        request_id=request_id, occurred_at=from_datetime(happened), rule_id=point.deadline_id.partition("#")[0]
    )
    return api.PassDuePointRequest(
        head=head,
        service=service,
        stream=point.stream,
        deadline_id=point.deadline_id,
        days_before=point.days_before,
        due_at=from_datetime(due_at),
    )
