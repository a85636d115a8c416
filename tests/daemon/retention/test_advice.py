"""What `check` says of rules that are accepted but may not be what was meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from daemon.config import load_config
from daemon.retention import advice, run
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import START, Sample, configured, store

RULES = (
    "{name: c, match: {measurement: climate}, max_age: 30d}\n"
    "{name: typo, match: {measurement: climat}, max_age: 30d}"
)


def at(days: float) -> SetClock:
    return SetClock(START + timedelta(days=days))


def test_rule_that_matches_nothing_for_a_week_is_told_with_its_place(tmp_path: Path) -> None:
    config = configured(tmp_path, RULES)
    for days in range(10):
        store(config, [Sample(86_400.0 * days, "attic", 1.0)])
        run(config, at(days))
        assert (advice(config, at(days).now_us()) == []) is (days <= 7)
    [told] = advice(config, at(9).now_us())
    assert f"{config.origin}:6: retention.rules[1] (typo)" in told
    assert "since 2026-03-01" in told


def test_mean_of_thinned_points_is_told(tmp_path: Path) -> None:
    rule = "{name: c, match: {measurement: climate}, downsample: [{every: 1h, how: [mean, max]}]}"
    config = configured(tmp_path, rule)
    assert advice(config, at(0).now_us()) == []
    config.origin.write_text(
        config.origin.read_text()
        + "brokers: {home: {url: embedded}}\n"
        + "sources: [{topic: a/+room, measurement: climate, deadband: 1, fields: {t: {}}}]\n"
    )
    [told] = advice(load_config(config.origin), at(0).now_us())
    assert "retention.rules[0].downsample[0].how" in told
    assert "time_weighted_mean" in told
