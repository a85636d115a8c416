"""Curves drawn with characters."""

from __future__ import annotations

from datetime import UTC

import numpy as np
import pytest

from daemon.plots import Curve, Style, draw

HOUR_US = 3_600_000_000


def _curve(name: str, values: list[float]) -> Curve:
    times_us = np.arange(len(values), dtype=np.int64) * HOUR_US
    return Curve(name, times_us, np.array(values))


def _lines(*curves: Curve, style: Style) -> list[str]:
    return draw(curves, style, title="t", zone=UTC)


def test_a_rising_line_in_ascii() -> None:
    assert _lines(_curve("a", [0, 1, 2, 3, 4]), style=Style(24, 8, is_braille=False)) == [
        "t",
        "4 |                  ***",
        "  |             *****",
        "2 |        *****",
        "  |   *****",
        "0 |***",
        "  +---------------------",
        "   01 Jan    02:00 04:00",
    ]


@pytest.mark.parametrize("is_braille", [True, False])
@pytest.mark.parametrize("is_coloured", [True, False])
@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [0.0, 1e-12], [-1e300, 1e300]])
def test_no_line_is_wider_and_no_plot_higher_than_asked(
    values: list[float], is_coloured: bool, is_braille: bool
) -> None:
    style = Style(60, 12, is_coloured=is_coloured, is_braille=is_braille)
    lines = [
        line.replace("\x1b[36m", "").replace("\x1b[0m", "")
        for line in _lines(_curve("a", values), style=style)
    ]
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 60
    assert is_braille == any("\u2800" < letter < "\u2900" for line in lines for letter in line)


def test_several_curves_are_told_apart_without_colours() -> None:
    lines = _lines(_curve("up", [0, 9]), _curve("down", [9, 0]), style=Style(40, 12))
    assert lines[-1] == "* up   o down"
    assert any("*" in line and "o" in line for line in lines[:-1])


def test_several_curves_have_colours_on_a_terminal() -> None:
    style = Style(40, 12, is_coloured=True)
    lines = _lines(_curve("up", [0, 9]), _curve("down", [9, 0]), style=style)
    assert lines[-1] == "\x1b[36m\u2588\x1b[0m up   \x1b[33m\u2588\x1b[0m down"


def test_a_name_does_not_steer_the_terminal() -> None:
    lines = _lines(_curve("a\x1b[2J", [0, 1]), _curve("b", [1, 0]), style=Style(40, 12))
    assert "\x1b" not in "".join(lines)
