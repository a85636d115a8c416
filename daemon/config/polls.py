"""Options of the polls: what every poll has; what a kind adds stands beside its sensor.

A kind may come from another package, see `sensor_kinds`.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from daemon.config.cron import CronText
from daemon.config.payloads import PayloadRule, as_payload
from daemon.config.schema import OpenSections
from daemon.config.section import Items, Seconds, parsed_by
from daemon.config.sensor_kinds import KindError, UnknownKindError, find_kind
from daemon.config.sources import TimeRule, ValueRules, as_time
from daemon.config.templates import parse_template

_EXAMPLE = "as `- system: {every: 1m}`"


class PollOptions(ValueRules):
    """What every poll has: a name, a schedule, and the rules its value goes through.

    A kind of sensor derives its own options from this.
    """

    name: str = Field(default="", max_length=100)
    """Unique; default: the kind. Two polls of one kind need names."""
    every_s: Seconds | None = Field(default=None, validation_alias="every", ge=0.1)
    """Interval; default 1m where there is no `cron`."""
    cron: CronText | None = None
    """Five fields as in crontab, in collector.timezone; instead of `every`."""
    jitter_s: Seconds = Field(default=0.0, validation_alias="jitter", ge=0)
    """Each run starts up to this much later, at random."""
    timeout_s: Seconds = Field(default=10.0, validation_alias="timeout", gt=0)
    """A run that takes longer is given up and counted as failed."""
    measurement: Annotated[str, parsed_by(parse_template)] = Field(default="", max_length=1000)
    """Measurement of the points; may be a template such as "{$.model}". Default: the poll's name,
    with `parse: line_protocol` that of the line."""

    _kind: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _check_schedule(self) -> PollOptions:
        if self.every_s is not None and self.cron is not None:
            raise ValueError("`every` and `cron` exclude each other: give one of them")
        return self

    @property
    def interval_s(self) -> float | None:
        """The interval, or None for a poll that runs by `cron`."""
        return self.every_s or (60.0 if self.cron is None else None)

    @property
    def kind(self) -> str:
        """The kind's name, as in the configuration."""
        return self._kind

    def be_kind(self, kind: str) -> None:
        """Belong to the kind of this name; called once, by whoever reads the configuration."""
        self._kind = kind


class TextOptions(PollOptions):
    """Options of a sensor whose reading is a text, which is then read as a payload is."""

    parse: Annotated[PayloadRule, BeforeValidator(as_payload)] = Field(default_factory=PayloadRule)
    """How to read the text, as `payload` of a source: auto (JSON where it is an object or a list,
    else a single value), scalar, json, csv, key_value, line_protocol, or {regex: ...}."""
    time: Annotated[TimeRule, BeforeValidator(as_time)] | None = None
    """When it was measured, where the text says so; default: when it was read."""

    @model_validator(mode="after")
    def _check_parse(self) -> TextOptions:
        if self.parse.bytes is not None and self.parse.bytes.encoding == "raw":
            raise ValueError("`parse: {bytes: ...}` of a text needs `encoding: hex` or base64")
        return self


def as_poll(value: object, info: ValidationInfo) -> object:
    """`- system: {every: 1m}` as the options of the kind `system`.

    Raises:
        ValueError: for anything but a mapping with one key, and options that are wrong.
    """
    if isinstance(value, PollOptions):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"a poll is one kind with its options, {_EXAMPLE}")
    [(kind, options)] = value.items()
    if not isinstance(kind, str):
        raise ValueError(f"a poll is one kind with its options, {_EXAMPLE}")
    model = _model_of(kind)
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise ValueError(f"the options of a poll are a mapping, {_EXAMPLE}")
    named = {"name": kind, **options}
    is_lines = named.get("parse") == "line_protocol"
    measurement = "$.measurement" if is_lines else named["name"]
    given = {"measurement": measurement, **named}
    poll = _adapter(model).validate_python({kind: given}, context=info.context)[kind]
    poll.be_kind(kind)
    return poll


@cache
def _adapter(model: type[PollOptions]) -> TypeAdapter[dict[str, PollOptions]]:
    """For a mapping of one key, so that what is wrong is said with the kind in its path."""
    return TypeAdapter(dict[str, model])  # type: ignore[valid-type]  # a type known at run time


def _model_of(kind: str) -> type[PollOptions]:
    try:
        options = find_kind(kind, PollOptions).options
    except UnknownKindError as error:
        context = {"kind": kind, "known": list(error.known)}
        raise PydanticCustomError("unknown_poll_kind", "unknown kind of poll", context) from None
    except KindError as error:
        raise PydanticCustomError("bad_poll_kind", "{reason}", {"reason": str(error)}) from None
    assert issubclass(options, PollOptions)
    return options


def _options_of(kind: str) -> type[BaseModel] | None:
    try:
        return find_kind(kind, PollOptions).options
    except (UnknownKindError, KindError):
        return None


def default_each(kind: object) -> str | None:
    """What a poll of this kind has as `each` by itself."""
    model = _options_of(kind) if isinstance(kind, str) else None
    return None if model is None else model.model_fields["each"].default


AnyPoll = Annotated[PollOptions, BeforeValidator(as_poll), OpenSections(_options_of)]
Polls = Items[AnyPoll]
