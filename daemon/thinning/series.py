"""What is remembered of each series: what was stored last, and when something came. Bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from daemon.thinning.policy import Value
from tinyflux import Point

MAX_SERIES = 20_000
"""The series that was silent for longest is forgotten first; its next point is stored."""
_MAX_FIELDS = 200
# A payload's own time may be ahead by less than this (collector.clock.accept_future); what is
# further ahead is from a clock that was set back since.
_AHEAD_US = 3_600_000_000

NO_IDENTITY = frozenset({"time_quality"})
"""Tags that are no part of what a series is."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a series comes from, and what its points look like: to say that it is absent."""

    rule: str
    names: Mapping[str, str]
    """What the wildcards of its topic stand for."""
    measurement: str
    tags: Mapping[str, str | None]
    expire_us: int = 0


@dataclass(slots=True)
class Series:
    """One series."""

    values: dict[str, tuple[Value, int]] = field(default_factory=dict)
    """The last stored value of each field, and its time."""
    newest_us: int | None = None
    """The time of the point that was stored last."""
    heard_us: int = 0
    """When a message came last, on the monotonic clock."""
    home: Home | None = None
    is_watched: bool = False
    sent: tuple[int, Mapping[str, Value]] | None = None
    """Time and fields of the first of the same transmissions."""

    def remember(self, fields: Mapping[str, Value], time_us: int) -> None:
        """This was stored, and is the newest."""
        self.newest_us = time_us
        values = self.values
        for name, value in fields.items():
            if name not in values and len(values) >= _MAX_FIELDS:
                del values[next(iter(values))]
            values[name] = (value, time_us)

    def is_late(self, time_us: int, received_us: int) -> bool:
        """Whether a time from a payload lies before what is stored: the point belongs between
        others, of which nothing is known."""
        newest_us = self.newest_us
        if newest_us is None or time_us >= newest_us or time_us == received_us:
            return False
        return newest_us <= received_us + _AHEAD_US

    def is_repeat(self, fields: Mapping[str, Value], time_us: int, within_us: int) -> bool:
        """Whether this is the transmission that came before; takes note of it."""
        if self.sent is not None:
            first_us, sent = self.sent
            if sent == fields and abs(time_us - first_us) <= within_us:
                return True
        self.sent = (time_us, fields)
        return False

    @property
    def is_void(self) -> bool:
        """Whether it is known to have no value now."""
        return all(value is None for value, _ in self.values.values())


class SeriesMemory:
    """One thread. Which series there are, the one heard last at the end."""

    def __init__(self, max_series: int = MAX_SERIES) -> None:
        self._series: dict[bytes, Series] = {}
        self._max_series = max_series
        self.n_forgotten = 0
        """How many had to go."""

    def __len__(self) -> int:
        return len(self._series)

    def touch(self, key: bytes) -> Series:
        """The series, which becomes the last to be forgotten; a new one if it is not known."""
        series = self._series.pop(key, None)
        if series is None:
            if len(self._series) >= self._max_series:
                del self._series[next(iter(self._series))]
                self.n_forgotten += 1
            series = Series()
        self._series[key] = series
        return series

    def find(self, key: bytes) -> Series | None:
        """The series, if it is known."""
        return self._series.get(key)

    def items(self) -> Iterator[tuple[bytes, Series]]:
        """All of them, the one silent for longest first."""
        return iter(self._series.items())

    def clear(self) -> None:
        """Nothing is known any more."""
        self._series.clear()


def series_key(point: Point) -> bytes:
    """Names a series, in every process: its measurement and tags."""
    tags = sorted((key, value) for key, value in point.tags.items() if key not in NO_IDENTITY)
    content = f"{point.measurement!r} {tags!r}"
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=12).digest()
