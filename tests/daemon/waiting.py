"""Waits for what another thread brings about, with an end for the case that it never does."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT_S = 20.0


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Returns when `is_so`; fails the test by name when it is not within 20 s."""
    end_s = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end_s, f"waited {LIMIT_S:g} s in vain for: {what}"
        time.sleep(0.002)
