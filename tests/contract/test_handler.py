"""Commands decided at a glance, on what a process remembers, while another process writes to the same streams."""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from psycopg_pool import ConnectionPool

from guanhu.directory.v1 import agency_events_pb2
from guanhu.intake.v1 import intake_service_pb2 as api
from services.intake import agency
from services.kernel import migrate
from services.kernel.clock import SystemClock
from services.kernel.codec import EventCodec
from services.kernel.errors import IllegalState, NotAllowed, RequestMismatch
from services.kernel.glance import Memory, at_a_glance, glancing
from services.kernel.handler import Call, Handler
from services.kernel.identity import Principal
from services.kernel.journal import Journal
from services.kernel.registry import Registry
from services.kernel.resources import MIGRATIONS
from tests.unit.intake import builders as b

CALL = Call(Principal("service", "guanhu:operator"))
_OWN: Any = None  # no event of an agency holds anything sealed
Request = TypeVar("Request", api.RegisterAgencyRequest, api.ChangeAgencyRequest, api.SuspendAgencyRequest)
Make = Callable[[], Handler[agency.State]]


@pytest.fixture
def process(pool: ConnectionPool, fresh_schema: str) -> Make:
    """One more process over the same journal."""
    with pool.connection() as conn:
        migrate.migrate(conn, fresh_schema, [MIGRATIONS])

    def make() -> Handler[agency.State]:
        codec = EventCodec(fresh_schema, Registry([agency_events_pb2.DESCRIPTOR]), _OWN)
        return Handler(Journal(pool, fresh_schema), agency.DECIDER, codec, SystemClock(), lambda: b"k" * 32)

    return make


def fresh(request: Request) -> Request:
    request.head.request_id = str(uuid.uuid4())
    request.head.ClearField("occurred_at")
    return request


def register() -> api.RegisterAgencyRequest:
    request: api.RegisterAgencyRequest = b.register_agency()
    return fresh(request)


def change(name: str) -> api.ChangeAgencyRequest:
    return fresh(b.command(api.ChangeAgencyRequest, agency=b.agency(name=name), reason="更名"))


def suspend(reinstate: bool = False) -> api.SuspendAgencyRequest:
    return fresh(b.command(api.SuspendAgencyRequest, uscc=b.PROC, reinstate=reinstate, reason="停止执业"))


def do(handler: Handler[agency.State], request: Any, authorise: Callable[[agency.State], None] = lambda _: None) -> Any:
    return handler.execute(b.PROC, request, CALL, authorise=authorise)


def test_what_another_process_recorded_is_seen_by_the_next_command(process: Make) -> None:
    one, other = process(), process()
    do(one, register())
    do(other, suspend())
    # What the first process remembers would make this another suspension.
    assert do(one, suspend()).version == 2
    assert do(one, suspend(reinstate=True)).version == 3


def test_a_refusal_on_what_is_only_remembered_is_decided_again(process: Make) -> None:
    one, other = process(), process()
    with pytest.raises(IllegalState):
        do(one, suspend())
    do(other, register())
    assert do(one, suspend()).version == 2


def test_what_only_memory_would_allow_is_refused(process: Make) -> None:
    one, other = process(), process()
    do(one, register())
    do(other, suspend())

    def active(state: agency.State) -> None:
        if state.suspended:
            raise NotAllowed("AGENCY_SUSPENDED")

    with pytest.raises(NotAllowed):
        do(one, change("某市人民检察院"), active)
    assert one.load(b.PROC).version == 2


def test_a_request_that_is_repeated_in_another_process_has_one_answer_and_one_event(process: Make) -> None:
    one, other = process(), process()
    request = register()
    first = do(one, request)
    again = do(other, request)
    assert (again.version, again.position, again.replayed) == (first.version, first.position, True)
    assert do(one, request).replayed
    assert other.load(b.PROC).version == 1


def test_a_request_id_that_another_process_used_for_something_else_is_refused(process: Make) -> None:
    one, other = process(), process()
    do(one, register())
    request = change("某市人民检察院")
    do(one, request)
    request.reason = "迁址"
    with pytest.raises(RequestMismatch):
        do(other, request)


def test_what_is_asked_with_care_is_never_taken_from_memory(process: Make) -> None:
    one, other = process(), process()
    do(one, register())
    do(other, suspend())
    assert one.load(b.PROC).version == 2


def test_memory_serves_a_glance_only_and_not_for_long() -> None:
    answers = iter(range(10))
    memory, passing = Memory[str, int](60.0), Memory[str, int](0.0)
    assert [memory.get("a", lambda: next(answers)), memory.get("a", lambda: next(answers))] == [0, 1]
    with glancing():
        assert at_a_glance()
        assert memory.get("a", lambda: next(answers)) == 1
        assert [passing.get("a", lambda: next(answers)), passing.get("a", lambda: next(answers))] == [2, 3]
    assert not at_a_glance()
