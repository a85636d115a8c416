"""Rules that cannot be meant are refused, with the place in the file and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import load_config
from daemon.errors import ConfigError

TIERS = "downsample: [{every: 5m, max_age: 1y}, {every: 1h}]"


def problems(tmp_path: Path, *rules: str, more: str = "") -> list[tuple[str, int, str]]:
    """Key path, line and text of each problem; rules begin in line 4."""
    path = tmp_path / "config.yaml"
    listed = "".join(f"    - {rule}\n" for rule in rules)
    path.write_text(f"storage: {{}}\nretention:\n  rules:\n{listed}  every: 1d\n{more}")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    return [
        (problem.key_path, problem.line, f"{problem.found} {problem.allowed}")
        for problem in caught.value.problems
    ]


def rule(text: str, name: str = "a", measurement: str = "m") -> str:
    return f"{{name: {name}, match: {{measurement: {measurement}}}, {text}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_age: 10m, downsample: [{every: 1h}]", "shorter than one window"),
        ("max_age: 2h, late: 1h30m, downsample: [{every: 1h}]", "shorter than one window"),
        ("max_age: 7d, downsample: [{every: 5m, max_age: 2d}]", "not longer than max_age"),
        ("max_age: 7d, downsample: [{every: 5m}, {every: 1h, max_age: 9d}]", "cannot go before"),
        ("downsample: [{every: 1h}, {every: 5m}]", "from fine to coarse"),
        ("downsample: [{every: 1h}, {every: 1h, into: x}]", "from fine to coarse"),
        ("downsample: [{every: 1w}, {every: 1mo}]", "not made of whole"),
        ("downsample: [{every: 1h, into: m}]", "a chain into itself"),
        ("downsample: [{every: 5m, into: x}, {every: 1h, into: x}]", "a chain into itself"),
        ("downsample: [{every: 7m}]", "divides the day"),
        ("downsample: [{every: 5 minutes}]", "a whole number and one unit"),
        ("downsample: [{every: 5m, how: [median]}]", "median"),
        ("downsample: [{every: 5m, how: []}]", "`how` is empty"),
        ("max_age: 1d, update: {tags: {a: b}}", "or else `update`"),
        ("update: {scale: {v: 2}}", "needs `once: true`"),
        ("downsample: [{every: 5m}], keep_last: 1", "needs `max_age` or `max_points`"),
        ("max_age: 1d, late: 1h", "`late` needs `downsample`"),
    ],
)
def test_rule_that_contradicts_itself_is_refused(tmp_path: Path, text: str, said: str) -> None:
    [(key_path, line, told)] = problems(tmp_path, rule(text))
    assert key_path.startswith("retention.rules[0]")
    assert line == 4
    assert said in told


def test_pattern_into_one_measurement_is_refused(tmp_path: Path) -> None:
    text = "downsample: [{every: 5m, into: all}]"
    [(_, _, told)] = problems(tmp_path, rule(text, measurement='"m*"'))
    assert '"{measurement}"' in told


@pytest.mark.parametrize(
    ("first", "second", "key", "said"),
    [
        pytest.param(
            rule("downsample: [{every: 5m, into: n}]"),
            rule("downsample: [{every: 1h, into: m}]", "b", "n"),
            "downsample[0]", "again", id="circle",
        ),
        pytest.param(
            rule("downsample: [{every: 5m, into: n}]"),
            rule("downsample: [{every: 5m, into: n}]", "b", "k"),
            "downsample[0]", "would mix", id="mixed",
        ),
        pytest.param(
            rule(TIERS, measurement='"*"'), rule(TIERS, "b"),
            "match", "never gets one", id="the-wide-rule-first",
        ),
        pytest.param(
            rule("max_age: 1d"), rule(TIERS, "b"), "match", "never gets one", id="removed-first",
        ),
        pytest.param(
            rule(TIERS), rule("max_age: 1d", "b", "m_5m"),
            "match.measurement", "that tier", id="age-of-a-tier-elsewhere",
        ),
        pytest.param(
            rule("update: {measurement: n}"), rule("update: {measurement: m}", "b", "n"),
            "update.measurement", "again", id="back-and-forth",
        ),
    ],
)  # fmt: skip
def test_rules_that_contradict_each_other_are_refused(
    tmp_path: Path, first: str, second: str, key: str, said: str
) -> None:
    found = problems(tmp_path, first, second)
    key_path, line, told = found[-1]
    assert key_path == f"retention.rules[1].{key}"
    assert line == 5
    assert said in told


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param((rule(TIERS), rule("max_age: 1d", "b", '"*"')), id="rest-behind-a-chain"),
        pytest.param((rule("max_age: 1d", "a", '"test*"'), rule(TIERS, "b")), id="narrow-first"),
        pytest.param((rule(TIERS), rule("max_age: 2y", "b", "m_1h")), id="age-of-the-last-tier"),
        pytest.param(
            (rule("max_age: 7d, downsample: [{every: 1d}, {every: 1mo}, {every: 1y}]"),),
            id="months",
        ),
    ],
)
def test_rules_that_go_together_are_accepted(tmp_path: Path, rules: tuple[str, ...]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("retention:\n  rules:\n" + "".join(f"    - {rule}\n" for rule in rules))
    assert len(load_config(path).retention.rules) == len(rules)


def test_cron_outside_of_the_quiet_hours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text('retention: {cron: "0 12 * * *", quiet_hours: "03:00-05:00"}\n')
    with pytest.raises(ConfigError, match="quiet_hours"):
        load_config(path)
