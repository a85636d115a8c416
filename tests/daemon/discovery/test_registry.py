"""What is announced, announced otherwise, and removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.config import load_config
from daemon.discovery import DiscoveringMapper, compile_discovering
from daemon.messages import Outcome
from tests.daemon.discovery.registries import discovering, points_of, registry_of, send

TOPIC = "homeassistant/sensor/0x01/power/config"
PLUG: dict[str, Any] = {
    "name": "Power",
    "state_topic": "z/Plug",
    "value_template": "{{ value_json.power }}",
    "device_class": "power",
    "unit_of_measurement": "W",
    "unique_id": "0x01_power",
    "device": {"identifiers": ["z_0x01"], "name": "Plug"},
}
TAGS = {"device": "Plug", "entity": "power", "unit": "W", "device_class": "power"}


def plug(**change: Any) -> dict[str, Any]:
    return {**PLUG, **change}


def tags_of(mapper: DiscoveringMapper, payload: str = '{"power": 5}') -> dict[str, str]:
    [point] = points_of(send(mapper, "z/Plug", payload))
    tags: dict[str, str] = point["tags"]
    return tags


def test_announcement_says_what_it_became(tmp_path: Path) -> None:
    mapped = send(discovering(tmp_path), TOPIC, PLUG)
    assert (mapped.outcome, mapped.rule) == (Outcome.NO_VALUE, "discovery")
    assert (mapped.reason, mapped.kind) == ("announced: sensor.plug_power", "announcement")


def test_rule_is_named_by_the_place_of_its_announcement(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    assert send(mapper, "z/Plug", '{"power": 5}').rule == "discovery.sensor/0x01/power"


def test_announcement_that_comes_again_changes_nothing(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    [before] = registry_of(mapper).rules()
    send(mapper, TOPIC, PLUG)
    send(mapper, TOPIC, plug(icon="mdi:plug", device={**PLUG["device"], "sw_version": "2"}))
    [after] = registry_of(mapper).rules()
    assert after is before


def test_changed_announcement_counts_from_then_on(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    send(mapper, TOPIC, plug(unit_of_measurement="kW", value_template="{{ value_json.p }}"))
    assert send(mapper, "z/Plug", '{"power": 5}').outcome is Outcome.NO_VALUE
    assert tags_of(mapper, '{"p": 5}') == {**TAGS, "unit": "kW"}


def test_empty_payload_removes(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    mapped = send(mapper, TOPIC, "")
    assert (mapped.outcome, mapped.reason) == (Outcome.NO_VALUE, "the announcement is removed")
    assert send(mapper, "z/Plug", '{"power": 5}').outcome is Outcome.NO_RULE
    assert send(mapper, TOPIC, "").reason == "nothing was announced here"


def test_rule_that_is_gone_is_known_no_more(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, plug(expire_after=60))
    rule = mapper.rules.rule_of("discovery.sensor/0x01/power")
    assert rule is not None
    assert rule.expire_after_s == 60
    send(mapper, TOPIC, "")
    assert mapper.rules.rule_of("discovery.sensor/0x01/power") is None


def test_announcement_that_became_unusable_is_gone(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    assert send(mapper, TOPIC, plug(state_topic="#")).outcome is Outcome.REJECTED
    assert send(mapper, "z/Plug", '{"power": 5}').outcome is Outcome.NO_RULE
    send(mapper, TOPIC, PLUG)
    assert tags_of(mapper) == TAGS


def test_retained_announcement_of_before_is_read_and_no_news(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    assert send(mapper, TOPIC, PLUG, is_seen=True).outcome is Outcome.NO_VALUE
    assert send(mapper, TOPIC, PLUG, is_seen=True).outcome is Outcome.RETAINED_SEEN
    refused = send(mapper, TOPIC.replace("power", "x"), plug(state_topic="#"), is_seen=True)
    assert refused.outcome is Outcome.RETAINED_SEEN
    assert tags_of(mapper) == TAGS


def test_same_unique_id_is_used_once_and_the_next_takes_over(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    other = "homeassistant/sensor/renamed/config"
    reason = send(mapper, other, plug(state_topic="z/Renamed")).reason
    assert "it is announced as sensor/0x01/power already" in reason
    assert send(mapper, "z/Renamed", '{"power": 5}').outcome is Outcome.NO_RULE
    send(mapper, TOPIC, "")
    assert len(send(mapper, "z/Renamed", '{"power": 5}').points) == 1


def test_unusable_announcement_does_not_keep_a_good_one_away(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, "homeassistant/sensor/bad/config", plug(value_template="{{ now() }}"))
    send(mapper, TOPIC, PLUG)
    assert tags_of(mapper) == TAGS


def test_two_that_would_write_one_series_are_told_apart(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    other = plug(unique_id="0x02_power", value_template="{{ value_json.power_2 }}")
    send(mapper, "homeassistant/sensor/0x02/power/config", other)
    points = points_of(send(mapper, "z/Plug", '{"power": 5, "power_2": 6}'))
    assert [(point["tags"]["entity"], point["fields"]) for point in points] == [
        ("0x02_power", {"value": 6.0}),
        ("power", {"value": 5.0}),
    ]


def test_name_of_a_device_may_come_later(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, plug(device={"ids": ["z_0x01"]}))
    assert tags_of(mapper)["device"] == "z_0x01"
    whole = {"name": "Restart", "command_topic": "z/Plug/set", "device": PLUG["device"]}
    send(mapper, "homeassistant/button/0x01/restart/config", whole)
    assert tags_of(mapper) == TAGS


def test_node_stands_for_a_device_that_has_no_name(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, plug(device=None))
    assert tags_of(mapper)["device"] == "0x01"


def test_part_of_a_device_that_has_only_its_platform_is_gone(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    topic = "homeassistant/device/0x01/config"
    part = {"p": "sensor", "stat_t": "z/Plug", "unit_of_meas": "W"}
    parts = {
        "power": {**part, "val_tpl": "{{ value_json.power }}", "uniq_id": "p"},
        "power_2": {**part, "val_tpl": "{{ value_json.power_2 }}", "uniq_id": "q"},
    }
    send(mapper, topic, {"dev": PLUG["device"], "o": {"name": "x"}, "cmps": parts})
    assert len(send(mapper, "z/Plug", '{"power": 5, "power_2": 6}').points) == 2
    parts["power_2"] = {"p": "sensor"}
    send(mapper, topic, {"dev": PLUG["device"], "o": {"name": "x"}, "cmps": parts})
    [point] = points_of(send(mapper, "z/Plug", '{"power": 5, "power_2": 6}'))
    assert point["fields"] == {"value": 5.0}


def test_migration_to_the_device_form_ends_the_old_announcement(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, PLUG)
    assert send(mapper, TOPIC, {"migrate_discovery": True}).outcome is Outcome.NO_VALUE
    parts = {"power": {**PLUG, "p": "sensor"}}
    device = {"dev": PLUG["device"], "o": {"name": "x"}, "cmps": parts}
    send(mapper, "homeassistant/device/0x01/config", device)
    send(mapper, TOPIC, "")
    assert tags_of(mapper) == TAGS


CHOICES = [
    pytest.param("true", {}, True, id="by-default"),
    pytest.param("true", {"enabled_by_default": False}, False, id="not-enabled"),
    pytest.param("true", {"en": "false"}, False, id="not-enabled-as-text"),
    pytest.param("true", {"entity_category": "diagnostic"}, True, id="diagnostic-power"),
    pytest.param("true", {"ent_cat": "diagnostic", "device_class": "duration"}, False, id="uptime"),
    pytest.param("true", {"entity_category": "config"}, False, id="setting"),
    pytest.param(
        "{include: [sensor.plug_power]}", {"en": False}, True, id="included-though-disabled"
    ),
    pytest.param("{include: [sensor.PLUG_*]}", {"ent_cat": "config"}, True, id="in-any-case"),
    pytest.param("{include: ['sensor.*_temperature']}", {}, False, id="not-included"),
    pytest.param("{exclude: ['*_power']}", {}, False, id="excluded"),
    pytest.param("{include: ['*'], exclude: [sensor/0x01/*]}", {}, False, id="excluded-by-place"),
    pytest.param("{exclude: [sensor.power]}", {}, False, id="excluded-by-object-id"),
    pytest.param("{exclude: [sensor.my]}", {"def_ent_id": "sensor.my"}, False, id="by-entity-id"),
]


@pytest.mark.parametrize(("options", "change", "is_taken"), CHOICES)
def test_which_entities_are_readings(
    tmp_path: Path, options: str, change: dict[str, Any], is_taken: bool
) -> None:
    mapper = discovering(tmp_path, options)
    mapped = send(mapper, TOPIC, plug(**change))
    assert mapped.outcome is Outcome.NO_VALUE
    assert mapped.reason.startswith("announced") is is_taken
    assert bool(registry_of(mapper).rules()) is is_taken


def test_another_prefix(tmp_path: Path) -> None:
    mapper = discovering(tmp_path, "{prefix: ha/discovery}")
    assert send(mapper, TOPIC, PLUG).outcome is Outcome.NO_RULE
    send(mapper, TOPIC.replace("homeassistant", "ha/discovery"), PLUG)
    assert tags_of(mapper) == TAGS


@pytest.mark.parametrize(
    "topic",
    [
        "homeassistant/status",
        "homeassistant/sensor/config",
        "homeassistant/a/b/c/d/config",
        "homeassistant/sensor/x/state",
        "other/sensor/x/config",
    ],
)
def test_topic_that_is_no_announcement_is_left_to_the_rules(tmp_path: Path, topic: str) -> None:
    assert send(discovering(tmp_path), topic, PLUG).outcome is Outcome.NO_RULE


def test_templates_beyond_the_simple_ones_run_where_that_is_allowed(tmp_path: Path) -> None:
    template = "{{ value_json.power.split(':')[1] }}"
    simple, full = discovering(tmp_path), discovering(tmp_path, "{templates: full}")
    refused = send(simple, TOPIC, plug(value_template=template))
    assert refused.outcome is Outcome.REJECTED
    assert "`templates: full` allows it" in refused.reason
    assert send(full, TOPIC, plug(value_template=template)).outcome is Outcome.NO_VALUE
    [point] = points_of(send(full, "z/Plug", '{"power": "W:7"}'))
    assert point["fields"] == {"value": 7.0}


def test_what_is_remembered_makes_the_same_rules(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    cases = Path(__file__).parents[2] / "cases/discovery"
    for path in sorted(cases.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for announced in json.loads(line)["announce"]:
                send(mapper, announced["topic"], announced["payload"])
    before = registry_of(mapper)
    tree = json.loads(json.dumps({"home": before.remembered()}))
    again = compile_discovering(load_config(tmp_path / "config.yaml"), remembered=tree)
    assert registry_of(again).rules() == before.rules()
    assert registry_of(again).remembered() == before.remembered()
    assert len(before.rules()) > 70


def test_rules_of_the_configuration_come_first(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "collector: {name: cabin}\n"
        "brokers: {home: {url: mqtt://127.0.0.1, discovery: true}}\n"
        "sources: [{topic: '#', measurement: mine, fields: {power: $.power}}]\n"
    )
    mapper = compile_discovering(load_config(path))
    assert send(mapper, TOPIC, PLUG).outcome is Outcome.NO_VALUE
    [point] = points_of(send(mapper, "z/Plug", '{"power": 5}'))
    assert (point["measurement"], point["fields"]) == ("mine", {"power": 5.0})


def test_two_thousand_announcements_cost_one_look_each(tmp_path: Path) -> None:
    mapper = discovering(tmp_path, "{max_entities: 3000}")
    for number in range(2000):
        name = f"Plug {number}"
        announced = plug(
            unique_id=f"{number}", state_topic=f"z/{number}", device={"ids": name, "name": name}
        )
        send(mapper, f"homeassistant/sensor/{number}/power/config", announced)
    assert len(registry_of(mapper).rules()) == 2000
    [point] = points_of(send(mapper, "z/1234", '{"power": 5}'))
    assert point["tags"]["device"] == "Plug 1234"
