"""Curves drawn with characters: axes with round ticks, lines of dots. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from daemon.plots.axes import number_labels, number_ticks, time_ticks
from daemon.plots.curves import Curve
from daemon.query import plain

_MARKS = "*o+x#@%&"
_COLOURS = (36, 33, 32, 35, 31, 34, 96, 93)
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of the braille patterns by row and column of a character (Unicode block U+2800)."""


@dataclass(frozen=True, slots=True)
class Style:
    """What the place where it is shown can show."""

    width: int = 80
    height: int = 20
    is_coloured: bool = False
    is_braille: bool = True
    """Whether characters beyond ASCII can be written."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The area of the curves, and what its edges mean."""

    columns: int
    rows: int
    first_us: int
    last_us: int
    low: float
    high: float

    def x(self, time_us: int, n_places: int) -> int:
        share = (time_us - self.first_us) / max(1, self.last_us - self.first_us)
        return min(n_places - 1, max(0, round(share * (n_places - 1))))

    def y(self, value: float, n_places: int) -> int:
        share = (self.high - value) / (self.high - self.low)
        return min(n_places - 1, max(0, round(share * (n_places - 1))))


def draw(curves: Sequence[Curve], style: Style, *, title: str, zone: tzinfo) -> list[str]:
    """The lines of a plot: title, curves with both axes, and a legend for several."""
    low = min(float(curve.values.min()) for curve in curves)
    high = max(float(curve.values.max()) for curve in curves)
    if low == high:  # a flat line stands in the middle
        room = abs(low) * 0.05 or 1.0
        low, high = low - room, high + room
    rows = max(5, style.height - 3 - (len(curves) > 1))
    ticks = number_ticks(low, high, max(3, rows // 3))
    low, high = min(low, *ticks), max(high, *ticks)
    labels = number_labels(ticks)
    margin = max(map(len, labels))
    frame = _Frame(
        max(10, style.width - margin - 2),
        rows,
        min(int(curve.times_us[0]) for curve in curves),
        max(int(curve.times_us[-1]) for curve in curves),
        low,
        high,
    )
    is_dotted = style.is_braille and (style.is_coloured or len(curves) == 1)
    cells = _dotted(curves, frame, style) if is_dotted else _marked(curves, frame)
    at_row = {frame.y(tick, rows): label for tick, label in zip(ticks, labels, strict=True)}
    bar, corner, dash = ("│┤", "└", "─") if style.is_braille else ("||", "+", "-")
    lines = [title]
    for row, line in enumerate(cells):
        label = at_row.get(row, "")
        lines.append(f"{label:>{margin}} {bar[row in at_row]}{''.join(line).rstrip()}")
    lines.append(f"{'':{margin}} {corner}{dash * frame.columns}")
    lines.append(f"{'':{margin}}  {_time_line(frame, zone)}".rstrip())
    if len(curves) > 1:
        lines.append(_legend(curves, style, is_dotted=is_dotted))
    return lines


def _time_line(frame: _Frame, zone: tzinfo) -> str:
    line = [" "] * frame.columns
    free_from = 0
    for time_us, label in time_ticks(
        frame.first_us, frame.last_us, max(2, frame.columns // 11), zone
    ):
        at = min(frame.x(time_us, frame.columns), frame.columns - len(label))
        if at >= free_from:
            line[at : at + len(label)] = label
            free_from = at + len(label) + 1
    return "".join(line)


def _steps(curve: Curve, frame: _Frame, columns: int, rows: int) -> list[tuple[int, int]]:
    """The places of a curve, joined by straight lines."""
    xs = [frame.x(time_us, columns) for time_us in curve.times_us.tolist()]
    ys = [frame.y(value, rows) for value in curve.values.tolist()]
    places = [(xs[0], ys[0])]
    for x0, y0, x1, y1 in zip(xs, ys, xs[1:], ys[1:], strict=False):
        n_steps = max(abs(x1 - x0), abs(y1 - y0))
        if n_steps:
            along = np.arange(1, n_steps + 1) / n_steps
            x = np.rint(x0 + (x1 - x0) * along).astype(int).tolist()
            y = np.rint(y0 + (y1 - y0) * along).astype(int).tolist()
            places += zip(x, y, strict=True)
    return places


def _dotted(curves: Sequence[Curve], frame: _Frame, style: Style) -> list[list[str]]:
    bits = np.zeros((frame.rows, frame.columns), dtype=np.int64)
    owner = np.zeros((frame.rows, frame.columns), dtype=np.int64)
    for number, curve in enumerate(curves):
        for x, y in _steps(curve, frame, frame.columns * 2, frame.rows * 4):
            bits[y // 4, x // 2] |= _DOTS[y % 4][x % 2]
            owner[y // 4, x // 2] = number
    return [
        [
            _coloured(chr(0x2800 + bit), number, style) if bit else " "
            for bit, number in zip(row, numbers, strict=True)
        ]
        for row, numbers in zip(bits.tolist(), owner.tolist(), strict=True)
    ]


def _marked(curves: Sequence[Curve], frame: _Frame) -> list[list[str]]:
    cells = [[" "] * frame.columns for _ in range(frame.rows)]
    for number, curve in enumerate(curves):
        for x, y in _steps(curve, frame, frame.columns, frame.rows):
            cells[y][x] = _MARKS[number % len(_MARKS)]
    return cells


def _legend(curves: Sequence[Curve], style: Style, *, is_dotted: bool) -> str:
    mark = "\u2588" if is_dotted else None
    return "   ".join(
        f"{_coloured(mark, number, style) if mark else _MARKS[number % len(_MARKS)]} "
        f"{plain(curve.name)}"
        for number, curve in enumerate(curves)
    )


def _coloured(text: str, number: int, style: Style) -> str:
    if not style.is_coloured:
        return text
    return f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{text}\x1b[0m"
