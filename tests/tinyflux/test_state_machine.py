"""Random orders of every operation: the engine equals a naive list of points.

TINYFLUX_TEST_EXAMPLES sets how many sequences are run for each storage, TINYFLUX_TEST_SEED repeats
a run.
"""

from __future__ import annotations

import os
import random

import hypothesis
import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.tinyflux.machine import MACHINES

EXAMPLES = int(os.environ.get("TINYFLUX_TEST_EXAMPLES", "25"))
SEED = int(os.environ.get("TINYFLUX_TEST_SEED", random.SystemRandom().randrange(10**9)))


@pytest.mark.timeout(0 if "TINYFLUX_TEST_EXAMPLES" in os.environ else 120)
@pytest.mark.parametrize("storage", MACHINES)
def test_any_order_of_operations_equals_a_list_of_points(storage: str) -> None:
    machine = MACHINES[storage]
    print(f"TINYFLUX_TEST_SEED={SEED} TINYFLUX_TEST_EXAMPLES={EXAMPLES} repeats this run")
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        stateful_step_count=25,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    run_state_machine_as_test(hypothesis.seed(SEED)(machine), settings=settings)
    print(f"{machine.n_steps} answers compared")
