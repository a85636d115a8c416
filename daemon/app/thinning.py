"""The thinning of a collector, put together; what it remembers lies beside the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from daemon.clock import Clock
from daemon.config import ValueRules
from daemon.spool import Spool
from daemon.thinning import Policies, SeriesMemory, Thinner
from daemon.writer import SeriesFile, ThinningStage, WaitingPoints


def series_path(data: Path) -> Path:
    """Where what is known of the series of a data file is."""
    return data.with_suffix(".series.json")


def make_thinning(
    data: Path, spool: Spool, rule_of: Callable[[str], ValueRules | None], clock: Clock
) -> ThinningStage:
    """The stage between the mapping, which knows the rules by name, and the data file."""
    memory = SeriesMemory()
    return ThinningStage(
        Thinner(Policies(rule_of).of, memory),
        WaitingPoints(spool),
        SeriesFile(series_path(data), data, memory, clock),
        clock,
    )
