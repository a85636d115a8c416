"""A value that the broker keeps is stored once, whatever ends the collector in between."""

from __future__ import annotations

import signal

import pytest

from tests.daemon.app.processes import (
    CollectorProcess,
    configuration_for,
    read_rows,
    wait_for_rows,
)
from tests.daemon.cli.conftest import StartCollector
from tests.support.mosquitto import Mosquitto

CONNECTED = "connected (MQTT"
ENDS = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
PROTOCOLS = pytest.mark.parametrize("protocol", ["3.1.1", "5"])


def _configuration(broker: Mosquitto, protocol: str, retained: str = "once") -> str:
    rule = f"{{topic: sensors/+device, measurement: climate, retained: {retained}}}"
    return configuration_for(broker, protocol=protocol, interval="100ms", sources=[rule])


def _again(collector: CollectorProcess, how: signal.Signals) -> None:
    """End it, start it, and wait until it is connected."""
    before = collector.log_text().count(CONNECTED)
    collector.end(how)
    collector.start()
    collector.wait_for(lambda: collector.log_text().count(CONNECTED) > before, "a connection")


def _values(collector: CollectorProcess, broker: Mosquitto) -> list[float]:
    """All that was stored, once a last live message has come through."""
    broker.publish("sensors/end", "-1")
    collector.wait_for(
        lambda: -1.0 in _stored(collector),
        "the last message",
    )
    return [value for value in _stored(collector) if value != -1.0]


def _stored(collector: CollectorProcess) -> list[float]:
    return [row.fields["value"] for row in read_rows(collector.data_path, "climate")]


@ENDS
@PROTOCOLS
def test_a_kept_value_is_stored_once(
    mosquitto: Mosquitto, start_collector: StartCollector, protocol: str, how: signal.Signals
) -> None:
    mosquitto.publish("sensors/attic", "1", retain=True)
    collector = start_collector(_configuration(mosquitto, protocol))
    wait_for_rows(collector.data_path, "climate", 1)
    # Live, and kept by the broker for those who come later.
    mosquitto.publish("sensors/cellar", "2", retain=True)
    wait_for_rows(collector.data_path, "climate", 2)
    collector.wait_for(
        lambda: mosquitto.log_text().count("Received PUBACK") >= 2, "the acknowledgements"
    )
    _again(collector, how)
    _again(collector, how)
    assert _values(collector, mosquitto) == [1.0, 2.0]


@PROTOCOLS
def test_a_value_that_changed_meanwhile_is_stored_even_at_qos_0(
    mosquitto: Mosquitto, start_collector: StartCollector, protocol: str
) -> None:
    mosquitto.publish("sensors/attic", "1", retain=True)
    collector = start_collector(_configuration(mosquitto, protocol))
    wait_for_rows(collector.data_path, "climate", 1)
    collector.end()
    mosquitto.publish("sensors/attic", "2", qos=0, retain=True)
    collector.start()
    wait_for_rows(collector.data_path, "climate", 2)
    assert _values(collector, mosquitto) == [1.0, 2.0]


@PROTOCOLS
def test_a_kept_value_is_never_stored_with_skip(
    mosquitto: Mosquitto, start_collector: StartCollector, protocol: str
) -> None:
    mosquitto.publish("sensors/attic", "1", retain=True)
    collector = start_collector(_configuration(mosquitto, protocol, "skip"))
    collector.wait_for_log(CONNECTED)
    mosquitto.publish("sensors/attic", "2", retain=True)
    assert _values(collector, mosquitto) == [2.0]


@pytest.mark.parametrize(
    ("protocol", "stored"),
    # MQTT 5 asks for them with a new subscription only.
    [("3.1.1", [1.0, 1.0]), ("5", [1.0])],
)
def test_a_kept_value_is_stored_whenever_the_broker_sends_it_with_store(
    mosquitto: Mosquitto, start_collector: StartCollector, protocol: str, stored: list[float]
) -> None:
    mosquitto.publish("sensors/attic", "1", retain=True)
    collector = start_collector(_configuration(mosquitto, protocol, "store"))
    wait_for_rows(collector.data_path, "climate", 1)
    _again(collector, signal.SIGTERM)
    assert _values(collector, mosquitto) == stored


def test_kept_values_that_change_while_it_is_killed_are_stored_once_each(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    """At QoS 0 nobody sends them again but the broker, as kept ones; the interval is long."""
    rule = "{topic: sensors/+device, measurement: climate}"
    collector = start_collector(configuration_for(mosquitto, interval="1h", sources=[rule]))
    collector.wait_for_log(CONNECTED)
    for number in range(5):
        for qos, device in ((0, "attic"), (1, "cellar")):
            mosquitto.publish(f"sensors/{device}", str(number), qos=qos, retain=True)
        collector.wait_for(
            lambda number=number: _stored(collector).count(number) >= 2,  # type: ignore[misc]
            "the values",
        )
        _again(collector, signal.SIGKILL)
    assert sorted(_values(collector, mosquitto)) == sorted([*range(5), *range(5)])
