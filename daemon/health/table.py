"""The live table of a terminal: last value, age and rate of every series, as plain text lines.

Pure: rows, width and height to lines. No line is wider than the terminal, no table higher.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.health.series import SeriesRow

_AGE_WIDTH = 5
_RATE_WIDTH = 9
_GAP = "  "
_HEADINGS = ("series", "last values", "age", "rate")
_OTHER_LINES = 3
"""Title, headings, and the line at the end."""


def table_lines(
    rows: Sequence[SeriesRow], *, title: str, width: int, height: int, status: str = ""
) -> list[str]:
    """Title, headings, one line a series, and a last line for the series that have no room."""
    names_and_values = max(20, width - _AGE_WIDTH - _RATE_WIDTH - 3 * len(_GAP))
    longest = max((len(row.name) for row in rows), default=0)
    name_width = min(max(longest, len(_HEADINGS[0])), names_and_values * 2 // 5)
    widths = (name_width, names_and_values - name_width, _AGE_WIDTH, _RATE_WIDTH)
    room = max(1, height - _OTHER_LINES)
    lines = [_cut(title, width), _line(_HEADINGS, widths)]
    for row in rows[:room]:
        cells = (row.name, row.values, age_text(row.age_s), rate_text(row.rate_hz))
        lines.append(_line(cells, widths))
    lines.append(_cut(_last_line(len(rows) - room, status), width))
    return lines


def age_text(age_s: float) -> str:
    """An age in at most five characters: `3s`, `12m`, `5h`, `9d`."""
    for unit, seconds, limit in (("s", 1, 100), ("m", 60, 6000), ("h", 3600, 360_000)):
        if age_s < limit:
            return f"{int(age_s / seconds)}{unit}"
    return f"{int(age_s / 86400)}d"


def rate_text(rate_hz: float) -> str:
    """A rate in at most nine characters: `4.0/s`, `12/min`, `0.5/h`."""
    if rate_hz <= 0:
        return "-"
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        number = rate_hz * seconds
        if number >= 0.995:
            return f"{number:.0f}/{unit}" if number >= 9.95 else f"{number:.1f}/{unit}"
    return f"{rate_hz * 86400:.1f}/d"


def _last_line(hidden: int, status: str) -> str:
    more = f"and {hidden} more series" if hidden > 0 else ""
    return "  ".join(part for part in (more, status) if part)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    name, values, age, rate = (_cut(cell, width) for cell, width in zip(cells, widths, strict=True))
    columns = (
        name.ljust(widths[0]), values.ljust(widths[1]), age.rjust(widths[2]), rate.rjust(widths[3])
    )  # fmt: skip
    return _GAP.join(columns)


def _cut(text: str, width: int) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
