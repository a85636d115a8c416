"""Curves as a PNG or SVG file: the only door to matplotlib, which is an extra."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

import numpy as np

from daemon.errors import EX_CANTCREAT, EX_UNAVAILABLE, RequestError
from daemon.plots.curves import Curve

PICTURES = (".png", ".svg")
"""Endings of the names of pictures."""


def save_picture(
    path: Path, curves: Sequence[Curve], *, title: str, y_label: str, zone: tzinfo
) -> None:
    """Write the picture; the file is there as a whole or not at all.

    Raises RequestError where matplotlib is not installed or the file cannot be written.
    """
    try:
        from matplotlib import dates
        from matplotlib.figure import Figure
    except ImportError:
        raise RequestError(
            "pictures need matplotlib: pip install 'tinyflux-collector[plot]'; without --output "
            "the plot is drawn here",
            EX_UNAVAILABLE,
        ) from None
    figure = Figure(figsize=(9.6, 5.4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for curve in curves:
        days = curve.times_us.astype(np.float64) / 86_400e6
        mark = "o" if len(days) == 1 else None
        axes.plot(days, curve.values, label=curve.name, linewidth=1.2, marker=mark)
    locator = dates.AutoDateLocator(tz=zone)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = dates.ConciseDateFormatter(locator, tz=zone)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)
    axes.set_title(title)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, alpha=0.3)
    if len(curves) > 1:
        axes.legend()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.savefig(temporary, format=path.suffix[1:].lower())
        temporary.replace(path)
    except OSError as error:
        raise RequestError(
            f"cannot write {path}: {error.strerror or error}", EX_CANTCREAT
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
