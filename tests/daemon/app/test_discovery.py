"""A collector that knows no rule but what devices announce, with a real broker."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.daemon.app.conftest import StartCollector
from tests.daemon.app.processes import CollectorProcess, configuration_for, wait_for_rows
from tests.support.mosquitto import Mosquitto

CONFIG = "homeassistant/sensor/0x01/temperature/config"
ANNOUNCED = {
    "device": {"identifiers": ["z_0x01"], "name": "Kitchen"},
    "device_class": "temperature",
    "state_topic": "zigbee2mqtt/Kitchen",
    "unique_id": "0x01_temperature",
    "unit_of_measurement": "°C",
    "value_template": "{{ value_json.temperature }}",
}
TAGS = {"device": "Kitchen", "entity": "temperature", "unit": "°C", "device_class": "temperature"}


def configuration(mosquitto: Mosquitto, protocol: str) -> str:
    text = configuration_for(mosquitto, protocol=protocol, sources=())
    return text.replace("    keepalive:", "    discovery: true\n    keepalive:").replace(
        "sources:\n\n", ""
    )


def announced(change: dict[str, object] | None = None) -> str:
    return json.dumps({**ANNOUNCED, **(change or {})})


def wait_for_topic(mosquitto: Mosquitto, collector: CollectorProcess, topic: str) -> None:
    """Until the broker has subscribed the collector to it."""
    line = re.compile(rf"tinyflux-test-\w+ 1 {re.escape(topic)}$", re.MULTILINE)
    collector.wait_for(
        lambda: line.search(mosquitto.log_text()) is not None, f"a subscription to {topic}"
    )


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_device_that_announces_itself_is_stored_from_then_on(
    mosquitto: Mosquitto, start_collector: StartCollector, protocol: str
) -> None:
    mosquitto.publish("zigbee2mqtt/Kitchen", '{"temperature": 20.5}', retain=True)
    collector = start_collector(configuration(mosquitto, protocol))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish(CONFIG, announced(), retain=True)
    # What the broker has kept comes with the subscription.
    wait_for_rows(collector.data_path, "temperature", 1)
    mosquitto.publish("zigbee2mqtt/Kitchen", '{"temperature": 21.5}')
    rows = wait_for_rows(collector.data_path, "temperature", 2)
    assert [row.fields for row in rows] == [{"value": 20.5}, {"value": 21.5}]
    assert rows[0].tags == {"host": "test", **TAGS}

    mosquitto.publish(CONFIG, announced({"state_topic": "z/Kitchen"}), retain=True)
    wait_for_topic(mosquitto, collector, "z/Kitchen")
    mosquitto.publish("zigbee2mqtt/Kitchen", '{"temperature": 22.5}')
    mosquitto.publish("z/Kitchen", '{"temperature": 23.5}')
    rows = wait_for_rows(collector.data_path, "temperature", 3)
    assert [row.fields for row in rows][2:] == [{"value": 23.5}]
    assert collector.end() == 0


def test_device_that_is_gone_has_no_value_any_more(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    mosquitto.publish(CONFIG, announced({"avty_t": "z/lwt"}), retain=True)
    collector = start_collector(configuration(mosquitto, "3.1.1"))
    wait_for_topic(mosquitto, collector, "z/lwt")
    mosquitto.publish("zigbee2mqtt/Kitchen", '{"temperature": 21.5}')
    wait_for_rows(collector.data_path, "temperature", 1)
    mosquitto.publish("z/lwt", "offline")
    rows = wait_for_rows(collector.data_path, "temperature", 2)
    assert [row.fields for row in rows] == [{"value": 21.5}, {"value": None}]
    [gone] = wait_for_rows(collector.data_path, "availability", 1)
    assert (gone.tags["device"], gone.fields) == ("Kitchen", {"online": 0})
    assert collector.end() == 0


def test_announcement_that_the_broker_did_not_keep_outlives_a_restart(
    mosquitto: Mosquitto, start_collector: StartCollector, tmp_path: Path
) -> None:
    text = configuration(mosquitto, "3.1.1")
    first = start_collector(text)
    first.wait_for_log("connected (MQTT")
    mosquitto.publish(CONFIG, announced())
    wait_for_topic(mosquitto, first, "zigbee2mqtt/Kitchen")
    assert first.end() == 0
    kept = json.loads((tmp_path / "data.discovery.json").read_bytes())
    assert list(kept["brokers"]["home"]["announcements"]) == [CONFIG]

    second = start_collector(text)
    second.wait_for(
        lambda: second.log_text().count("connected (MQTT") == 2, "the second connection"
    )
    mosquitto.publish("zigbee2mqtt/Kitchen", '{"temperature": 21.5}')
    assert wait_for_rows(second.data_path, "temperature", 1)[0].fields == {"value": 21.5}
    mosquitto.publish(CONFIG, "")
    second.wait_for(
        lambda: "zigbee2mqtt/Kitchen" not in (tmp_path / "data.sessions.json").read_text(),
        "the end of the subscription",
    )
    assert second.end() == 0
    kept = json.loads((tmp_path / "data.discovery.json").read_bytes())
    assert kept["brokers"]["home"]["announcements"] == {}


def test_file_of_announcements_that_is_damaged_costs_a_warning(
    mosquitto: Mosquitto, start_collector: StartCollector, tmp_path: Path
) -> None:
    (tmp_path / "data.discovery.json").write_text('{"version": 1, "brok', encoding="utf-8")
    mosquitto.publish(CONFIG, announced(), retain=True)
    collector = start_collector(configuration(mosquitto, "3.1.1"))
    wait_for_topic(mosquitto, collector, "zigbee2mqtt/Kitchen")
    mosquitto.publish("zigbee2mqtt/Kitchen", '{"temperature": 21.5}')
    wait_for_rows(collector.data_path, "temperature", 1)
    assert collector.end() == 0
    assert collector.log_text().count("cannot use") == 1
    assert json.loads((tmp_path / "data.discovery.json").read_bytes())["version"] == 1
