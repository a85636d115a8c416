"""Options of one MQTT rule: which topics, how to read them, what points to make."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from daemon.config.availability import AvailabilityRules, parse_availability_topic
from daemon.config.conditions import Conditions
from daemon.config.fields import FieldRule, Fields, check_patterns, order_of
from daemon.config.habits import suggest
from daemon.config.paths import parse_path
from daemon.config.payloads import PayloadRule, as_payload
from daemon.config.section import (
    Items,
    Name,
    Seconds,
    Section,
    SizeBytes,
    as_texts,
    check_name,
    parsed_by,
)
from daemon.config.templates import parse_template
from daemon.config.thinning import ThinningRules
from daemon.config.topics import parse_topic_filter
from daemon.config.value_templates import is_value_template, parse_value_template
from daemon.zones import find_zone

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
    "*_ts",
    "elapsed",
    "update_*",
    "*version",
    "*networkAddress",
    "*manufacturerID",
    "*_calibration",
    "power_outage_count",
    "*_by_minute_*",
    "id",
)


TIME_FORMATS = ("auto", "iso", "unix_s", "unix_ms", "unix_us")


def _check_place(text: str) -> str:
    if not parse_template(text).paths:
        raise ValueError(
            'a path such as $.ts is needed, or paths in a text, as "{$.date} {$.time}"'
        )
    return text


def _check_format(text: str) -> str:
    if text in TIME_FORMATS:
        return text
    if "%" not in text:
        meant = suggest(text, TIME_FORMATS)
        hint = f"did you mean `{meant}`? " if meant else ""
        raise ValueError(f'{hint}allowed: {", ".join(TIME_FORMATS)}, or a pattern as "%H:%M"')
    sample = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        datetime.strptime(sample.strftime(text), text)
    except (ValueError, UnicodeEncodeError, re.error) as error:
        raise ValueError(f"this pattern cannot be used: {error}") from None
    return text


class TimeRule(Section):
    """Where a payload says when it was measured."""

    path: Annotated[str, AfterValidator(_check_place)]
    """Where the time stands in a payload; a text of several places, as "{$.date} {$.time}"."""
    format: Annotated[str, AfterValidator(_check_format)] = "auto"
    """auto (unix seconds, ms or µs by size, or ISO 8601), iso, unix_s, unix_ms, unix_us, or a
    pattern as in Python's strptime, such as "%d.%m.%Y %H:%M"."""
    timezone: Annotated[str, parsed_by(find_zone)] | None = None
    """Zone of a time that names none; default collector.timezone."""
    optional: bool = False
    """True: a payload without a time, or with null or a text of `null_values` in its place, was
    measured when it arrived, and that is no trouble."""
    accept_past_s: Seconds | None = Field(default=None, validation_alias="accept_past", gt=0)
    """How far this time may lie before its arrival; default collector.clock.accept_past."""


def as_time(value: object) -> object:
    """`time: $.ts` is short for `time: {path: $.ts}`."""
    return {"path": value} if isinstance(value, str) else value


def _check_tag(text: str | None) -> str | None:
    if text is None:
        return None
    if is_value_template(text):
        parse_value_template(text)
        return text
    parse_template(text)
    return check_name(text)


TagRules = Annotated[
    dict[Name, Annotated[str | None, AfterValidator(_check_tag)]], BeforeValidator(as_texts)
]


class ValueRules(ThinningRules):
    """What sources and polls share: how a decoded value becomes points."""

    tags: TagRules = Field(default_factory=dict)
    """Tags of every point of this rule: a text, a template such as "{room}" or "{$.model}-{$.id}",
    a path such as $.meta.model, or "{{ value_json.model | lower }}"; null takes a tag away."""
    each: Annotated[str, parsed_by(parse_path)] | None = None
    """A path such as $.sensors[*]: each place that it leads to becomes a point. @ is that place,
    {key} the last name or index that leads there, {key_1}, {key_2} the first and second."""
    fields: Fields | None = Field(default=None, min_length=1)
    """The fields to store. Default: a single value becomes the field `value`; of a JSON object
    every number and boolean is stored, names of nested keys joined with _. A name with * or ? is
    that of every value that it fits; full names come first, then patterns in their order."""
    key: Annotated[str, parsed_by(parse_template)] | None = None
    """The name of a payload, or of a place of `each`, that is a single value, as "{quantity}": it
    is then read as the object {quantity: value}, of which no field need be there. An object or a
    list stays as it is."""
    rest: Literal["drop", "store"] = "drop"
    """What `fields` does not name: store takes every other number and boolean too, as a rule
    without `fields` does."""
    text: Literal["drop", "enum", "reject"] = "drop"
    """Text in what `fields` does not name: leave it out, store a number for it, or report it. The
    number is 1 or 0 for words such as ON and OFF, else 2, 3, 4 as first seen, kept beside the
    data."""
    names: Literal["keep", "snake"] = "keep"
    """How values that `fields` does not name in full are called: as in the payload, or as
    dew_point instead of DewPoint."""
    exclude: Items[str] = NO_READINGS
    """Names (with * and ?) of values that are no readings, unless `fields` names them in full."""
    null_values: Items[str] = NULL_VALUES
    """Texts that mean "no value" (in any case): no field, and no trouble."""

    @field_validator("fields")
    @classmethod
    def _check_fields(cls, fields: dict[str, FieldRule] | None) -> object:
        order_of(fields or {})
        check_patterns(fields or {})
        return fields

    @property
    def is_thinned(self) -> bool:
        """Whether a point of this rule may be left out, or wait."""
        fields = (self.fields or {}).values()
        return self.leaves_out or any(field.deadband is not None for field in fields)


