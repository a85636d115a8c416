"""Roll-ups beside statistics of all points, computed in plain Python, over several runs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config import Config
from daemon.retention import run
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import (
    START,
    Sample,
    configured,
    expected,
    held,
    increases,
    rolled,
    store,
    stored,
)

HOUR_S, DAY_S = 3600, 86_400

CHAIN = (
    "{name: c, match: {measurement: climate}, max_age: 12h, late: 1h, downsample: ["
    "{every: 15m, max_age: 2d, how: [mean, min, max, std, first, last]}, "
    "{every: 1h, max_age: 5d, how: [mean, min, max, std, first, last]}, "
    "{every: 1d, how: [mean, min, max, std, first, last]}]}"
)


def at(hours: float) -> SetClock:
    return SetClock(START + timedelta(hours=hours))


samples = st.builds(
    Sample,
    at=st.integers(0, 9 * 24 * 12).map(lambda number: number * 300.0),
    room=st.sampled_from(["kitchen", "attic"]),
    value=st.one_of(st.floats(-50, 50).map(lambda value: round(value, 2)), st.none()),
)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[float, list[Sample]]]:
    """When a run is, in hours after START, and what has come until then; much of it late."""
    found = draw(st.lists(samples, max_size=40))
    delays = draw(st.lists(st.sampled_from([0, 0, 0, 1, 5, 30, 100]), min_size=len(found),
                           max_size=len(found)))  # fmt: skip
    runs = sorted(draw(st.sets(st.integers(1, 300), min_size=1, max_size=6)))
    history: list[tuple[float, list[Sample]]] = [(float(hours), []) for hours in [*runs, 400]]
    for sample, delay in zip(found, delays, strict=True):
        arrives = sample.at / HOUR_S + delay
        next(batch for hours, batch in history if hours >= min(arrives, 400)).append(sample)
    return history


def lived(config: Config, history: Sequence[tuple[float, list[Sample]]]) -> list[Sample]:
    """All samples, after the runs."""
    for hours, came in history:
        store(config, came)
        run(config, at(hours))
    return [sample for _, came in history for sample in came]


def check_tier(
    config: Config, target: str, every_s: int, samples: Sequence[Sample], oldest: datetime
) -> None:
    found = rolled(config, target)
    wanted = {cell: fields for cell, fields in expected(samples, every_s).items()
              if cell[0] >= oldest}  # fmt: skip
    assert found.keys() == wanted.keys()
    for cell, fields in wanted.items():
        for key, value in fields.items():
            assert found[cell][key] == pytest.approx(value, rel=1e-9, abs=1e-6), (cell, key)


@settings(max_examples=30, deadline=None)
@given(histories())
def test_tiers_are_as_if_made_of_all_points_however_late_they_came(
    history: list[tuple[float, list[Sample]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = configured(Path(folder), CHAIN)
        every = lived(config, history)
        assert stored(config, "climate") == []
        now = START + timedelta(hours=400)
        check_tier(config, "climate_1d", DAY_S, every, START)
        check_tier(config, "climate_1h", HOUR_S, every, now - timedelta(days=5))
        check_tier(config, "climate_15m", 900, every, now - timedelta(days=2))
        before = config.storage.path.read_bytes()
        assert run(config, at(400)).points == 0
        assert config.storage.path.read_bytes() == before


@settings(max_examples=30, deadline=None)
@given(st.lists(samples, max_size=40), st.sets(st.integers(1, 300), max_size=6))
def test_what_depends_on_neighbours_does_not_depend_on_when_the_runs_were(
    found: list[Sample], runs: set[int]
) -> None:
    found = list({(sample.at, sample.room): sample for sample in found}.values())
    rule = (
        "{name: c, match: {measurement: climate}, max_age: 12h, late: 1h, hold: 100m, downsample: ["
        "{every: 15m, max_age: 30d, how: [time_weighted_mean, increase]}, "
        "{every: 1h, how: [time_weighted_mean, increase]}]}"
    )
    with tempfile.TemporaryDirectory() as folder:
        config = configured(Path(folder), rule)
        came = 0.0
        for hours in [*sorted(runs), 400]:
            store(config, [s for s in found if came <= s.at < hours * HOUR_S])
            came = hours * HOUR_S
            run(config, at(hours))
        assert stored(config, "climate") == []
        for target, every_s in (("climate_15m", 900), ("climate_1h", HOUR_S)):
            cells = rolled(config, target)
            grown = {cell: f["t_increase"] for cell, f in cells.items() if "t_increase" in f}
            wanted = increases(found, every_s)
            assert grown.keys() == wanted.keys()
            assert grown == pytest.approx(wanted, rel=1e-9, abs=1e-6)
            known = held(found, every_s, 6000, START + timedelta(hours=390))
            assert {cell for cell, f in cells.items() if "t_held_s" in f} == known.keys()
            for cell, (seconds, integral) in known.items():
                assert cells[cell]["t_held_s"] == pytest.approx(seconds)
                mean = cells[cell]["t_time_weighted_mean"]
                assert mean == pytest.approx(integral / seconds, rel=1e-9, abs=1e-6)
