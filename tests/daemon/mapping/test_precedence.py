"""Who comes first: sources, presets, discovery; and a lower one adds no series of a higher one."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import PlacedRule, SourceRule, Tier
from daemon.mapping import RuleMapper
from daemon.messages import Mapped, Outcome
from tests.daemon.mapping.mappers import fields_of, mapper, message, tags_of

PRESET = """\
name: gadget
about: A try
documentation: https://example.org
prefixes: [gadget]
rules:
  - {topic: "{prefix}/+device/log", ignore: true}
  - {topic: "{prefix}/#device", measurement: climate}
"""
HEAD = "brokers: {home: {url: mqtt://x, presets: [gadget]}}\n"


@pytest.fixture(autouse=True)
def _preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "gadget.yaml").write_text(PRESET, encoding="utf-8")
    monkeypatch.setattr("daemon.config.presets.FOLDER", folder)


def discovered(topic: str, measurement: str = "climate", device: str = "x") -> PlacedRule:
    rule = SourceRule.model_validate(
        {"topic": topic, "measurement": measurement, "tags": {"device": device}}
    )
    return PlacedRule(f"discovery.{measurement}_{device}", rule, Tier.DISCOVERY)


def sources(folder: Path, *rules: str) -> RuleMapper:
    return mapper(folder, f"sources: [{', '.join(rules)}]\n", head=HEAD)


def devices_of(mapped: Mapped) -> list[str | None]:
    return [point.tags.get("device") for point in mapped.points]


def test_source_takes_the_topic_from_a_preset(tmp_path: Path) -> None:
    mapped = sources(tmp_path, "{topic: gadget/a, measurement: mine}").map(message("1", "gadget/a"))
    assert (mapped.rule, [point.measurement for point in mapped.points]) == ("sources[0]", ["mine"])


def test_preset_takes_what_no_source_takes(tmp_path: Path) -> None:
    mapped = sources(tmp_path, "{topic: other, measurement: m}").map(message("1", "gadget/a"))
    assert (mapped.rule, tags_of(mapped)) == ("presets.gadget[1]", {"device": "a"})


def test_ignored_topic_reaches_no_lower_tier(tmp_path: Path) -> None:
    tried = sources(tmp_path)
    tried.exchange("home", "k", [discovered("gadget/a/log")])
    mapped = tried.map(message("1", "gadget/a/log"))
    assert (mapped.outcome, mapped.rule) == (Outcome.NO_VALUE, "presets.gadget[0]")


def test_preset_takes_the_topic_from_discovery(tmp_path: Path) -> None:
    tried = sources(tmp_path)
    tried.exchange("home", "k", [discovered("gadget/a", device="other name")])
    assert devices_of(tried.map(message("1", "gadget/a"))) == ["a"]


def test_also_lets_a_preset_add_series_of_its_own(tmp_path: Path) -> None:
    tried = sources(tmp_path, "{topic: gadget/+device, measurement: mine, also: true}")
    mapped = tried.map(message("1", "gadget/a"))
    assert [point.measurement for point in mapped.points] == ["mine", "climate"]


def test_also_does_not_let_a_preset_add_a_series_of_a_source(tmp_path: Path) -> None:
    tried = sources(tmp_path, "{topic: gadget/+device, measurement: climate, also: true}")
    mapped = tried.map(message("1", "gadget/a"))
    assert (mapped.outcome, mapped.rule, devices_of(mapped)) == (
        Outcome.STORED, "sources[0]", ["a"],
    )  # fmt: skip


def test_two_sources_may_make_one_series(tmp_path: Path) -> None:
    rule = "{topic: t/+device, measurement: m, also: true}"
    assert devices_of(sources(tmp_path, rule, rule).map(message("1", "t/a"))) == ["a", "a"]


def test_preset_adds_no_series_that_a_source_makes_of_another_topic(tmp_path: Path) -> None:
    tried = sources(tmp_path, "{topic: t/+device, measurement: climate}")
    tried.map(message("1", "t/a"))
    mapped = tried.map(message("1", "gadget/a"))
    assert (mapped.outcome, mapped.points, mapped.rule) == (
        Outcome.DUPLICATE, (), "presets.gadget[1]",
    )  # fmt: skip
    assert "sources[0] makes this series" in mapped.reason
    assert devices_of(tried.map(message("1", "gadget/b"))) == ["b"]


def test_preset_adds_the_fields_that_no_source_makes(tmp_path: Path) -> None:
    rule = "topic: gadget/+device, measurement: climate, also: true, fields: {f: $.t}"
    tried = sources(tmp_path, f"{{{rule}}}")
    own, added = tried.map(message('{"t": 20, "f": 1, "h": 55}', "gadget/a")).points
    assert (own.fields, added.fields, added.tags) == ({"f": 20}, {"t": 20, "h": 55}, own.tags)


def test_rule_for_one_topic_leaves_the_others_of_a_series_to_the_preset(tmp_path: Path) -> None:
    rule = "{topic: gadget/a/f, measurement: climate, tags: {device: a}, fields: {f: {}}}"
    tried = sources(tmp_path, rule)
    tried.map(message("70", "gadget/a/f"))
    assert fields_of(tried.map(message('{"h": 55}', "gadget/a"))) == {"h": 55}
    left = tried.map(message('{"f": 21}', "gadget/a"))
    assert (left.outcome, left.points) == (Outcome.DUPLICATE, ())
    both = tried.map(message('{"f": 21, "h": 56}', "gadget/a"))
    assert (both.outcome, fields_of(both)) == (Outcome.STORED, {"h": 56})


def test_discovery_adds_no_field_to_a_series_of_a_preset(tmp_path: Path) -> None:
    tried = sources(tmp_path)
    tried.exchange("home", "k", [discovered("own/topic", device="a")])
    tried.map(message('{"h": 55}', "gadget/a"))
    assert tried.map(message("1", "own/topic")).outcome is Outcome.DUPLICATE


def test_source_stores_what_a_preset_has_made_first(tmp_path: Path) -> None:
    tried = sources(tmp_path, "{topic: t/+device, measurement: climate}")
    tried.map(message("1", "gadget/a"))
    assert devices_of(tried.map(message("1", "t/a"))) == ["a"]
    assert devices_of(tried.map(message("1", "gadget/a"))) == []


def test_discovery_adds_no_series_of_a_preset(tmp_path: Path) -> None:
    tried = sources(tmp_path)
    tried.exchange("home", "k", [discovered("own/topic", device="a")])
    assert devices_of(tried.map(message("1", "own/topic"))) == ["a"]
    tried.map(message("1", "gadget/a"))
    assert devices_of(tried.map(message("1", "own/topic"))) == []


def test_rejection_stays_one_when_its_points_are_left_out(tmp_path: Path) -> None:
    tried = sources(tmp_path)
    rule = SourceRule.model_validate(
        {"topic": "own", "measurement": "climate", "fields": {"a": {}, "b": {}},
         "tags": {"device": "a"}}
    )  # fmt: skip
    tried.exchange("home", "k", [PlacedRule("discovery.k", rule, Tier.DISCOVERY)])
    tried.map(message("1", "gadget/a"))
    mapped = tried.map(message('{"a": 1}', "own"))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, "missing", ())


def test_every_entity_of_a_topic_is_stored(tmp_path: Path) -> None:
    tried = sources(tmp_path)
    tried.exchange("home", "1", [discovered("own/a", "power")])
    tried.exchange("home", "2", [discovered("own/a", "energy")])
    mapped = tried.map(message("1", "own/a"))
    assert [point.measurement for point in mapped.points] == ["power", "energy"]


def test_discovered_rules_come_and_go_between_messages(tmp_path: Path) -> None:
    tried = sources(tmp_path)
    assert tried.map(message("1", "own/a")).outcome is Outcome.NO_RULE
    tried.exchange("home", "1", [discovered("own/a", device="first")])
    assert devices_of(tried.map(message("1", "own/a"))) == ["first"]
    tried.exchange("home", "1", [discovered("own/+", device="second")])
    assert devices_of(tried.map(message("1", "own/a"))) == ["second"]
    tried.exchange("home", "1", [])
    assert tried.map(message("1", "own/a")).outcome is Outcome.NO_RULE


def test_source_whose_condition_fails_leaves_the_topic_to_discovery(tmp_path: Path) -> None:
    tried = sources(tmp_path, "{topic: own/+device, measurement: m, when: {$.kind: temperature}}")
    tried.exchange("home", "1", [discovered("own/a", device="found")])
    assert devices_of(tried.map(message('{"kind": "power", "v": 1}', "own/a"))) == ["found"]
    assert devices_of(tried.map(message('{"kind": "temperature", "v": 1}', "own/a"))) == ["a"]
