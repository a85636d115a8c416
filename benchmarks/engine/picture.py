"""Draws cost against size; runs in the second environment, as a script."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Text stays text and ids do not depend on chance: the file is small and the same every time.
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "household", "font.size": 8})

_PANELS = {
    "open": "open with cache, first count",
    "open_cold": "open without cache",
    "hour": "one hour as Points",
    "latest": "latest per tag value",
    "count_where": "count where field > x",
    "series": "one field over a measurement",
    "daily_mean": "daily mean per room",
    "late": "100 late points, range query",
    "remove_oldest": "remove the oldest tenth",
    "change_tag": "change a tag on 5%",
    "insert_one": "insert one, durable",
    "insert_batch": "insert 1,000, durable",
}
_LINES = {
    "ours": ("ours", "#c0392b"),
    "tinyflux": ("TinyFlux 1.2.0", "#7f8c8d"),
    "sqlite": ("SQLite", "#2471a3"),
    "duckdb": ("DuckDB", "#b7950b"),
    "bare": ("bare Python", "#1e8449"),
}


def draw(cells: list[dict[str, Any]], target: str) -> None:
    """One panel for each operation, one line for each engine, both axes logarithmic."""
    figure = Figure(figsize=(10, 8.5), layout="constrained")
    for place, (key, title) in enumerate(_PANELS.items()):
        axes = figure.add_subplot(3, 4, place + 1, title=title, xscale="log", yscale="log")
        for engine, (label, colour) in _LINES.items():
            chosen = [
                cell for cell in cells if (cell["engine"], cell["operation"]) == (engine, key)
            ]
            chosen.sort(key=lambda cell: cell["n_points"])
            sizes = [cell["n_points"] for cell in chosen]
            costs = [statistics.median(cell["seconds"]) * 1000 for cell in chosen]
            axes.plot(sizes, costs, color=colour, label=label, linewidth=1.2)
            for cell, cost in zip(chosen, costs, strict=True):
                face = "none" if cell["extrapolated_from"] else colour
                axes.plot(cell["n_points"], cost, "o", markersize=3.5, color=colour, mfc=face)
        axes.minorticks_off()
        axes.grid(visible=True, linewidth=0.3)
        if place % 4 == 0:
            axes.set_ylabel("milliseconds")
        if place >= 8:
            axes.set_xlabel("points")
    handles, labels = figure.axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5)
    figure.suptitle("Cost against size (hollow: extrapolated)")
    figure.savefig(target, metadata={"Date": None} if target.endswith(".svg") else None)


def main(target: str, *sources: str) -> None:
    """Draw the cells of result files; a later file's take the place of an earlier one's."""
    cells: dict[tuple[str, str, int], dict[str, Any]] = {}
    for source in sources:
        for cell in json.loads(Path(source).read_text())["cells"]:
            cells[cell["engine"], cell["operation"], cell["n_points"]] = cell
    draw(list(cells.values()), target)


if __name__ == "__main__":
    main(*sys.argv[1:])
