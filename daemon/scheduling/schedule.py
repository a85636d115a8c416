"""When a job runs: every so many seconds, or at the times of a cron expression. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TypeAlias

from daemon.config import Cron


@dataclass(frozen=True, slots=True)
class Every:
    """At start, and then each `seconds` of monotonic time, however often the clock is set."""

    seconds: float
    jitter_s: float = 0.0
    """Each run starts up to this much later, at random; the grid behind it does not move."""

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.jitter_s < 0:
            raise ValueError(
                f"found an interval of {self.seconds} s with a jitter of {self.jitter_s} s; "
                "allowed: an interval above 0 and a jitter of 0 or more"
            )


@dataclass(frozen=True, slots=True)
class Calendar:
    """At the moments of a cron expression, by the wall clock of a zone."""

    cron: Cron
    zone: tzinfo = UTC
    jitter_s: float = 0.0
    """Each run starts up to this much later, at random."""


Schedule: TypeAlias = Every | Calendar
