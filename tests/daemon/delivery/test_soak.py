"""Short form of `make soak`: five times its rate, for some seconds."""

from __future__ import annotations

from pathlib import Path

from tests.daemon.delivery.soak import soak
from tests.support.mosquitto import Mosquitto


def test_an_even_load_leaves_memory_flat_and_nothing_out(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    verdict = soak(mosquitto, tmp_path, seconds=9, per_second=500, n_samples=9)
    assert verdict.rows == verdict.published > 1000
    # A leak of one message each would be above.
    assert verdict.growth_mb < 3.0, str(verdict.samples)
