"""Options of one MQTT rule: which topics, how to read them, what points to make."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from daemon.config.fields import Fields
from daemon.config.section import Items, Section, SizeBytes

NULL_VALUES = ("unavailable", "unknown", "none", "null", "nan", "n/a", "???", "")
NO_READINGS = (
    "linkquality",
    "*rssi*",
    "*lqi*",
    "last_seen",
    "Time",
    "time",
    "ts",
    "tst",
    "timestamp",
    "unixtime",
    "update_*",
    "device_*",
    "*_calibration",
    "*_by_minute_*",
    "*_minute_ts",
    "id",
)


class TimeRule(Section):
    """Where a payload says when it was measured."""

    path: str
    """Where the time stands in a JSON payload."""
    format: str = "auto"
    """auto (unix seconds, ms or µs by size, or ISO 8601), iso, unix_s, unix_ms, unix_us, or a
    pattern as in Python's strptime, such as "%d.%m.%Y %H:%M"."""
    timezone: str | None = None
    """Zone of a time that names none; default collector.timezone."""


def as_time(value: object) -> object:
    """`time: $.ts` is short for `time: {path: $.ts}`."""
    return {"path": value} if isinstance(value, str) else value


def as_tags(value: object) -> object:
    """Tag values as text: YAML makes numbers and booleans of some of them."""
    if not isinstance(value, dict):
        return value
    return {key: _as_text(text) for key, text in value.items()}


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


Tags = Annotated[dict[str, str], BeforeValidator(as_tags)]


class ValueRules(Section):
    """What sources and polls share: how a decoded value becomes points."""

    tags: Tags = Field(default_factory=dict)
    """Tags of every point of this rule: a text, a template such as "{room}", or a path such as
    $.meta.model."""
    fields: Fields | None = Field(default=None, min_length=1)
    """The fields to store. Default: a single value becomes the field `value`; of a JSON object
    every number and boolean is stored, names of nested keys joined with _."""
    exclude: Items[str] = NO_READINGS
    """Only without `fields`: names (with * and ?) that are no readings."""
    null_values: Items[str] = NULL_VALUES
    """Texts that mean "no value" (in any case): no field, and no trouble."""


class SourceRule(ValueRules):
    """Messages of the topics that fit become points. First match wins unless `also`."""

    broker: str | None = None
    """Name of the broker; may be left out where there is only one."""
    topic: str
    """Topic filter with + (one level) and # (all that follows). Named wildcards such as +room and
    #rest become tags."""
    qos: Literal[0, 1, 2] = 1
    """Quality of service to subscribe with; 2 is taken as 1, see `notices`."""
    retained: Literal["skip", "store"] = "skip"
    """A message that the broker kept from earlier is no new reading: skip it, or store it with the
    time of its arrival."""
    measurement: str = Field(min_length=1)
    """Measurement of the points; may be a template such as "climate_{room}"."""
    payload: Literal["auto", "scalar", "json"] = "auto"
    """How to read the payload; auto: JSON where it is an object or a list, else a single value."""
    time: Annotated[TimeRule, BeforeValidator(as_time)] | None = None
    """When it was measured; default: when it arrived."""
    also: bool = False
    """True: rules further down get the message too."""
    max_payload_bytes: SizeBytes = Field(
        default=256_000, validation_alias="max_payload", ge=1, le=268_435_455
    )
    """A longer payload is rejected unread."""
