"""A collector that was given nothing but a preset stores what its devices say."""

from __future__ import annotations

import pytest

from tests.daemon.app.conftest import StartCollector
from tests.daemon.app.processes import read_rows, wait_for_rows
from tests.support.mosquitto import Mosquitto

CONFIG = """\
collector: {{name: test}}
brokers:
  home:
    url: {url}
    protocol: "{protocol}"
    username: {username}
    password: {password}
    presets: [zigbee2mqtt, {{esphome: {{prefixes: [boiler]}}}}]
storage: {{path: data.csv}}
"""


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_preset_alone_stores_what_devices_say(
    mosquitto: Mosquitto, start_collector: StartCollector, protocol: str
) -> None:
    collector = start_collector(
        CONFIG.format(
            url=mosquitto.url,
            username=mosquitto.username,
            password=mosquitto.password,
            protocol=protocol,
        )
    )
    mosquitto.publish("zigbee2mqtt/bridge/state", '{"state": "online"}')
    mosquitto.publish("zigbee2mqtt/cellar/plug", '{"power": 32, "linkquality": 80}')
    mosquitto.publish("boiler/sensor/flow/state", "41.5")
    mosquitto.publish("other/sensor/flow/state", "1")
    wait_for_rows(collector.data_path, "esphome", 1)
    wait_for_rows(collector.data_path, "zigbee", 1)
    [plug] = read_rows(collector.data_path, "zigbee")
    assert (plug.tags["device"], plug.fields) == ("cellar/plug", {"power": 32.0})
    [flow] = read_rows(collector.data_path, "esphome")
    assert (flow.tags["device"], flow.fields) == ("boiler", {"flow": 41.5})
