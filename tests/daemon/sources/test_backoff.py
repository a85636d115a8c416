"""The waits between tries grow, stay below the longest, and are not those of other clients."""

from __future__ import annotations

import random

from daemon.sources.backoff import Backoff


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(1.0, 10.0, random.Random(1))
    waits = [backoff.next_s() for _ in range(6)]
    for wait_s, full_s in zip(waits, (1, 2, 4, 8, 10, 10), strict=True):
        assert full_s * 2 / 3 <= wait_s <= full_s
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_two_clients_do_not_wait_alike() -> None:
    one, two = Backoff(1.0, 30.0), Backoff(1.0, 30.0)
    assert [one.next_s() for _ in range(5)] != [two.next_s() for _ in range(5)]
