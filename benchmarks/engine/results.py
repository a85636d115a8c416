"""What was measured: cells of engine, operation and size, their medians, and equal answers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(slots=True)
class Cell:
    """One engine's repetitions of one operation on so many points."""

    engine: str
    operation: str
    n_points: int
    seconds: list[float] = field(default_factory=list)
    memory_bytes: list[int] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    extrapolated_from: int | None = None

    @property
    def median_s(self) -> float:
        """The middle of the repetitions."""
        return median(self.seconds)

    @property
    def median_bytes(self) -> float:
        """The middle of what the process held after each."""
        return median(self.memory_bytes)


class DifferentAnswersError(Exception):
    """Two engines gave different answers to one question."""


@dataclass(slots=True)
class Results:
    """Every cell of a run."""

    facts: dict[str, str]
    imports: dict[str, list[float]] = field(default_factory=dict)
    """Seconds that importing took in each measured process, by engine."""
    cells: dict[tuple[str, str, int], Cell] = field(default_factory=dict)

    def cell(self, engine: str, operation: str, n_points: int) -> Cell:
        """The cell, made where it is missing."""
        key = (engine, operation, n_points)
        return self.cells.setdefault(key, Cell(*key))

    def found(self, engine: str, operation: str, n_points: int) -> Cell | None:
        """The cell, if it holds a measurement."""
        cell = self.cells.get((engine, operation, n_points))
        return cell if cell is not None and cell.seconds else None

    def sizes(self) -> list[int]:
        """The sizes that were measured, ascending."""
        return sorted({n_points for _, _, n_points in self.cells})

    def add(self, engine: str, n_points: int, report: dict[str, Any]) -> None:
        """Take in what a worker printed."""
        self.imports.setdefault(engine, []).append(report["import_s"])
        for result in report["results"]:
            cell = self.cell(engine, result["operation"], n_points)
            cell.seconds.append(result["seconds"])
            cell.memory_bytes.append(result["memory_bytes"])
            if result["answer"] is not None:
                cell.answers[str(result["repetition"])] = result["answer"]

    def require_equal_answers(self) -> int:
        """The number of answers that were compared; raises DifferentAnswersError."""
        first: dict[tuple[str, int, str], tuple[str, Any]] = {}
        n_compared = 0
        for cell in self.cells.values():
            for repetition, answer in cell.answers.items():
                key = (cell.operation, cell.n_points, repetition)
                engine, expected = first.setdefault(key, (cell.engine, answer))
                if engine == cell.engine:
                    continue
                n_compared += 1
                if not _is_same(expected, answer):
                    raise DifferentAnswersError(
                        f"{cell.operation} of {cell.n_points} points, repetition {repetition}: "
                        f"{engine} answers {_short(expected)}, {cell.engine} {_short(answer)}"
                    )
        return n_compared

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        cells = [asdict(cell) for cell in self.cells.values() if cell.seconds]
        for cell in cells:
            del cell["answers"]
        saved = {"facts": self.facts, "imports": self.imports, "cells": cells}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(saved, indent=1) + "\n")


def load(paths: Iterable[Path]) -> Results:
    """The results of earlier runs; a later file's cells take the place of an earlier one's."""
    results = Results({})
    for path in paths:
        saved = json.loads(path.read_text())
        results.facts.update(saved["facts"])
        results.imports.update(saved["imports"])
        for values in saved["cells"]:
            cell = Cell(**values)
            results.cells[cell.engine, cell.operation, cell.n_points] = cell
    return results


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        # A mean depends on the order of adding.
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def _short(answer: Any) -> str:
    text = str(answer)
    return text if len(text) < 200 else f"{text[:200]}..."
