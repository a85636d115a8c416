"""What an unknown unit is told."""

from __future__ import annotations

import pytest

from daemon.config.units import find_unit


def test_an_unknown_unit_is_told_which_are_known_and_what_else_to_do() -> None:
    with pytest.raises(ValueError, match=r"parsec.*°C, °F.*`scale`"):
        find_unit("parsec")
