"""Retention as the collector's job: nothing is judged old by a clock that may be wrong."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.app.rewrite import RetentionJob
from tinyflux import Point, TinyFlux

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
