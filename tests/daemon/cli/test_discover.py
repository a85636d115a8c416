"""`discover` prints what devices announce, and disturbs nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.config import load_config
from daemon.errors import EX_CONFIG, EX_UNAVAILABLE
from tests.support.mosquitto import Mosquitto

ANNOUNCED = {
    "device": {"ids": ["z_0x01"], "name": "Kitchen {1}"},
    "dev_cla": "temperature",
    "stat_t": "zigbee2mqtt/Kitchen",
    "uniq_id": "0x01_temperature",
    "unit_of_meas": "°C",
    "val_tpl": "{{ value_json.temperature }}",
}


def configuration(folder: Path, broker: Mosquitto, more: str = "") -> Path:
    path = folder / "config.yaml"
    path.write_text(
        f"brokers:\n  home: {{url: {broker.url}, username: {broker.username}, "
        f"password: {broker.password}{more}}}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("more", ["", ", discovery: true", ', discovery: true, protocol: "5"'])
def test_announced_entities_are_printed_as_sources(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str], more: str
) -> None:
    topic = "homeassistant/sensor/0x01/temperature/config"
    mosquitto.publish(topic, json.dumps(ANNOUNCED), retain=True)
    mosquitto.publish("homeassistant/button/0x01/restart/config", "{}", retain=True)
    path = configuration(tmp_path, mosquitto, more)
    assert main(["discover", "-c", str(path), "--seconds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "# home: 1 of 2 announced entities give readings" in printed
    assert "left out: a button has no readings" in printed
    pasted = tmp_path / "pasted.yaml"
    pasted.write_text(path.read_text(encoding="utf-8") + printed, encoding="utf-8")
    [rule] = load_config(pasted).sources
    assert (rule.topic, rule.measurement) == ("zigbee2mqtt/Kitchen", "temperature")
    assert rule.tags["device"] == "Kitchen (1)"
    assert main(["check", "-c", str(pasted)]) == 0


def test_options_of_the_broker_count(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    mosquitto.publish("ha/sensor/0x01/t/config", json.dumps(ANNOUNCED), retain=True)
    path = configuration(tmp_path, mosquitto, ", discovery: {prefix: ha, exclude: ['*']}")
    assert main(["discover", "-c", str(path), "--seconds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "home: 0 of 1 announced entities give readings" in printed
    assert "`discovery.exclude` names it" in printed
    assert "sources:" not in printed


def test_broker_without_announcements_is_said_so(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["discover", "-c", str(configuration(tmp_path, mosquitto)), "--seconds", "1"]) == 0
    assert "devices announce themselves when they start" in capsys.readouterr().out


def test_broker_that_is_not_there_is_an_error(
    tmp_path: Path, mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configuration(tmp_path, mosquitto)
    mosquitto.stop()
    assert main(["discover", "-c", str(path), "--seconds", "1"]) == EX_UNAVAILABLE
    printed = capsys.readouterr()
    assert "nobody listens there" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        pytest.param("collector: {name: x}\n", EX_CONFIG, "no `brokers`", id="no-broker"),
        pytest.param(
            "brokers: {home: {url: embedded}}\n", EX_UNAVAILABLE, "is embedded", id="embedded"
        ),
    ],
)
def test_nothing_to_listen_to_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, said: str
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    assert main(["discover", "-c", str(path), "--seconds", "1"]) == status
    assert said in capsys.readouterr().err
