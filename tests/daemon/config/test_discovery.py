"""`brokers.NAME.discovery`."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import DiscoveryConfig
from tests.daemon.config.configs import load, only_problem


def use(discovery: str) -> str:
    return f"brokers: {{home: {{url: mqtt://127.0.0.1, discovery: {discovery}}}}}\n"


@pytest.mark.parametrize(
    ("text", "config"),
    [
        pytest.param("true", DiscoveryConfig(), id="true"),
        pytest.param("", DiscoveryConfig(), id="nothing"),
        pytest.param("{}", DiscoveryConfig(), id="no-options"),
        pytest.param("false", None, id="false"),
        pytest.param("{prefix: ha}", DiscoveryConfig(prefix="ha"), id="prefix"),
        pytest.param("{prefix: a/b c}", DiscoveryConfig(prefix="a/b c"), id="long-prefix"),
        pytest.param("{include: ['*']}", DiscoveryConfig(include=("*",)), id="include"),
    ],
)
def test_ways_to_ask_for_it(tmp_path: Path, text: str, config: DiscoveryConfig | None) -> None:
    assert load(tmp_path, use(text)).brokers["home"].discovery == config


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        pytest.param("{prefix: '#'}", "prefix", "no wildcards", id="everything"),
        pytest.param("{prefix: +room}", "prefix", "no wildcards", id="named-wildcard"),
        pytest.param("{prefix: ''}", "prefix", "the beginning of a topic", id="empty"),
        pytest.param("{prefix: ha/}", "prefix", "the beginning of a topic", id="slash"),
        pytest.param("{templates: all}", "templates", "full", id="templates"),
        pytest.param("{include: sensor.x}", "include", "list", id="no-list"),
        pytest.param("{exclude: [' ']}", "exclude[0]", "with * and ?", id="blank-pattern"),
        pytest.param("{max_entities: 0}", "max_entities", "1", id="no-entities"),
        pytest.param("{discovery_prefix: ha}", "_prefix", "did you mean `prefix`", id="habit"),
        pytest.param("maybe", "discovery", "", id="word"),
    ],
)
def test_mistake_is_named(tmp_path: Path, text: str, key: str, allowed: str) -> None:
    problem = only_problem(tmp_path, use(text))
    assert problem.key_path.endswith(key)
    assert allowed in problem.allowed


def test_broker_with_discovery_alone_is_connected_to(tmp_path: Path) -> None:
    assert load(tmp_path, use("true")).notices == ()
    assert "has neither `presets` nor `discovery`" in load(tmp_path, use("false")).notices[1]
