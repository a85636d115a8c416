"""The last value, the age and the rate of every series that was stored lately.

Fed by the writer with what it has just written; read by whoever shows it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from daemon.clock import Clock
from tinyflux import Point

_KEPT_ARRIVALS = 20
_SeriesKey = tuple[str, tuple[tuple[str, str | None], ...]]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series as it is now."""

    name: str
    """Measurement and tag values, as `climate kitchen`."""
    values: str
    """The last values, as `temperature=21.5 humidity=48`."""
    age_s: float
    """Since the last point was stored."""
    rate_hz: float
    """Points a second over the last points; falls while none come. 0 until there are two."""
    points: int


@dataclass(slots=True)
class _Series:
    name: str
    fields: dict[str, int | float | None] = field(default_factory=dict)
    arrivals_s: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT_ARRIVALS))
    points: int = 0


class SeriesBoard:
    """Remembers series by measurement and tags; at most `limit`, the rest only as a number."""

    def __init__(
        self, clock: Clock, *, hidden_tags: Collection[str] = (), limit: int = 1000
    ) -> None:
        self._clock = clock
        self._hidden_tags = frozenset(hidden_tags)
        self._limit = limit
        self._series: dict[_SeriesKey, _Series] = {}
        self._points = 0
        self._lock = threading.Lock()

    def observe(self, points: Sequence[Point]) -> None:
        """These points were stored just now."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._points += len(points)
            for point in points:
                key = (point.measurement, tuple(sorted(point.tags.items())))
                series = self._series.get(key)
                if series is None:
                    if len(self._series) >= self._limit:
                        continue
                    series = self._series[key] = _Series(self._name(point))
                series.fields.update(point.fields)
                series.arrivals_s.append(now_s)
                series.points += 1

    @property
    def points(self) -> int:
        """How many points were observed."""
        with self._lock:
            return self._points

    def rows(self) -> list[SeriesRow]:
        """Every remembered series, by name."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            rows = [_row(series, now_s) for series in self._series.values()]
        return sorted(rows, key=lambda row: row.name)

    def _name(self, point: Point) -> str:
        shown = [
            text
            for key, text in sorted(point.tags.items())
            if text and key not in self._hidden_tags
        ]
        return " ".join([point.measurement, *shown])


def _row(series: _Series, now_s: float) -> SeriesRow:
    arrivals_s = series.arrivals_s
    span_s = now_s - arrivals_s[0]
    rate_hz = (len(arrivals_s) - 1) / span_s if len(arrivals_s) > 1 and span_s > 0 else 0.0
    values = " ".join(f"{key}={_number(value)}" for key, value in series.fields.items())
    return SeriesRow(series.name, values, now_s - arrivals_s[-1], rate_hz, series.points)


def _number(value: int | float | None) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)
