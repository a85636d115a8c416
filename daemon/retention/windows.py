"""Windows of one length on the clock of a zone: where they begin, which one holds a time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from tinyflux.windows import Duration
from tinyflux.windows import Windows as Cut

Times = NDArray[np.int64]

_REACH_US = 400 * 86_400_000_000
"""Windows are cut for so much more time than there are points."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Without gap or overlap; numbered in the order of time, the same for every caller."""

    cut: Cut

    @classmethod
    def of(cls, every: str, zone: tzinfo, first_us: int, last_us: int) -> Windows:
        """For times between these two, and some more on either side."""
        return cls(Cut.over(first_us - _REACH_US, last_us + _REACH_US, Duration.of(every), zone))

    def numbers(self, times_us: Times) -> Times:
        """The number of the window that holds each time."""
        return self.cut.numbers(times_us)

    def starts_us(self, numbers: Times) -> Times:
        """When each window begins."""
        return self.cut.starts_us(numbers)

    def start_us(self, time_us: int) -> int:
        """When the window that holds a time begins."""
        return int(self.starts_us(self.numbers(np.array([time_us], dtype=np.int64)))[0])

    def next_us(self, time_us: int) -> int:
        """When the window that holds a time ends."""
        return int(self.starts_us(self.numbers(np.array([time_us], dtype=np.int64)) + 1)[0])
