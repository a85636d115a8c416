"""What the demo leaves behind, in words: points, the file, and how to query it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def summary(points_by_measurement: Mapping[str, int], data: Path) -> str:
    """Points per measurement, the CSV's path, and three lines of Python that query it."""
    if not points_by_measurement:
        return f"No point was stored.\nData file: {data}"
    width = max(len(name) for name in points_by_measurement)
    counts = [
        f"  {name.ljust(width)}  {number:>7}"
        for name, number in sorted(points_by_measurement.items())
    ]
    total = sum(points_by_measurement.values())
    return "\n".join(
        [
            f"{total} points were stored:",
            *counts,
            f"Data file: {data}",
            f"To query it, paste these lines into {sys.executable}:",
            "",
            *query_lines(points_by_measurement, data),
        ]
    )


def query_lines(points_by_measurement: Mapping[str, int], data: Path) -> tuple[str, str, str]:
    """Three lines of Python that print the last point of the measurement with the most points."""
    fullest = max(sorted(points_by_measurement), key=lambda name: points_by_measurement[name])
    return (
        "from tinyflux import MeasurementQuery, TinyFlux",
        f"db = TinyFlux({str(data.absolute())!r})",
        f"print(db.search(MeasurementQuery() == {fullest!r})[-1])",
    )
