"""How hard the property tests try: TINYFLUX_TEST_SCALE times as many examples as usual."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SCALE = int(os.environ.get("TINYFLUX_TEST_SCALE", "1"))


def effort(max_examples: int) -> settings:
    """Settings for a property test; a slow machine is no failure."""
    return settings(
        max_examples=max_examples * SCALE,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
