"""The figures to reach: the ratios that were promised, as data."""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1_000_000
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Faster:
    """The other engine's cost is at least `factor` times ours, at `n_points`."""

    operation: str
    other: str
    factor: float
    n_points: int = MILLION
    is_memory: bool = False


@dataclass(frozen=True, slots=True)
class Below:
    """Our own cost is below a limit: seconds, or bytes of a memory operation."""

    operation: str
    limit: float
    n_points: int = MILLION
    is_memory: bool = False


@dataclass(frozen=True, slots=True)
class Flat:
    """Our cost at ten million points is under `factor` times that at a million."""

    operation: str
    factor: float = 3.0


Target = Faster | Below | Flat
TARGETS: tuple[Target, ...] = (
    Faster("open", "tinyflux", 200),
    Faster("open", "tinyflux", 10, is_memory=True),
    Faster("open", "sqlite", 1),
    Faster("open_cold", "tinyflux", 3),
    Faster("hour", "tinyflux", 100),
    Faster("hour", "sqlite", 1),
    Faster("latest", "tinyflux", 100),
    Below("latest", 0.002),
    Faster("count_where", "tinyflux", 10),
    Faster("count_where", "sqlite", 20),
    Faster("count_where", "duckdb", 1),
    Faster("series", "tinyflux", 100),
    Faster("series", "sqlite", 20),
    Faster("series", "duckdb", 1),
    Faster("daily_mean", "tinyflux", 100),
    Faster("daily_mean", "sqlite", 5),
    Faster("daily_mean", "duckdb", 0.5),
    Faster("late", "tinyflux", 300),
    Faster("remove_oldest", "tinyflux", 500),
    Faster("remove_oldest", "sqlite", 1),
    Faster("change_tag", "tinyflux", 500),
    Faster("insert_one", "tinyflux", 1),
    Faster("insert_one", "sqlite", 1),
    Faster("insert_one", "bare", 0.8),
    Faster("insert_batch", "tinyflux", 3),
    Faster("insert_batch", "sqlite", 1.5),
    Flat("open"),
    Flat("count"),
    Flat("hour"),
    Below("memory_append", 60 * MEGABYTE, 10 * MILLION, is_memory=True),
    Below("memory_hour", 150 * MEGABYTE, 10 * MILLION, is_memory=True),
)
