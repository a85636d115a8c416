"""Each simulated device against the demo's own configuration, and its numbers over days."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.config import Config, load_config
from daemon.demo import demo_config_text
from daemon.demo.devices import Device, five_devices
from daemon.mapping import compile_mapper, subscriptions
from daemon.messages import Mapped, Message, Outcome
from tinyflux import Point

OSLO = ZoneInfo("Europe/Oslo")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = ("climate", "plug", "heating", "relay", "door")


def devices() -> tuple[Device, ...]:
    return five_devices(random.Random(5), OSLO)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "demo.yaml"
    path.write_text(
        demo_config_text().replace("  name: demo", "  name: demo\n  timezone: Europe/Oslo")
    )
    return load_config(path)


def mapped(config: Config, device: Device, now: datetime) -> Mapped:
    said = device.publication(now, 3.0)
    received_us = round(now.timestamp() * 1e6)
    message = Message("house", said.topic, said.payload.encode(), received_us, qos=1)
    return compile_mapper(config).map(message)


def fields_of(config: Config) -> dict[str, Point]:
    points = [mapped(config, device, START).points for device in devices()]
    return {point.measurement: point for [point] in points}


def test_every_device_becomes_one_point_of_its_own_measurement(config: Config) -> None:
    assert {name: set(point.fields) for name, point in fields_of(config).items()} == {
        "climate": {"temperature", "humidity", "pressure", "battery", "battery_v"},
        "plug": {"power", "energy", "voltage", "current"},
        "heating": {"value"},
        "relay": {
            "output", "apower", "voltage", "current", "aenergy_total",
            "temperature_tC", "temperature_tF",
        },
        "door": {"closed", "battery"},
    }  # fmt: skip


def test_oddities_of_real_payloads_arrive_as_what_they_mean(config: Config) -> None:
    points = fields_of(config)
    assert points["climate"].fields["battery_v"] == pytest.approx(2.985)
    assert points["climate"].tags["device"] == "Kitchen climate"
    assert points["door"].fields["closed"] == 1
    assert points["plug"].time == START, "local time without a zone"
    assert points["relay"].tags["component"] == "switch:0"


def test_every_topic_is_subscribed(config: Config) -> None:
    assert len(subscriptions(config, "house")) == 4


@pytest.mark.parametrize("number", range(5), ids=NAMES)
def test_device_stays_plausible_over_three_days(config: Config, number: int) -> None:
    device = devices()[number]
    mapper = compile_mapper(config)
    outcomes = set()
    seen: dict[str, list[float]] = {}
    for minute in range(0, 3 * 24 * 60, 5):
        now = START + timedelta(minutes=minute)
        said = device.publication(now, 300.0)
        item = Message("house", said.topic, said.payload.encode(), round(now.timestamp() * 1e6))
        result = mapper.map(item)
        outcomes.add(result.outcome)
        for key, value in result.points[0].fields.items():
            assert value is not None
            seen.setdefault(key, []).append(value)
    assert outcomes == {Outcome.STORED}
    limits = {
        "temperature": (15, 27), "humidity": (30, 65), "pressure": (980, 1040),
        "battery": (0, 100), "battery_v": (2.5, 3.3), "power": (0, 120), "energy": (100, 200),
        "voltage": (220, 250), "current": (0, 1), "value": (30, 60), "output": (0, 1),
        "apower": (0, 15), "aenergy_total": (6000, 8000), "temperature_tC": (30, 50),
        "temperature_tF": (86, 122), "closed": (0, 1),
    }  # fmt: skip
    assert all(limits[key][0] <= min(values) for key, values in seen.items())
    assert all(max(values) <= limits[key][1] for key, values in seen.items())
    assert any(min(values) < max(values) for values in seen.values())


def test_climate_is_warmer_in_the_evening_than_in_the_morning() -> None:
    warmth = {6: 0.0, 18: 0.0}
    for seed in range(20):
        climate = five_devices(random.Random(seed), UTC)[0]
        for hour in warmth:
            said = climate.publication(START.replace(hour=hour), 3.0)
            warmth[hour] += json.loads(said.payload)["temperature"] / 20
    assert warmth[18] - warmth[6] > 1.5


def test_meters_never_run_backwards() -> None:
    _, plug, _, relay, _ = devices()
    totals: list[list[float]] = [[], []]
    for step in range(500):
        now = START + timedelta(seconds=3 * step)
        totals[0].append(json.loads(plug.publication(now, 3.0).payload)["ENERGY"]["Total"])
        totals[1].append(json.loads(relay.publication(now, 3.0).payload)["aenergy"]["total"])
    assert [sorted(values) for values in totals] == totals