class SourceRule(ValueRules):
    """Messages of the topics that fit become points. First match wins unless `also`."""

    broker: str | None = None
    """Name of the broker; may be left out where there is only one."""
    topic: Annotated[str, parsed_by(parse_topic_filter)]
    """Topic filter with + (one level) and # (all that follows). Named wildcards such as +room and
    #rest become tags."""
    qos: Literal[0, 1, 2] = 1
    """Quality of service to subscribe with; 2 is taken as 1, see `notices`."""
    retained: Literal["once", "skip", "store"] = "once"
    """A message that the broker kept from earlier is no new reading: it is taken only if its
    payload is another than the last one that its topic had, before a restart too (once), never
    (skip), or each time the broker sends it (store)."""
    measurement: Annotated[Name, parsed_by(parse_template)]
    """Measurement of the points; may be a template such as "climate_{room}" or "{$.model}". With
    `payload: line_protocol` that of the line by default."""
    payload: Annotated[PayloadRule, BeforeValidator(as_payload)] = Field(
        default_factory=PayloadRule
    )
    """How to read the payload: auto (JSON where it is an object or a list, else a single value),
    scalar, json, csv, key_value, line_protocol, or bytes."""
    time: Annotated[TimeRule, BeforeValidator(as_time)] | None = None
    """When it was measured; default: when it arrived."""
    when: Conditions | None = None
    """What must stand in the payload, as {$.method: NotifyStatus}; a list means one of several,
    text may have * and ?, null means nothing. Else the rules further down are asked."""
    only: Literal["object", "value"] | None = None
    """Take only payloads that are an object or a list (object), or only single values (value); else
    the rules further down are asked."""
    repeats_within_s: Seconds | None = Field(
        default=None, validation_alias="repeats_within", gt=0, le=3600
    )
    """The same point again within so much time is the same transmission: sensors at 433 MHz send
    each reading three to six times. It counts as `duplicate`."""
    availability: AvailabilityRules = ()
    """The topic on which the device says that it is gone, as {topic: tele/+device/LWT, online:
    Online, offline: Offline}; or several. Its messages are no readings of this rule; other rules
    get them as any message."""
    also: bool = False
    """True: rules further down get the message too."""
    ignore: bool = False
    """True: messages of these topics are no readings; nothing is stored, and nothing said."""
    max_payload_bytes: SizeBytes = Field(
        default=256_000, validation_alias="max_payload", ge=1, le=268_435_455
    )
    """A longer payload is rejected unread."""

    @model_validator(mode="before")
    @classmethod
    def _take_measurement(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        if value.get("payload") == "line_protocol":
            return {"measurement": "$.measurement", **value}
        if value.get("ignore") is True:
            return {"measurement": "ignored", **value}
        return value

    @property
    def is_thinned(self) -> bool:
        """Whether a point of this rule may be left out, or wait."""
        return super().is_thinned or self.repeats_within_s is not None or bool(self.availability)

    @model_validator(mode="after")
    def _check_availability(self) -> SourceRule:
        # A preset brings names of its own, and a rule without names is for one device.
        known = parse_topic_filter(self.topic).wildcard_names
        for rule in self.availability:
            for name in parse_availability_topic(rule.topic).names:
                if known and name not in known:
                    meant = suggest(name, known)
                    hint = f"did you mean +{meant}? " if meant else ""
                    raise ValueError(
                        f"the topic of `availability` has the name {name!r}, which `topic` has "
                        f"not; {hint}names of `topic`: {', '.join(known)}"
                    )
        return self

    @model_validator(mode="after")
    def _check_ignored(self) -> SourceRule:
        idle = sorted(self.model_fields_set - {"ignore", "topic", "broker", "qos", "measurement"})
        if self.ignore and idle:
            key = type(self).model_fields[idle[0]].validation_alias or idle[0]
            raise ValueError(f"`ignore` stores nothing, so `{key}` means nothing beside it")
        return self
