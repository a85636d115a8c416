"""The results as text: one table for each size, the figures to reach, what importing costs."""

from __future__ import annotations

from statistics import median

from .questions import BY_KEY, OPERATIONS
from .results import Cell, Results
from .targets import MILLION, TARGETS, Below, Faster, Flat, Target

_TITLES = {
    "ours": "ours",
    "tinyflux": "TinyFlux 1.2.0",
    "sqlite": "SQLite",
    "duckdb": "DuckDB",
    "bare": "bare Python",
}


def tables(results: Results) -> str:
    """Everything, as Markdown."""
    parts = [_size_table(results, n_points) for n_points in results.sizes()]
    return "\n\n".join([*parts, _target_table(results), _import_line(results)])


def size_text(n_points: int) -> str:
    """`100k`, `1M`."""
    if n_points % MILLION == 0:
        return f"{n_points // MILLION}M"
    return f"{n_points // 1000}k" if n_points % 1000 == 0 else str(n_points)


def duration_text(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, length in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}" if seconds < 1000 else f"{seconds:.0f} s"
    return f"{seconds * 1e6:.3g} µs"


def _memory_text(n_bytes: float) -> str:
    return f"{n_bytes / 1e6:.0f} MB"


def _size_table(results: Results, n_points: int) -> str:
    engines = [name for name in _TITLES if any(key[0] == name for key in results.cells)]
    lines = [["operation", *(_TITLES[name] for name in engines)]]
    for operation in OPERATIONS:
        cells = {name: results.found(name, operation.key, n_points) for name in engines}
        if not any(cells.values()):
            continue
        ours = cells.get("ours")
        lines.append([operation.title, *(_cell_text(cells[name], ours) for name in engines)])
        if operation.kind == "open":
            texts = [_cell_text(cells[name], ours, is_memory=True) for name in engines]
            lines.append(["its memory", *texts])
    return f"### {size_text(n_points)} points\n\n{_markdown(lines)}"


def _cell_text(cell: Cell | None, ours: Cell | None, *, is_memory: bool = False) -> str:
    if cell is None:
        return ""
    is_memory = is_memory or BY_KEY[cell.operation].kind == "memory"
    if is_memory:
        if not cell.memory_bytes:
            return ""
        text = _memory_text(cell.median_bytes)
    else:
        text = duration_text(cell.median_s)
    if cell.extrapolated_from:
        text += f" (from {size_text(cell.extrapolated_from)})"
    if ours is None or cell is ours:
        return text
    return f"{text}, {_ratio_text(_ratio(cell, ours, is_memory=is_memory))}"


def _ratio(cell: Cell, ours: Cell, *, is_memory: bool) -> float:
    if is_memory:
        return cell.median_bytes / ours.median_bytes
    return cell.median_s / ours.median_s


def _ratio_text(ratio: float) -> str:
    return f"{ratio:.0f}×" if ratio >= 100 else f"{ratio:.2g}×"


def _target_table(results: Results) -> str:
    lines = [["figure", "wanted", "measured", ""]]
    for target in TARGETS:
        judged = _judged(results, target)
        if judged is not None:
            lines.append(judged)
    return f"### The figures to reach\n\n{_markdown(lines)}"


def missed(results: Results) -> list[str]:
    """The figures that were measured and not reached, as lines."""
    judged = (_judged(results, target) for target in TARGETS)
    return [" | ".join(line) for line in judged if line is not None and line[-1] == "missed"]


def _judged(results: Results, target: Target) -> list[str] | None:
    if isinstance(target, Faster):
        return _judged_ratio(results, target)
    if isinstance(target, Below):
        return _judged_limit(results, target)
    return _judged_growth(results, target)


def _judged_ratio(results: Results, target: Faster) -> list[str] | None:
    ours = results.found("ours", target.operation, target.n_points)
    other = results.found(target.other, target.operation, target.n_points)
    if ours is None or other is None or (target.is_memory and not other.memory_bytes):
        return None
    ratio = _ratio(other, ours, is_memory=target.is_memory)
    title = BY_KEY[target.operation].title + (", memory" if target.is_memory else "")
    name = f"{title}: {_TITLES[target.other]} ÷ ours"
    measured = _ratio_text(ratio) + (", extrapolated" if other.extrapolated_from else "")
    return [name, f"≥ {target.factor:g}×", measured, _verdict(ratio >= target.factor)]


def _judged_limit(results: Results, target: Below) -> list[str] | None:
    ours = results.found("ours", target.operation, target.n_points)
    if ours is None:
        return None
    text = _memory_text if target.is_memory else duration_text
    found = ours.median_bytes if target.is_memory else ours.median_s
    name = f"{BY_KEY[target.operation].title} at {size_text(target.n_points)}"
    return [name, f"< {text(target.limit)}", text(found), _verdict(found < target.limit)]


def _judged_growth(results: Results, target: Flat) -> list[str] | None:
    small = results.found("ours", target.operation, MILLION)
    large = results.found("ours", target.operation, 10 * MILLION)
    if small is None or large is None:
        return None
    growth = large.median_s / small.median_s
    name = f"{BY_KEY[target.operation].title}: 10M ÷ 1M"
    verdict = _verdict(growth < target.factor)
    return [name, f"< {target.factor:g}×", _ratio_text(growth), verdict]


def _verdict(is_reached: bool) -> str:
    return "reached" if is_reached else "missed"


def _import_line(results: Results) -> str:
    costs = ", ".join(
        f"{_TITLES[name]} {duration_text(median(seconds))}"
        for name, seconds in results.imports.items()
    )
    facts = ", ".join(f"{key} {value}" for key, value in results.facts.items())
    return f"Importing, not part of the times: {costs}.\n\nMachine: {facts}."


def _markdown(lines: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    padded.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)
