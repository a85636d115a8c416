"""Two collectors with one client id: recognised, said, and not left to fight."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from daemon.errors import SourceError
from daemon.sources.faults import Address, RefusedError, TakenOverError
from daemon.sources.rivalry import Rivalry
from daemon.writer import Inbox
from tests.daemon.clocks import SetClock
from tests.daemon.sources.conftest import Sources, settings_for
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto

SAID = "another client has connected with our client id 'collector'"
LOST = SourceError("the connection was lost")


def _rivalry(clock: SetClock) -> Rivalry:
    return Rivalry(Address("home", "127.0.0.1", 1884), "collector", clock)


def _lose(
    rivalry: Rivalry,
    clock: SetClock,
    times: int,
    *,
    away_s: float = 0.01,
    lasted_s: float = 0.5,
    error: SourceError = LOST,
) -> None:
    for _ in range(times):
        clock.pass_time(away_s)
        rivalry.accepted()
        clock.pass_time(lasted_s)
        rivalry.lost(error)


@pytest.mark.parametrize(
    ("away_s", "lasted_s", "is_found"),
    [
        pytest.param(0.01, 0.5, True, id="let in at once, thrown out at once"),
        pytest.param(0.01, 8.0, False, id="the network is cut every 8 s"),
        pytest.param(0.5, 0.5, False, id="the broker was away"),
    ],
)
def test_a_rival_is_known_by_many_short_lives_in_a_row(
    away_s: float, lasted_s: float, is_found: bool
) -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    # The first was not let in after a loss.
    _lose(rivalry, clock, 8, away_s=away_s, lasted_s=lasted_s)
    assert not rivalry.is_found
    _lose(rivalry, clock, 1, away_s=away_s, lasted_s=lasted_s)
    assert rivalry.is_found is is_found


def test_one_longer_life_ends_the_row() -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    _lose(rivalry, clock, 8)
    _lose(rivalry, clock, 1, lasted_s=8)
    _lose(rivalry, clock, 7)
    assert not rivalry.is_found


def test_the_word_of_the_broker_needs_less() -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    _lose(rivalry, clock, 2, lasted_s=8.0, error=TakenOverError("taken over"))
    assert not rivalry.is_found
    _lose(rivalry, clock, 1, lasted_s=8.0, error=TakenOverError("taken over"))
    assert rivalry.is_found


def test_sessions_taken_over_far_apart_are_no_rival() -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    _lose(rivalry, clock, 9, lasted_s=400, error=TakenOverError("taken over"))
    assert not rivalry.is_found


def test_a_loss_is_followed_by_one_try_without_a_pause() -> None:
    rivalry = _rivalry(SetClock())
    assert not rivalry.asks_at_once
    rivalry.lost(LOST)
    assert rivalry.asks_at_once
    rivalry.failed()
    assert not rivalry.asks_at_once


def test_a_rival_is_suspected_from_the_first_short_life_that_began_at_once() -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    _lose(rivalry, clock, 1)
    assert not rivalry.is_suspected
    _lose(rivalry, clock, 1)
    assert rivalry.is_suspected
    _lose(rivalry, clock, 1, lasted_s=8)
    assert not rivalry.is_suspected


def test_a_broker_that_says_what_it_does_not_like_is_not_asked_at_once() -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    _lose(rivalry, clock, 20, error=RefusedError("may this user publish its status?"))
    assert not rivalry.asks_at_once
    assert not rivalry.is_found


def test_no_rest_is_longer_than_a_minute() -> None:
    rivalry = _rivalry(SetClock())
    rests = [rivalry.rest_s() for _ in range(9)]
    assert rests[0] <= 10
    assert 40 <= rests[-1] <= 60


def test_the_rests_begin_anew_after_a_long_connection() -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    assert max(rivalry.rest_s() for _ in range(9)) > 10
    _lose(rivalry, clock, 1, lasted_s=200)
    assert rivalry.rest_s() <= 10


@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_two_with_one_id_say_so_and_stop_fighting(
    mosquitto: Mosquitto,
    sources: Sources,
    logged: Callable[[int], list[str]],
    is_version_5: bool,
) -> None:
    settings = settings_for(mosquitto, is_version_5=is_version_5)
    # On a clock that stands still whatever comes comes at once, however busy the machine is.
    first = sources.connect(settings, Inbox(), clock=SetClock())
    second = sources.start(settings, Inbox(), clock=SetClock())

    wait_until(lambda: bool(logged(logging.ERROR)), "the error")
    wait_until(lambda: first.is_connected != second.is_connected, "one to have left")
    # Each of them has tried a few times, not hundreds, and has said it once.
    assert first.tries + second.tries < 30
    errors = logged(logging.ERROR)
    assert len(errors) <= 2
    # Mosquitto 2.0.11 does not say it on MQTT 5 either; later ones do.
    assert all("client with our client id 'collector'" in line or SAID in line for line in errors)
