"""Nothing goes while its roll-up does not agree with it: the second count finds it out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.config import Config
from daemon.retention import RetentionError, run
from daemon.retention.rollups import Rollups
from daemon.retention.tiers import TierWork
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import START, Sample, configured, store, stored
from tinyflux import Point, TinyFlux

RULE = "{name: c, match: {measurement: climate}, max_age: 12h, late: 1h, downsample: [{every: 1h}]}"


def household(folder: Path) -> Config:
    config = configured(folder, RULE)
    store(config, [Sample(600.0 * n, "attic", float(n)) for n in range(6 * 20)])
    return config


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        pytest.param("count", lambda numbers: numbers - 1, id="one-too-few"),
        pytest.param("count", lambda numbers: numbers * 2, id="doubled"),
        pytest.param("sum", lambda numbers: numbers + 0.01, id="another-sum"),
        pytest.param("sum", lambda numbers: numbers * np.nan, id="no-sum"),
    ],
)
def test_points_stay_while_roll_ups_are_computed_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    wrong: Callable[[object], object],
) -> None:
    config = household(tmp_path)
    right = TierWork.deltas

    def broken(self: TierWork, *, is_full: bool) -> object:
        for delta in right(self, is_full=is_full):
            for rollups in (delta.fresh, delta.mended):
                _spoil(rollups, part, wrong)
            yield delta

    monkeypatch.setattr(TierWork, "deltas", broken)
    with pytest.raises(RetentionError, match="nothing was removed") as caught:
        # The first run adds wrong rows, which the rewrite would mend: wrong as well.
        run(config, SetClock(START + timedelta(hours=20)))
    assert "rule c: the roll-up of t in climate_1h at 2026-03-01" in str(caught.value)
    assert len(stored(config, "climate")) == 120


def _spoil(rollups: Rollups, part: str, wrong: Callable[[object], object]) -> None:
    for parts in rollups.fields.values():
        parts[part][:] = wrong(parts[part])  # type: ignore[index]


def test_roll_up_that_is_wrong_is_mended_before_its_points_go(tmp_path: Path) -> None:
    config = household(tmp_path)
    with TinyFlux(str(config.storage.path)) as db:
        db.insert(
            Point(
                time=START,
                measurement="climate_1h",
                tags={"room": "attic"},
                fields={"t_count": 3, "t_sum": 1.0},
            )
        )
    run(config, SetClock(START + timedelta(hours=20)))
    first = stored(config, "climate_1h")[0]
    assert (first.fields["t_count"], first.fields["t_sum"]) == (6, 15.0)
