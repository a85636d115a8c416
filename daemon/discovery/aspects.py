"""Which topics of each component carry readings, and what becomes of what stands there.

One table: an aspect of a component is a field, the keys that say its topic and template, and its
kind. Words are numbers that never change, because history is written with them. Pure data.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Kind(enum.Enum):
    """What a state is."""

    NUMBER = "a number"
    GUESS = "a number if it is one; other text is no reading"
    SWITCH = "one of two words"
    WORDS = "one of a few words that Home Assistant fixes"
    TEXT = "text, numbered as first seen"
    PLACE = "an object with latitude and longitude"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One state of an entity."""

    field: str
    topic: str
    """The key that names the topic."""
    templates: tuple[str, ...]
    """Keys that may have the template; the first that is there counts."""
    kind: Kind
    words: Mapping[str, int | tuple[str, str, int]] | None = None
    """Of SWITCH and WORDS: a word with its number, or a key that says the word, the word by default
    and the number."""
    path: str = ""
    """Where the value stands if there is no template."""
    span: tuple[str, float, str, float] | None = None
    """Keys and defaults of the values that mean 0 and 100 per cent."""


def _words(*names: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _said(**keys: tuple[str, int]) -> dict[str, int | tuple[str, str, int]]:
    return {key: (key, word, number) for key, (word, number) in keys.items()}


MODES = _words("off", "heat", "cool", "heat_cool", "auto", "dry", "fan_only")
ACTIONS = _words("off", "idle", "heating", "cooling", "drying", "fan", "preheating", "defrosting")
HEATER_MODES = _words(
    "off", "eco", "electric", "gas", "heat_pump", "high_demand", "performance"
)  # fmt: skip
VACUUM = _words("docked", "cleaning", "returning", "idle", "paused", "error")
MOWER = _words("docked", "mowing", "returning", "idle", "paused", "error")
ALARM = _words(
    "disarmed", "armed_home", "armed_away", "armed_night", "armed_vacation",
    "armed_custom_bypass", "pending", "triggered", "arming", "disarming",
)  # fmt: skip
DRYING = _words("off", "humidifying", "drying", "idle")
ON_OFF = _said(payload_off=("OFF", 0), payload_on=("ON", 1))
COVER = _said(
    state_closed=("closed", 0),
    state_open=("open", 1),
    state_opening=("opening", 2),
    state_closing=("closing", 3),
    state_stopped=("stopped", 4),
)
LOCK = _said(
    state_unlocked=("UNLOCKED", 0),
    state_locked=("LOCKED", 1),
    state_locking=("LOCKING", 2),
    state_unlocking=("UNLOCKING", 3),
    state_jammed=("JAMMED", 4),
)
HOME = _said(payload_not_home=("not_home", 0), payload_home=("home", 1))
OSCILLATION = _said(
    payload_oscillation_off=("oscillate_off", 0), payload_oscillation_on=("oscillate_on", 1)
)
SWITCHED: dict[str, int | tuple[str, str, int]] = {
    "state_off": ("payload_off", "OFF", 0),
    "state_on": ("payload_on", "ON", 1),
}
"""A switch says its states by `state_on` and `state_off`, or else by the commands that set them."""
_VALUE = ("value_template",)
_STATE = ("state_value_template", "value_template")


def _number(
    field: str, topic: str, template: str, span: tuple[str, float, str, float] | None = None
) -> Aspect:
    return Aspect(field, topic, (template,), Kind.NUMBER, span=span)


def _temperatures(*, low_and_high: bool) -> tuple[Aspect, ...]:
    both = ("temperature_low", "temperature_high") if low_and_high else ()
    return (
        _number("current_temperature", "current_temperature_topic", "current_temperature_template"),
        _number("target_temperature", "temperature_state_topic", "temperature_state_template"),
        *(_number(f"target_{name}", f"{name}_state_topic", f"{name}_state_template")
          for name in both),
    )  # fmt: skip


def _humidities() -> tuple[Aspect, ...]:
    return (
        _number("current_humidity", "current_humidity_topic", "current_humidity_template"),
        _number("target_humidity", "target_humidity_state_topic", "target_humidity_state_template"),
    )


_BRIGHT = ("", 0.0, "brightness_scale", 255.0)
_OPEN = ("position_closed", 0.0, "position_open", 100.0)
_COLOURS = (
    _number("brightness", "brightness_state_topic", "brightness_value_template", _BRIGHT),
    _number("color_temp", "color_temp_state_topic", "color_temp_value_template"),
)
_POSITION = _number("position", "position_topic", "position_template", _OPEN)

ASPECTS: Mapping[str, tuple[Aspect, ...]] = {
    "sensor": (Aspect("value", "state_topic", _VALUE, Kind.GUESS),),
    "binary_sensor": (Aspect("value", "state_topic", _VALUE, Kind.SWITCH, ON_OFF),),
    "number": (Aspect("value", "state_topic", _VALUE, Kind.NUMBER),),
    "select": (Aspect("value", "state_topic", _VALUE, Kind.TEXT),),
    "event": (Aspect("value", "state_topic", _VALUE, Kind.TEXT, path="$.event_type"),),
    "switch": (Aspect("value", "state_topic", _VALUE, Kind.SWITCH, SWITCHED),),
    "siren": (Aspect("value", "state_topic", _STATE, Kind.SWITCH, SWITCHED),),
    "light": (Aspect("value", "state_topic", _STATE, Kind.SWITCH, ON_OFF), *_COLOURS),
    "light json": (
        Aspect("value", "state_topic", (), Kind.SWITCH, {"OFF": 0, "ON": 1}, "$.state"),
        Aspect(
            "brightness", "state_topic", (), Kind.NUMBER, path="$.brightness", span=_BRIGHT
        ),
        Aspect("color_temp", "state_topic", (), Kind.NUMBER, path="$.color_temp"),
    ),
    "light template": (
        Aspect("value", "state_topic", ("state_template",), Kind.SWITCH, {"off": 0, "on": 1}),
        Aspect(
            "brightness",
            "state_topic",
            ("brightness_template",),
            Kind.NUMBER,
            span=("", 0.0, "", 255.0),
        ),
        Aspect("color_temp", "state_topic", ("color_temp_template",), Kind.NUMBER),
    ),
    "cover": (
        Aspect("value", "state_topic", _VALUE, Kind.WORDS, COVER),
        _POSITION,
        _number(
            "tilt",
            "tilt_status_topic",
            "tilt_status_template",
            ("tilt_min", 0.0, "tilt_max", 100.0),
        ),
    ),
    "valve": (Aspect("value", "state_topic", _VALUE, Kind.WORDS, COVER),),
    "valve position": (Aspect("position", "state_topic", _VALUE, Kind.NUMBER, span=_OPEN),),
    "fan": (
        Aspect("value", "state_topic", _STATE, Kind.SWITCH, ON_OFF),
        _number(
            "percentage",
            "percentage_state_topic",
            "percentage_value_template",
            # The lowest speed is one step above standing still.
            ("speed_range_min", 1.0, "speed_range_max", 100.0),
        ),
        Aspect(
            "oscillation",
            "oscillation_state_topic",
            ("oscillation_value_template",),
            Kind.SWITCH,
            OSCILLATION,
        ),
    ),
    "lock": (Aspect("value", "state_topic", _VALUE, Kind.WORDS, LOCK),),
    "climate": (
        *_temperatures(low_and_high=True),
        *_humidities(),
        Aspect("mode", "mode_state_topic", ("mode_state_template",), Kind.WORDS, MODES),
        Aspect("action", "action_topic", ("action_template",), Kind.WORDS, ACTIONS),
    ),
    "water_heater": (
        *_temperatures(low_and_high=False),
        Aspect("mode", "mode_state_topic", ("mode_state_template",), Kind.WORDS, HEATER_MODES),
    ),
    "humidifier": (
        Aspect("value", "state_topic", _STATE, Kind.SWITCH, ON_OFF),
        *_humidities(),
        Aspect("action", "action_topic", ("action_template",), Kind.WORDS, DRYING),
    ),
    "vacuum": (
        Aspect("value", "state_topic", _VALUE, Kind.WORDS, VACUUM, "$.state"),
        Aspect("battery", "state_topic", (), Kind.NUMBER, path="$.battery_level"),
    ),
    "lawn_mower": (
        Aspect(
            "value", "activity_state_topic", ("activity_value_template",), Kind.WORDS, MOWER
        ),
    ),
    "alarm_control_panel": (Aspect("value", "state_topic", _VALUE, Kind.WORDS, ALARM),),
    "device_tracker": (
        Aspect("value", "state_topic", _VALUE, Kind.WORDS, HOME),
        Aspect("", "json_attributes_topic", ("json_attributes_template",), Kind.PLACE),
    ),
}  # fmt: skip
PLACE_FIELDS = {
    "latitude": "latitude",
    "longitude": "longitude",
    "gps_accuracy": "gps_accuracy",
    "altitude": "altitude",
    "battery": "battery_level",
}
"""Field of a tracker, and its key among the attributes."""

WITHOUT_READINGS = frozenset(
    (
        "button", "camera", "date", "datetime", "device_automation", "image", "infrared", "notify",
        "remote", "scene", "tag", "text", "time", "update",
    )
)  # fmt: skip
"""Components that have no state which is a number."""

TIMES = frozenset(("date", "timestamp", "uptime"))
"""Device classes of a sensor whose state is a point in time."""

CHATTER = frozenset(("signal_strength", "update", "connectivity", "running", "data_rate"))
"""Device classes that say how a device does, not what it measures; left out by default."""

KEPT_DIAGNOSTICS = frozenset(
    (
        "battery", "battery_charging", "current", "energy", "frequency", "humidity", "power",
        "power_factor", "pressure", "problem", "tamper", "temperature", "voltage",
    )
)  # fmt: skip
"""Device classes of diagnostic entities that are readings all the same."""

NUMERIC = frozenset(
    (
        "absolute_humidity", "apparent_power", "aqi", "area", "atmospheric_pressure", "battery",
        "blood_glucose_concentration", "carbon_dioxide", "carbon_monoxide", "conductivity",
        "current", "data_rate", "data_size", "distance", "duration", "energy", "energy_distance",
        "energy_storage", "frequency", "gas", "humidity", "illuminance", "irradiance", "moisture",
        "monetary", "nitrogen_dioxide", "nitrogen_monoxide", "nitrous_oxide", "ozone", "ph", "pm1",
        "pm10", "pm25", "pm4", "power", "power_factor", "precipitation",
        "precipitation_intensity", "pressure", "reactive_energy", "reactive_power",
        "signal_strength", "sound_pressure", "speed", "sulphur_dioxide", "temperature",
        "temperature_delta", "volatile_organic_compounds", "volatile_organic_compounds_parts",
        "voltage", "volume", "volume_flow_rate", "volume_storage", "water", "weight",
        "wind_direction", "wind_speed",
    )
)  # fmt: skip
"""Device classes of sensors whose state is a number."""
