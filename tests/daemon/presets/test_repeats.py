"""What radio sensors repeat, and what a device says again unchanged, is stored once."""

from __future__ import annotations

from pathlib import Path

from daemon.messages import Mapped, Message
from daemon.thinning import Moment, Policies, Thinner
from tests.daemon.presets.cases import NOW_US, mapper_of

EVENT = (
    '{"model": "Acurite-Tower", "id": 3041, "channel": "A", "temperature_F": 70.16, "mic": "CRC"}'
)
DEVICE = "rtl_433/pi/devices/Acurite-Tower/A/3041"


def taken(folder: Path, messages: list[tuple[float, str, str]], preset: str) -> list[Mapped]:
    """What is stored of messages: seconds, topic and payload."""
    mapper = mapper_of(folder, preset)
    thinner = Thinner(Policies(mapper.rule_of).of)
    found = []
    for at_s, topic, payload in messages:
        now_us = NOW_US + round(at_s * 1e6)
        item = Message("home", topic, payload.encode(), now_us)
        mapped = mapper.map(item)
        ticket = thinner.take(item, mapped, Moment(round(at_s * 1e6), now_us))
        found.append(mapped if ticket is None else ticket.mapped)
    return found


def outcomes(
    folder: Path, messages: list[tuple[float, str, str]], preset: str = "rtl_433"
) -> list[str]:
    """What becomes of messages: seconds, topic and payload."""
    return [str(mapped.outcome) for mapped in taken(folder, messages, preset)]


def test_transmission_that_is_repeated_is_stored_once(tmp_path: Path) -> None:
    events = [(0.1 * number, "rtl_433/pi/events", EVENT) for number in range(3)]
    later = (60.0, "rtl_433/pi/events", EVENT)
    assert outcomes(tmp_path, [*events, later]) == ["stored", "duplicate", "duplicate", "stored"]


def test_device_topic_says_nothing_that_the_event_has_said(tmp_path: Path) -> None:
    found = outcomes(
        tmp_path,
        [
            (0.0, "rtl_433/pi/events", EVENT),
            (0.0, f"{DEVICE}/temperature_F", "70.16"),
            (60.0, "rtl_433/pi/events", EVENT.replace("70.16", "71.24")),
            (60.0, f"{DEVICE}/temperature_F", "71.24"),
        ],
    )
    assert found == ["stored", "unchanged", "stored", "unchanged"]


def test_device_topic_alone_is_stored_when_it_changes(tmp_path: Path) -> None:
    topic = f"{DEVICE}/temperature_F"
    values = [(0.0, topic, "70.16"), (60.0, topic, "70.16"), (120.0, topic, "71.24")]
    assert outcomes(tmp_path, values) == ["stored", "unchanged", "stored"]


def test_advertisement_that_two_gateways_hear_is_stored_once(tmp_path: Path) -> None:
    found = outcomes(
        tmp_path,
        [
            (0.0, "home/attic/BTtoMQTT/C6C752663CBF", '{"rssi": -23, "tempc": 17.6}'),
            (0.3, "home/cellar/BTtoMQTT/C6C752663CBF", '{"rssi": -81, "tempc": 17.6}'),
            (2.5, "home/attic/BTtoMQTT/C6C752663CBF", '{"rssi": -24, "tempc": 17.7}'),
            (60.0, "home/cellar/BTtoMQTT/C6C752663CBF", '{"rssi": -80, "tempc": 17.7}'),
        ],
        preset="openmqttgateway",
    )
    assert found == ["stored", "duplicate", "stored", "stored"]


def test_values_that_a_victron_device_repeats_are_stored_every_quarter_of_an_hour(
    tmp_path: Path,
) -> None:
    topic = "N/dca63201b13b/battery/277/Soc"
    values = [(60.0 * minute, topic, '{"value": 84.5}') for minute in range(31)]
    found = outcomes(tmp_path, values, preset="victron")
    assert [minute for minute, outcome in enumerate(found) if outcome == "stored"] == [0, 15, 30]


def test_value_of_a_victron_device_that_changes_is_stored_at_once(tmp_path: Path) -> None:
    topic = "N/dca63201b13b/battery/277/Dc/0/Voltage"
    payloads = ['{"value": 26.68000030517578}', '{"value": 26.68}', '{"value": 26.69}']
    values = [(1.0 * second, topic, payload) for second, payload in enumerate(payloads)]
    found = outcomes(tmp_path, values, preset="victron")
    assert found == ["stored", "unchanged", "stored"]


def test_position_says_once_that_a_telephone_is_connected_again(tmp_path: Path) -> None:
    topic = "owntracks/jane/phone"
    position = '{"_type": "location", "lat": 51.2, "lon": -4.0}'
    payloads = [position, position, '{"_type": "lwt", "tst": 1732430000}', position]
    values = [(60.0 * minute, topic, payload) for minute, payload in enumerate(payloads)]
    found = taken(tmp_path, values, preset="owntracks")
    stored = [[(point.measurement, point.fields) for point in mapped.points] for mapped in found]
    place = ("owntracks", {"lat": 51.2, "lon": -4.0})
    assert stored == [
        [("availability", {"online": 1.0}), place],
        [place],
        [("availability", {"online": 0.0})],
        [("availability", {"online": 1.0}), place],
    ]
