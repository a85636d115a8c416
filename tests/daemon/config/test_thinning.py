"""Options of thinning: what they take, and what is said of what they do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.config import Deadband, SourceRule, parse_deadband
from tests.daemon.config.configs import load, only_problem

SOURCE = (
    "brokers: {home: {url: mqtt://mqtt.lan}}\nsources:\n  - topic: a/+room\n    measurement: m\n"
)


@pytest.mark.parametrize(
    ("written", "deadband"),
    [
        (0, Deadband(0.0)),
        (0.1, Deadband(0.1)),
        ("1%", Deadband(0.0, 0.01)),
        (" 2.5 % ", Deadband(0.0, 0.025)),
    ],
)
def test_a_deadband_is_a_number_or_a_share(written: object, deadband: Deadband) -> None:
    assert parse_deadband(written) == deadband


def test_every_option_arrives_in_seconds(tmp_path: Path) -> None:
    options = """\
    deadband: 1%
    max_silence: 15m
    throttle: 10s
    merge_within: 2s
    repeats_within: 500ms
    expire_after: 1h30m
"""
    [rule] = load(tmp_path, SOURCE + options).sources
    assert (rule.max_silence_s, rule.throttle_s, rule.merge_within_s) == (900, 10, 2)
    assert (rule.repeats_within_s, rule.expire_after_s, rule.deadband) == (0.5, 5400, "1%")


@pytest.mark.parametrize(
    "option",
    [
        "deadband: 0",
        "max_silence: 1m",
        "throttle: 1s",
        "merge_within: 1s",
        "repeats_within: 1s",
        "expire_after: 1m",
        "availability: a/+room/lwt",
        "fields: {t: {deadband: 1}}",
    ],
)
def test_a_rule_with_one_of_them_is_thinned(tmp_path: Path, option: str) -> None:
    [plain] = load(tmp_path, SOURCE).sources
    [thinned] = load(tmp_path, SOURCE + f"    {option}\n").sources
    assert (plain.is_thinned, thinned.is_thinned) == (False, True)


def test_polls_take_what_makes_sense_for_them(tmp_path: Path) -> None:
    options = "deadband: 1%, max_silence: 1h, throttle: 5m, merge_within: 1s, expire_after: 10m"
    [poll] = load(tmp_path, f"polls: [{{system: {{{options}}}}}]\n").polls
    assert poll.is_thinned
    problem = only_problem(tmp_path, "polls: [{system: {repeats_within: 1s}}]\n")
    assert problem.key_path == "polls[0].system.repeats_within"


@pytest.mark.parametrize(
    ("option", "key", "found", "allowed"),
    [
        ("deadband: -1", "deadband", "-1", "0 or more"),
        ("deadband: wide", "deadband", "'wide'", "such as 0.1, or a share.*such as 1%"),
        ("deadband: -1%", "deadband", "'-1%'", "a share"),
        ("deadband: .inf", "deadband", "number", "a finite number"),
        ("deadband: true", "deadband", "true", "a number"),
        ("throttle: 10", "throttle", "number 10", "needs a unit, such as 10s"),
        ("throttle: 0s", "throttle", "'0s'", "more than 0s"),
        ("throttle: 2d", "throttle", "'2d'", "at most 86400s"),
        ("merge_within: 25h", "merge_within", "'25h'", "at most 86400s"),
        ("repeats_within: 2h", "repeats_within", "'2h'", "at most 3600s"),
        ("expire_after: 500ms", "expire_after", "'500ms'", "at least 1s"),
        ("max_silence: 0s", "max_silence", "'0s'", "more than 0s"),
        ("fields: {d: {type: bool, deadband: 0.5}}", "fields.d", "", "words have no distance"),
        ("hysteresis: 1", "hysteresis", "'hysteresis'", "mean `deadband`"),
        ("debounce: 1s", "debounce", "'debounce'", "mean `throttle`"),
        ("heartbeat: 1h", "heartbeat", "'heartbeat'", "mean `max_silence`"),
        ("stale_after: 1h", "stale_after", "'stale_after'", "mean `expire_after`"),
        ("availability_topic: x", "availability_topic", "", "mean `availability`"),
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(
    tmp_path: Path, option: str, key: str, found: str, allowed: str
) -> None:
    problem = only_problem(tmp_path, SOURCE + f"    {option}\n")
    assert (problem.line, problem.key_path) == (5, f"sources[0].{key}")
    assert found in problem.found
    assert re.search(allowed, problem.allowed)


def test_an_ignored_topic_has_nothing_to_thin() -> None:
    with pytest.raises(ValueError, match="so `throttle` means nothing"):
        SourceRule.model_validate({"topic": "a", "ignore": True, "throttle": "1s"})
