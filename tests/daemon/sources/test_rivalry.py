"""Two collectors with one client id: recognised, said, and not left to fight."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from daemon.errors import SourceError
from daemon.sources.faults import Address, TakenOverError
from daemon.sources.rivalry import Rivalry
from daemon.writer import Inbox
from tests.daemon.clocks import SetClock
from tests.daemon.sources.conftest import Sources, settings_for
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto

LOST = SourceError("the connection was lost")


def _rivalry(clock: SetClock) -> Rivalry:
    return Rivalry(Address("home", "127.0.0.1", 1884), "collector", clock)


def _lose(rivalry: Rivalry, clock: SetClock, *, away_s: float, error: SourceError = LOST) -> None:
    rivalry.lost(error)
    clock.pass_time(away_s)
    rivalry.accepted()
    clock.pass_time(10)


@pytest.mark.parametrize(
    ("away_s", "error", "is_found"),
    [
        pytest.param(0.01, LOST, True, id="let in at once"),
        pytest.param(0.5, LOST, False, id="the broker was away"),
        pytest.param(5.0, TakenOverError("taken over"), True, id="the broker says so"),
    ],
)
def test_a_rival_is_known_by_how_the_connection_ends(
    away_s: float, error: SourceError, is_found: bool
) -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    for _ in range(3):
        assert not rivalry.is_found
        _lose(rivalry, clock, away_s=away_s, error=error)
    assert rivalry.is_found is is_found


def test_losses_that_are_far_apart_are_no_rival() -> None:
    clock = SetClock()
    rivalry = _rivalry(clock)
    for _ in range(9):
        _lose(rivalry, clock, away_s=0.01)
        clock.pass_time(400)
        assert not rivalry.is_found


def test_a_loss_is_followed_by_one_try_without_a_pause() -> None:
    rivalry = _rivalry(SetClock())
    assert not rivalry.asks_at_once
    rivalry.lost(LOST)
    assert rivalry.asks_at_once
    rivalry.failed()
    assert not rivalry.asks_at_once


def test_the_rests_grow_longer() -> None:
    rivalry = _rivalry(SetClock())
    rests = [rivalry.rest_s() for _ in range(6)]
    assert 40 <= rests[0] <= 60
    assert 600 <= rests[-1] <= 900


@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_two_with_one_id_say_so_and_stop_fighting(
    mosquitto: Mosquitto,
    sources: Sources,
    logged: Callable[[int], list[str]],
    is_version_5: bool,
) -> None:
    settings = settings_for(mosquitto, is_version_5=is_version_5)
    first = sources.connect(settings, Inbox())
    second = sources.start(settings, Inbox())

    def is_said() -> bool:
        return any("another client seems to use our client id" in s for s in logged(logging.ERROR))

    wait_until(is_said, "the error")
    wait_until(lambda: first.is_connected != second.is_connected, "one to have left")
    # Each of them has tried a few times, not hundreds.
    assert first.tries + second.tries < 15
