"""Retention as the collector's job: nothing is judged old by a clock that may be wrong."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.app.rewrite import RetentionJob
from daemon.config import load_config, parse_cron
from daemon.scheduling import Calendar, Every, Schedule
from tinyflux import Point, TinyFlux

OSLO = ZoneInfo("Europe/Oslo")
CONFIG = """\
collector: {clock: {wait_for_sync: 0s}}
retention: {rules: [{name: all, match: {measurement: m}, max_age: 7d}]}
"""


@pytest.mark.parametrize(("is_believed", "left"), [(False, 1), (True, 0)], ids=["no", "yes"])
def test_it_waits_for_a_clock_that_can_be_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_believed: bool, left: int
) -> None:
    config, data = tmp_path / "config.yaml", tmp_path / "data.csv"
    config.write_text(CONFIG, encoding="utf-8")
    with TinyFlux(str(data)) as db:
        db.insert(Point(time=datetime(2020, 1, 1, tzinfo=UTC), measurement="m", fields={"a": 1.0}))
    caplog.set_level(logging.INFO)
    RetentionJob(config, lambda: is_believed).run()
    with TinyFlux(str(data)) as db:
        assert len(db) == left
    assert ("retention waits" in caplog.text) is not is_believed


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param("every: 2h", Every(7200.0), id="interval"),
        pytest.param('every: 2h, quiet_hours: "03:30-05:00"', Every(7200.0), id="often"),
        pytest.param(
            'quiet_hours: "03:30-05:00"', Calendar(parse_cron("30 3 * * *"), OSLO), id="quiet-hours"
        ),
        pytest.param('cron: "0 4 * * *"', Calendar(parse_cron("0 4 * * *"), OSLO), id="cron"),
    ],
)
def test_it_runs_as_the_configuration_says(
    tmp_path: Path, options: str, expected: Schedule
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"collector: {{timezone: Europe/Oslo}}\nretention: {{{options}}}\n")
    assert RetentionJob(path, lambda: True).schedule(load_config(path)) == expected
