"""What the watchdog is fed by, and the line that systemd shows."""

from __future__ import annotations

from daemon.app import HANGS_S, Pulse, Vitals


def _vitals(turns: int = 0, points: int = 0, *, is_refused: bool = False) -> Vitals:
    return Vitals(turns=turns, points=points, lag_s=0.25, is_refused=is_refused)


def test_a_writer_that_turns_now_and_then_is_alive() -> None:
    pulse = Pulse(0.0)
    assert all(pulse.is_beating(_vitals(turns), turns * 30.0) for turns in range(100))


def test_a_writer_that_turns_no_more_is_not() -> None:
    pulse = Pulse(0.0)
    assert pulse.is_beating(_vitals(7), 10.0)
    assert pulse.is_beating(_vitals(7), 9.0 + HANGS_S)
    assert not pulse.is_beating(_vitals(7), 10.0 + HANGS_S)


def test_a_writer_that_comes_back_is_alive_again() -> None:
    pulse = Pulse(0.0)
    assert not pulse.is_beating(_vitals(-1), HANGS_S)
    assert pulse.is_beating(_vitals(0), HANGS_S + 1)


def test_the_line_has_the_rate_since_the_last_one() -> None:
    pulse = Pulse(0.0)
    assert pulse.line(_vitals(points=20), 10.0) == "2 points/s, lag 0.2 s"
    assert pulse.line(_vitals(points=21), 20.0) == "0.1 points/s, lag 0.2 s"
    assert pulse.line(_vitals(points=21, is_refused=True), 30.0).startswith(
        "the disk takes nothing; 0 points/s"
    )
