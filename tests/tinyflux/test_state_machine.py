"""Random orders of every operation: the engine equals a naive list of points.

TINYFLUX_TEST_SCALE=100 runs a hundred times as many sequences. TINYFLUX_TEST_SEED repeats a run
that failed, and makes the failing sequence short, which takes minutes.
"""

from __future__ import annotations

import os
import random

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.tinyflux.effort import SCALE, effort
from tests.tinyflux.machine import MACHINES

IS_REPEATED = "TINYFLUX_TEST_SEED" in os.environ
SEED = int(os.environ.get("TINYFLUX_TEST_SEED", random.SystemRandom().randrange(10**9)))


@pytest.mark.timeout(120 * SCALE + 900 * IS_REPEATED)
@pytest.mark.parametrize("storage", MACHINES)
def test_any_order_of_operations_equals_a_list_of_points(storage: str) -> None:
    machine = MACHINES[storage]
    print(f"TINYFLUX_TEST_SEED={SEED} TINYFLUX_TEST_SCALE={SCALE} repeats this run")
    phases = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if IS_REPEATED else [])]
    settings = hypothesis.settings(effort(25), stateful_step_count=25, database=None, phases=phases)
    run_state_machine_as_test(hypothesis.seed(SEED)(machine), settings=settings)
    print(f"{machine.n_steps} answers compared")
