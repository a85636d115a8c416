"""Five devices that publish what real ones publish: topics, payloads, units and oddities.

After the documentation of Zigbee2MQTT, Tasmota, ESPHome and Shelly, and payloads of real devices.
A device is a state that moves on with each message; nothing here knows a broker.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from daemon.demo.signals import DayCurve, Switch, Walk


@dataclass(frozen=True, slots=True)
class Publication:
    """What a device publishes at one time."""

    topic: str
    payload: str
    is_retained: bool = False


class Device(Protocol):
    """One simulated device."""

    def publication(self, now: datetime, passed_s: float) -> Publication:
        """What it publishes at `now` (aware), `passed_s` after its last message."""


def five_devices(chance: random.Random, zone: tzinfo) -> tuple[Device, ...]:
    """A climate sensor, a plug, a boiler, a relay with a meter, and a door contact."""
    return (
        ZigbeeClimate(chance, zone),
        TasmotaPlug(chance, zone),
        EsphomeBoiler(chance, zone),
        ShellyRelay(chance, zone),
        ZigbeeContact(chance),
    )


class ZigbeeClimate:
    """A Zigbee2MQTT climate sensor: flat JSON, millivolts, a null, settings beside readings."""

    topic = "zigbee2mqtt/Kitchen climate"

    def __init__(self, chance: random.Random, zone: tzinfo) -> None:
        self._zone = zone
        self._temperature = DayCurve(21.0, 1.2, peak_h=18)
        self._humidity = DayCurve(47.0, 4.0, peak_h=7)
        self._drift = Walk(chance, step=0.05)
        self._damp = Walk(chance, step=0.3)
        self._pressure = Walk(chance, step=0.1, pull=0.001)
        self._chance = chance

    def publication(self, now: datetime, passed_s: float) -> Publication:
        local = now.astimezone(self._zone)
        state = {
            "battery": 87,
            "humidity": round(self._humidity.at(local) + self._damp.next(), 2),
            "last_seen": now.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "linkquality": self._chance.randint(80, 160),
            "power_outage_count": None,
            "pressure": round(1013.0 + self._pressure.next(), 1),
            "temperature": round(self._temperature.at(local) + self._drift.next(), 2),
            "update": {"installed_version": 8195, "latest_version": 8195, "state": "idle"},
            "voltage": 2985,
        }
        return Publication(self.topic, json.dumps(state, separators=(",", ":")))


class TasmotaPlug:
    """A Tasmota plug with a fridge on it: nested ENERGY, local time without a zone."""

    topic = "tele/tasmota_ABC123/SENSOR"

    def __init__(self, chance: random.Random, zone: tzinfo) -> None:
        self._zone = zone
        self._compressor = Switch(chance, on_s=90, off_s=60)
        self._load = Walk(chance, step=0.3)
        self._mains = Walk(chance, step=0.3)
        self._total_kwh = 123.456

    def publication(self, now: datetime, passed_s: float) -> Publication:
        local = now.astimezone(self._zone)
        is_on = self._compressor.after(passed_s)
        power = max(0.0, (86.0 if is_on else 2.4) + self._load.next())
        voltage = 231.0 + self._mains.next()
        self._total_kwh += power * passed_s / 3.6e6
        factor = 0.92 if is_on else 0.41
        apparent = power / factor
        energy = {
            "TotalStartTime": "2025-01-06T18:21:44",
            "Total": round(self._total_kwh, 3),
            "Yesterday": 1.107,
            "Today": round(self._total_kwh - 123.0, 3),
            "Period": round(power * passed_s / 3600),
            "Power": round(power),
            "ApparentPower": round(apparent),
            "ReactivePower": round((apparent**2 - power**2) ** 0.5),
            "Factor": factor,
            "Voltage": round(voltage),
            "Current": round(apparent / voltage, 3),
        }
        payload = {"Time": local.strftime("%Y-%m-%dT%H:%M:%S"), "ENERGY": energy}
        return Publication(self.topic, json.dumps(payload, separators=(",", ":")))


class EsphomeBoiler:
    """An ESPHome node: one bare number a topic, retained."""

    topic = "boiler/sensor/flow_temperature/state"

    def __init__(self, chance: random.Random, zone: tzinfo) -> None:
        self._zone = zone
        self._flow = DayCurve(44.0, 6.0, peak_h=6)
        self._drift = Walk(chance, step=0.25)

    def publication(self, now: datetime, passed_s: float) -> Publication:
        value = self._flow.at(now.astimezone(self._zone)) + self._drift.next()
        return Publication(self.topic, f"{value:.1f}", is_retained=True)


class ShellyRelay:
    """A Shelly of the second generation: a colon in the topic, arrays, a boolean, watt-hours."""

    topic = "shellyplus1pm-a8032abe54dc/status/switch:0"

    def __init__(self, chance: random.Random, zone: tzinfo) -> None:
        self._zone = zone
        self._lamp = Switch(chance, on_s=240, off_s=45)
        self._load = Walk(chance, step=0.15)
        self._mains = Walk(chance, step=0.3)
        self._warmth = DayCurve(38.0, 3.0)
        self._total_wh = 6532.0

    def publication(self, now: datetime, passed_s: float) -> Publication:
        is_on = self._lamp.after(passed_s)
        power = max(0.0, 8.9 + self._load.next()) if is_on else 0.0
        voltage = 236.0 + self._mains.next()
        self._total_wh += power * passed_s / 3600
        inside = self._warmth.at(now.astimezone(self._zone))
        per_minute_mwh = round(power * 1000 / 60, 3)
        status = {
            "id": 0,
            "source": "timer",
            "output": is_on,
            "apower": round(power, 1),
            "voltage": round(voltage, 1),
            "current": round(power / voltage / 0.62, 3),
            "aenergy": {
                "total": round(self._total_wh, 3),
                "by_minute": [per_minute_mwh] * 3,
                "minute_ts": int(now.timestamp()) // 60 * 60,
            },
            "temperature": {"tC": round(inside, 1), "tF": round(inside * 1.8 + 32, 1)},
        }
        return Publication(self.topic, json.dumps(status, separators=(",", ":")))


class ZigbeeContact:
    """A Zigbee2MQTT door contact: a boolean, true when closed; repeats its whole state."""

    topic = "zigbee2mqtt/Front door"

    def __init__(self, chance: random.Random) -> None:
        self._closed = Switch(chance, on_s=60, off_s=15)
        self._chance = chance

    def publication(self, now: datetime, passed_s: float) -> Publication:
        state = {
            "battery": 100,
            "battery_low": False,
            "contact": self._closed.after(passed_s),
            "linkquality": self._chance.randint(60, 120),
            "tamper": False,
            "voltage": 3000,
        }
        return Publication(self.topic, json.dumps(state, separators=(",", ":")))
