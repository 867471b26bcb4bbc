"""Views: read your own writes, rebuilt beside the live tables, compared, switched, and two releases side by side."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool

from services.intake import projections
from services.kernel.errors import Invalid, Overloaded, Unavailable
from services.kernel.host import Running
from services.kernel.view import View, ViewDefinition

AGENCIES = projections.AGENCIES
# What a later release may add to its tables.
WIDER = replace(AGENCIES, ddl=AGENCIES.ddl + "alter table {schema}.agencies add column note text;\n")


@pytest.fixture
def pool(running: Running, registered: None) -> ConnectionPool:
    return running.resources.pool


@pytest.fixture
def view(running: Running, pool: ConnectionPool) -> View:
    live = running.services["intake"].views["agencies"]
    live.wait(live.follower.feed.head())
    return live


def same_view(running: Running, definition: ViewDefinition) -> View:
    """A view as another process of intake has it."""
    live = running.services["intake"].views["agencies"]
    return View(definition, live.follower.feed, running.resources.pool, "intake", running.services["intake"].codec)


@pytest.fixture
def wider(running: Running, pool: ConnectionPool) -> Iterator[View]:
    yield same_view(running, WIDER)
    with pool.connection() as conn:
        name = sql.Identifier(f"intake_agencies_{WIDER.fingerprint[:8]}")
        conn.execute(sql.SQL("drop schema {} cascade").format(name))
        conn.execute("delete from intake.views where fingerprint = %s", [WIDER.fingerprint])
        conn.execute("delete from intake.positions where follower = %s", [f"view:agencies:{WIDER.fingerprint[:8]}"])


def rows(pool: ConnectionPool, view: View) -> int:
    with pool.connection() as conn:
        found = conn.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(view.schema, "agencies"))).fetchone()
    assert found is not None
    return int(found[0])


def test_a_rebuild_equals_the_live_view_and_leaves_it(view: View, pool: ConnectionPool) -> None:
    generation, before = view.generation, rows(pool, view)
    events, differing = view.rebuild(switch=False)
    assert (events >= before, differing, view.generation, rows(pool, view)) == (True, 0, generation, before)


def test_a_changed_row_is_counted_and_a_switch_mends_it(view: View, pool: ConnectionPool) -> None:
    generation = view.generation
    with pool.connection() as conn:
        conn.execute(sql.SQL("update {} set division = '999999'").format(sql.Identifier(view.schema, "agencies")))
    assert view.rebuild(switch=True)[1] == 2 * rows(pool, view)
    assert view.generation == generation + 1
    assert view.rebuild(switch=False)[1] == 0


def test_another_process_reads_the_switched_tables_at_its_next_query(
    running: Running, view: View, pool: ConnectionPool
) -> None:
    other = same_view(running, AGENCIES)
    before = rows(pool, other)
    view.rebuild(switch=True)
    assert rows(pool, other) == before
    assert other.follower.position() == view.follower.position()


def test_readers_of_a_view_that_is_switched_never_miss_a_row(view: View, pool: ConnectionPool) -> None:
    expected, done = rows(pool, view), threading.Event()
    seen: set[int] = set()
    failed: list[psycopg.Error] = []

    def read() -> None:
        while not done.is_set():
            try:
                seen.add(rows(pool, view))
            except psycopg.Error as error:
                failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(5):
        view.rebuild(switch=True)
    done.set()
    for reader in readers:
        reader.join()
    assert (seen, failed) == ({expected}, [])


def test_a_view_is_rebuilt_once_at_a_time(running: Running, view: View) -> None:
    with view._alone(), pytest.raises(Overloaded):
        same_view(running, AGENCIES).rebuild(switch=True)


def test_a_position_that_nobody_wrote_is_not_waited_for(view: View) -> None:
    with pytest.raises(Invalid):
        view.wait(10**9)


def test_a_newer_release_builds_its_own_tables_beside_the_old_ones(view: View, wider: View, pool: ConnectionPool) -> None:
    wider.follower.drain()
    wider.wait(0)
    assert wider.schema != view.schema
    assert rows(pool, wider) == rows(pool, view)


def test_a_view_that_is_not_whole_yet_answers_nothing(wider: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.view.WAIT_S", 0.05)
    with pytest.raises(Unavailable):
        wider.wait(0)
