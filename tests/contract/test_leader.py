"""Leadership: of several processes one runs each follower, and another takes over when it is gone."""

import threading
import uuid
from collections.abc import Callable

import psycopg
from psycopg.conninfo import make_conninfo

from services.kernel.leader import HEARTBEAT_S, Leadership

TAKEOVER_S = 5.0


class Lamp:
    """Something that runs, and lets a test wait until it does or does not."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._on = False
        self.starts = 0

    def start(self) -> None:
        self._turn(True)
        self.starts += 1

    def stop(self) -> None:
        self._turn(False)

    def is_on(self, within_s: float) -> bool:
        return self._becomes(lambda: self._on, within_s)

    def is_off(self, within_s: float) -> bool:
        return self._becomes(lambda: not self._on, within_s)

    def _turn(self, on: bool) -> None:
        with self._changed:
            self._on = on
            self._changed.notify_all()

    def _becomes(self, condition: Callable[[], bool], within_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, within_s)


def service_name() -> str:
    return f"service_{uuid.uuid4().hex[:8]}"


def cut(database_url: str, service: str) -> int:
    """Ends the connections that hold leads of a service, as the death of their process would; returns how many."""
    query = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s"
    with psycopg.connect(database_url, autocommit=True) as conn:
        return conn.execute(query, [f"lead {service}"]).rowcount


def test_one_of_two_processes_leads_and_the_other_follows_its_end(database_url: str) -> None:
    service, first, second = service_name(), Lamp(), Lamp()
    one, two = (Leadership(database_url, service, {"view": lamp}) for lamp in (first, second))
    one.start()
    assert first.is_on(TAKEOVER_S)
    two.start()
    assert not second.is_on(2 * HEARTBEAT_S)
    one.stop()
    assert first.is_off(0)
    assert second.is_on(TAKEOVER_S)
    two.stop()
    assert second.is_off(0)


def test_every_candidate_is_led_by_itself(database_url: str) -> None:
    service, shared, other, newer = service_name(), Lamp(), Lamp(), Lamp()
    old_release = Leadership(database_url, service, {"policy": shared})
    new_release = Leadership(database_url, service, {"policy": other, "view:2": newer})
    old_release.start()
    assert shared.is_on(TAKEOVER_S)
    new_release.start()
    # The view that only the newer release has is led there, although the older one leads the policy.
    assert newer.is_on(TAKEOVER_S)
    assert new_release.leading == {"view:2"}
    old_release.stop()
    assert other.is_on(TAKEOVER_S)
    new_release.stop()


def test_who_loses_the_connection_stops_and_stands_again(database_url: str) -> None:
    service, lamp = service_name(), Lamp()
    leadership = Leadership(database_url, service, {"view": lamp})
    leadership.start()
    assert lamp.is_on(TAKEOVER_S)
    assert cut(database_url, service) == 1
    assert lamp.is_off(TAKEOVER_S)
    assert lamp.is_on(TAKEOVER_S)
    assert lamp.starts == 2
    leadership.stop()


def test_while_the_database_is_away_nobody_leads(database_url: str) -> None:
    lamp = Lamp()
    leadership = Leadership(make_conninfo(database_url, dbname="no_such_database"), service_name(), {"view": lamp})
    leadership.start()
    assert not lamp.is_on(HEARTBEAT_S)
    leadership.stop()
