"""When devices can be reached, and when what they said is stale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.messages import Outcome
from tests.daemon.discovery.registries import discovering, points_of, registry_of, send

CASES = {
    case["id"]: case
    for path in sorted((Path(__file__).parents[2] / "cases/discovery").glob("*.jsonl"))
    for case in map(json.loads, path.read_text(encoding="utf-8").splitlines())
}
SENSOR: dict[str, Any] = {
    "stat_t": "z/Plug",
    "val_tpl": "{{ value_json.power }}",
    "unit_of_meas": "W",
    "uniq_id": "p",
    "dev": {"ids": ["1"], "name": "Plug"},
}


def online(value: int, **tags: str) -> dict[str, Any]:
    return {"measurement": "availability", "tags": tags, "fields": {"online": value}}


@pytest.mark.parametrize(
    ("case", "topic", "payload", "point"),
    [
        pytest.param(
            "energy-with-base-topic-without-slash", "tasmota01/tele/LWT", "Offline",
            online(0, device="522851"), id="tasmota",
        ),
        pytest.param(
            "relative-humidity", "evb-ea-ind-02/status", "online",
            online(1, device="evb-ea-ind-02"), id="esphome",
        ),
        pytest.param(
            "relay-energy-in-watt-minutes", "shellies/shelly1l-84CCA8ADE50D/online", "false",
            online(0, device="Shelly 1L 84CCA8ADE50D"), id="shelly",
        ),
        pytest.param(
            "hue-light-json", "zigbee2mqtt/Cuisine / Lumière 09/availability", '{"state":"online"}',
            online(1, device="Cuisine / Lumière 09",
                   topic="zigbee2mqtt/Cuisine / Lumière 09/availability"),
            id="zigbee2mqtt-device",
        ),
        pytest.param(
            "hue-light-json", "zigbee2mqtt/bridge/state", '{"state":"offline"}',
            online(0, device="Cuisine / Lumière 09", topic="zigbee2mqtt/bridge/state"),
            id="zigbee2mqtt-bridge",
        ),
        pytest.param(
            "water-meter-with-base-topic", "watermeter/connection", "connection lost",
            online(0, device="Total water meter"), id="ai-on-the-edge",
        ),
    ],
)  # fmt: skip
def test_device_that_comes_or_goes_is_a_point(
    tmp_path: Path, case: str, topic: str, payload: str, point: dict[str, Any]
) -> None:
    mapper = discovering(tmp_path)
    for announced in CASES[case]["announce"]:
        send(mapper, announced["topic"], announced["payload"])
    mapped = send(mapper, topic, payload)
    assert (mapped.outcome, points_of(mapped)) == (Outcome.STORED, [point])


def test_many_entities_of_a_device_say_it_once(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    for name in ("a", "b", "c"):
        announced = {**SENSOR, "uniq_id": name, "avty_t": "z/Plug/lwt"}
        send(mapper, f"homeassistant/sensor/1/{name}/config", announced)
    assert points_of(send(mapper, "z/Plug/lwt", "online")) == [online(1, device="Plug")]
    # The one that had the rule goes, another one has it.
    send(mapper, "homeassistant/sensor/1/a/config", "")
    assert points_of(send(mapper, "z/Plug/lwt", "offline")) == [online(0, device="Plug")]


def test_each_device_of_a_bridge_says_it_for_itself(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    for name in ("a", "b"):
        announced = {**SENSOR, "uniq_id": name, "avty_t": "bridge", "dev": {"ids": name}}
        send(mapper, f"homeassistant/sensor/{name}/config", announced)
    points = points_of(send(mapper, "bridge", "offline"))
    assert [point["tags"] for point in points] == [{"device": "a"}, {"device": "b"}]


@pytest.mark.parametrize(
    ("options", "announced"),
    [
        pytest.param("{availability: false}", {"avty_t": "z/lwt"}, id="not-wanted"),
        pytest.param("true", {"avty_t": "z/+"}, id="of-any-device"),
        pytest.param("true", {"avty": [{"topic": "#"}]}, id="of-everything"),
        pytest.param("true", {"avty_t": "z/lwt", "avty_tpl": "{{ now() }}"}, id="with-a-call"),
    ],
)
def test_readings_come_without_it(tmp_path: Path, options: str, announced: dict[str, Any]) -> None:
    mapper = discovering(tmp_path, options)
    mapped = send(mapper, "homeassistant/sensor/1/p/config", {**SENSOR, **announced})
    assert ("availability: " in mapped.reason) is (options == "true")
    assert send(mapper, "z/lwt", "online").outcome is Outcome.NO_RULE
    [point] = points_of(send(mapper, "z/Plug", '{"power": 5}'))
    assert point["fields"] == {"value": 5.0}


def test_topic_of_a_state_says_nothing_of_the_device(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    avty = [{"t": "z/Plug", "val_tpl": "{{ 'online' if value_json.power is defined else 'x' }}"}]
    send(mapper, "homeassistant/sensor/1/p/config", {**SENSOR, "avty": avty})
    [point] = points_of(send(mapper, "z/Plug", '{"power": 5}'))
    assert point["measurement"] == "sensor"


def test_value_whose_own_message_says_that_it_does_not_count_is_not_stored(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    avty = [{"t": "z/Plug", "val_tpl": "{{ 'online' if value_json.ok else 'offline' }}"}]
    send(mapper, "homeassistant/sensor/1/p/config", {**SENSOR, "avty": avty})
    other = {**SENSOR, "uniq_id": "q", "val_tpl": "{{ value_json.energy }}"}
    send(mapper, "homeassistant/sensor/1/q/config", other)
    mapped = send(mapper, "z/Plug", '{"power": 5, "energy": 7, "ok": false}')
    # The other entity of the topic has said nothing of the kind; what is gone has null.
    assert [point["fields"] for point in points_of(mapped)] == [{"value": 7.0}]
    assert len(mapped.gone) == 1
    mapped = send(mapper, "z/Plug", '{"power": 5, "ok": true}')
    assert [point["fields"] for point in points_of(mapped)] == [{"value": 5.0}]
    assert mapped.gone == ()


def test_unit_of_blanks_is_no_unit(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    # Tasmota's TotalStartTime, which is text.
    announced = {**SENSOR, "unit_of_meas": " ", "val_tpl": "{{ value_json.since }}"}
    send(mapper, "homeassistant/sensor/1/p/config", announced)
    mapped = send(mapper, "z/Plug", '{"since": "2026-11-24T10:00:00", "power": 5}')
    assert (mapped.outcome, points_of(mapped)) == (Outcome.NO_VALUE, [])


@pytest.mark.parametrize("text", [15, "15", 15.0])
def test_expire_after_is_that_of_the_rule(tmp_path: Path, text: object) -> None:
    mapper = discovering(tmp_path)
    send(mapper, "homeassistant/sensor/1/p/config", {**SENSOR, "exp_aft": text})
    [placed] = registry_of(mapper).rules()
    assert placed.rule.expire_after_s == 15


@pytest.mark.parametrize("text", [0, "0", None])
def test_expire_after_nothing_is_never(tmp_path: Path, text: object) -> None:
    mapper = discovering(tmp_path)
    send(mapper, "homeassistant/sensor/1/p/config", {**SENSOR, "exp_aft": text})
    [placed] = registry_of(mapper).rules()
    assert placed.rule.expire_after_s is None
