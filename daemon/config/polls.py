"""Options of the polls: what this machine measures itself, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from daemon.config.cron import CronText
from daemon.config.section import Items, Seconds
from daemon.config.sources import ValueRules

KINDS = ("system", "command")


class PollBase(ValueRules):
    """What every poll has: a name, a schedule, and the rules its value goes through."""

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
    measurement: str = Field(default="", max_length=1000)
    """Measurement of the points; default: the poll's name."""

    @model_validator(mode="after")
    def _check_schedule(self) -> PollBase:
        if self.every_s is not None and self.cron is not None:
            raise ValueError("`every` and `cron` exclude each other: give one of them")
        return self

    @property
    def interval_s(self) -> float | None:
        """The interval, or None for a poll that runs by `cron`."""
        return self.every_s or (60.0 if self.cron is None else None)


class SystemPoll(PollBase):
    """Load, memory, disk and temperature of this machine."""

    kind: Literal["system"] = "system"
    collect: Items[
        Literal["cpu", "memory", "disk", "load", "temperature", "network", "throttled"]
    ] = Field(default=("cpu", "memory", "disk", "load", "temperature"), min_length=1)
    """What to read; what this machine does not have is left out. throttled: a Raspberry Pi's flags
    for too little voltage and too much heat."""


class CommandPoll(PollBase):
    """The output of a program."""

    kind: Literal["command"] = "command"
    run: Items[str] = Field(min_length=1)
    """Program and arguments, each an item of its own; no shell."""
    parse: Literal["auto", "scalar", "json", "key_value"] = "auto"
    """How to read what it prints: one value (scalar), JSON, or lines such as t=21.5 (key_value);
    auto: JSON where it is an object or a list, else one value."""


def as_poll(value: object) -> object:
    """`- system: {every: 1m}` as {kind: system, every: 1m}.

    Raises:
        ValueError: for anything but a mapping with one key.
    """
    if isinstance(value, PollBase):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"a poll is one kind with its options, as `- {KINDS[0]}: {{every: 1m}}`")
    [(kind, options)] = value.items()
    if options is None:
        options = {}
    if not isinstance(options, dict):
        raise ValueError(f"the options of a poll are a mapping, as `- {KINDS[0]}: {{every: 1m}}`")
    named = {"name": kind, **options}
    return {"measurement": named["name"], **named, "kind": kind}


PollConfig = SystemPoll | CommandPoll
AnyPoll = Annotated[
    Annotated[PollConfig, Field(discriminator="kind")],
    BeforeValidator(as_poll),
]
