"""Presets: data files of rules, chosen by name, with prefixes put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import (
    SourceRule,
    Tier,
    load_preset,
    parse_topic_filter,
    preset_names,
    read_preset,
)
from daemon.errors import ConfigError
from tests.daemon.config.configs import load, only_problem

HEAD = "about: A try\ndocumentation: https://example.org\n"
GADGET = f"""\
name: gadget
{HEAD}prefixes: [+device]
rules:
  - {{topic: "{{prefix}}/debug/#", ignore: true}}
  - topic: "{{prefix}}/sensor/+sensor"
    measurement: "gadget_{{device}}"
  - topic: broadcast/+x
    measurement: broadcast
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the presets, with `gadget` in it."""
    presets = tmp_path / "presets"
    presets.mkdir()
    (presets / "gadget.yaml").write_text(GADGET, encoding="utf-8")
    monkeypatch.setattr("daemon.config.presets.FOLDER", presets)
    return presets


def use(presets: str) -> str:
    return f"brokers: {{home: {{url: mqtt://x, presets: {presets}}}}}\n"


def test_rules_of_presets_come_after_the_sources(tmp_path: Path) -> None:
    config = load(tmp_path, use("[gadget]") + "sources: [{topic: t, measurement: m}]\n")
    rules = config.message_rules("home")
    assert [(rule.name, rule.tier) for rule in rules] == [
        ("sources[0]", Tier.SOURCES),
        ("presets.gadget[0]", Tier.PRESETS),
        ("presets.gadget[1]", Tier.PRESETS),
        ("presets.gadget[2]", Tier.PRESETS),
    ]


def test_preset_whose_topics_may_begin_with_anything_comes_last(
    tmp_path: Path, folder: Path
) -> None:
    (folder / "named.yaml").write_text(
        f"name: named\n{HEAD}rules: [{{topic: 'named/+x', measurement: m}}]\n", encoding="utf-8"
    )
    for presets in ("[gadget, named]", "[named, gadget]"):
        rules = load(tmp_path, use(presets)).message_rules("home")
        assert [rule.name.split("[")[0] for rule in rules] == [
            "presets.named", *["presets.gadget"] * 3,
        ]  # fmt: skip
    rules = load(tmp_path, use("[{gadget: {prefixes: [a]}}, named]")).message_rules("home")
    assert rules[-1].name == "presets.named[0]"


def test_rules_say_where_they_are_written(tmp_path: Path, folder: Path) -> None:
    config = load(tmp_path, use("[gadget]") + "sources:\n  - {topic: t, measurement: m}\n")
    places = [(rule.place.file, rule.place.line) for rule in config.message_rules("home")]
    assert places[0] == (str(tmp_path / "config.yaml"), 3)
    assert places[2] == (str(folder / "gadget.yaml"), 7)


def test_each_rule_with_a_prefix_exists_once_for_each(tmp_path: Path) -> None:
    config = load(tmp_path, use("[{gadget: {prefixes: [boiler, attic]}}]"))
    topics = [rule.rule.topic for rule in config.message_rules("home")]
    assert topics == [
        "boiler/debug/#",
        "boiler/sensor/+sensor",
        "broadcast/+x",
        "attic/debug/#",
        "attic/sensor/+sensor",
    ]


@pytest.mark.parametrize(
    ("prefix", "bound"),
    [
        pytest.param("boiler", {"device": "boiler"}, id="plain"),
        pytest.param("home/boiler", {"device": "home/boiler"}, id="several levels"),
        pytest.param("+device", {}, id="the same wildcard"),
        pytest.param("+house/+device", {}, id="more wildcards"),
    ],
)
def test_plain_prefix_gives_the_name_of_the_wildcard(prefix: str, bound: dict[str, str]) -> None:
    rules = load_preset("gadget").rules((prefix,))
    assert [rule.bound for rule in rules] == [bound, bound, {}]


@pytest.mark.parametrize(
    ("prefix", "device"), [("meter", "meter"), ("site/meter", "site/meter"), ("site/+meter", None)]
)
def test_tag_may_be_the_prefix(
    tmp_path: Path, folder: Path, prefix: str, device: str | None
) -> None:
    (folder / "plain.yaml").write_text(
        f"name: plain\n{HEAD}prefixes: [x]\nrules: [{{topic: '{{prefix}}/+y', measurement: m, "
        "tags: {device: '{prefix}', of: all}}]\n",
        encoding="utf-8",
    )
    config = load(tmp_path, use(f"[plain: {{prefixes: ['{prefix}']}}]"))
    [placed] = config.message_rules("home")
    assert isinstance(placed.rule, SourceRule)
    assert placed.rule.tags.get("device") == device
    assert "of" in placed.rule.tags


def test_prefix_of_as_many_levels_gives_each_name_its_level(folder: Path) -> None:
    text = GADGET.replace("gadget", "deep", 1).replace("[+device]", '["home/+room/+device"]')
    (folder / "deep.yaml").write_text(text, encoding="utf-8")
    rule = load_preset("deep").rules(("home/attic/lamp",))[1]
    assert rule.bound == {"room": "attic", "device": "lamp"}


@pytest.mark.parametrize(
    ("presets", "found"),
    [
        pytest.param("[gadgets]", "did you mean `gadget`? presets: gadget", id="unknown"),
        pytest.param("[gadget, gadget]", "stands twice", id="twice"),
        pytest.param("[{gadget: {prefix: [x]}}]", "only `prefixes`", id="option"),
        pytest.param("[{gadget: {prefixes: []}}]", "a list of texts", id="no prefixes"),
        pytest.param("[{gadget: {prefixes: [5]}}]", "a list of texts", id="prefix no text"),
        pytest.param("[{gadget: {prefixes: [a/#]}}]", "without a slash or #", id="hash"),
        pytest.param("[{gadget: {prefixes: [a/]}}]", "without a slash or #", id="slash"),
        pytest.param("[{gadget: {prefixes: [+]}}]", "not +device", id="wildcard without name"),
        pytest.param("[{gadget: {prefixes: [+sensor]}}]", "not +device", id="other name"),
        pytest.param("[{gadget: {prefixes: [+device/+sensor]}}]", "stands twice", id="name twice"),
        pytest.param("[null]", "a preset is a name", id="nothing"),
        pytest.param("[[gadget]]", "a preset is a name", id="list in a list"),
        pytest.param("gadget", "allowed: a list", id="no list"),
    ],
)
def test_wrong_use_is_explained(tmp_path: Path, presets: str, found: str) -> None:
    problem = only_problem(tmp_path, use(presets))
    assert found in str(problem)
    assert (problem.line, problem.key_path[:20]) == (1, "brokers.home.presets")


@pytest.mark.parametrize(
    ("change", "line", "key", "found"),
    [
        pytest.param(("sensor/+sensor", "sensor/+"), 8, "rules[1]", "{device}", id="unbound name"),
        pytest.param(
            ("broadcast/+x", "b\n    alsoo: true"), 10, "rules[2].alsoo", "mean `also`?", id="key",
        ),
        pytest.param(("broadcast/+x", "a/#/b"), 9, "rules[2].topic", "be the last", id="topic"),
        pytest.param(
            ("broadcast/+x", "b\n    broker: home"), 9, "rules[2]", "names none", id="broker"
        ),
        pytest.param(("name: gadget", "name: other"), 1, "name", "the file's own", id="name"),
        pytest.param(("prefixes: [+device]\n", ""), 4, "rules", "{prefix}", id="no prefix"),
        pytest.param(("[+device]", "[+device, x]"), 4, "prefixes", "same in each", id="names"),
        pytest.param(("about: A try\n", ""), 1, "about", "required", id="about"),
    ],
)  # fmt: skip
def test_wrong_file_is_explained_by_file_and_line(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, found: str
) -> None:
    text = GADGET.replace("gadget_{device}", "{room}") if key == "rules[1]" else GADGET
    path = tmp_path / "gadget.yaml"
    path.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_preset(path)
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == (str(path), line)
    assert key in problem.key_path
    assert found in f"{problem.found} {problem.allowed}"


def test_what_is_wrong_with_a_rule_is_said_once_for_all_prefixes(tmp_path: Path) -> None:
    path = tmp_path / "gadget.yaml"
    text = GADGET.replace("[+device]", "[a/+device, b/+device]").replace("{device}", "{room}")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_preset(path)
    assert [problem.line for problem in caught.value.problems] == [8]


def test_broker_with_presets_alone_is_connected_to(tmp_path: Path) -> None:
    assert load(tmp_path, use("[gadget]")).notices == ()
    assert "has neither `presets` nor `discovery`" in load(tmp_path, use("[]")).notices[1]


def test_name_of_a_preset_is_that_of_its_file(folder: Path) -> None:
    assert preset_names() == ("gadget",)
    preset = load_preset("gadget")
    assert (preset.path, preset.about) == (folder / "gadget.yaml", "A try")
    assert isinstance(preset.rules()[0].rule, SourceRule)
    assert parse_topic_filter(preset.prefixes[0]).wildcard_names == ("device",)


def test_preset_that_gets_no_message_is_named(tmp_path: Path) -> None:
    [notice] = load(tmp_path, use("[gadget]") + 'sources: [{topic: "#", measurement: m}]\n').notices
    assert notice.startswith(
        "brokers.home.presets: gadget never gets a message: sources[0] (#) takes all of them"
    )


@pytest.mark.parametrize("option", ["also: true", "when: {$.a: 1}", "only: object"])
def test_rule_that_lets_messages_on_takes_none_from_a_preset(tmp_path: Path, option: str) -> None:
    rule = f'{{topic: "#", measurement: m, {option}}}'
    assert load(tmp_path, use("[gadget]") + f"sources: [{rule}]\n").notices == ()
