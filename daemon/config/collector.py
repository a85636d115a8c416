"""Options of the collector itself: its name, its zone, the tags of all its points."""

from __future__ import annotations

import platform
from datetime import tzinfo
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from daemon.config.habits import suggest
from daemon.config.section import Name, Seconds, Section, SizeBytes, Tags, parsed_by
from daemon.logs import PARTS
from daemon.zones import find_zone, local_zone

Level = Literal["debug", "info", "warning", "error"]


def _check_part(name: str) -> str:
    if name not in PARTS:
        meant = suggest(name, PARTS)
        hint = f"did you mean `{meant}`? " if meant else ""
        raise ValueError(f"{hint}parts that log: {', '.join(sorted(PARTS))}")
    return name


class ClockConfig(Section):
    """What is done while the clock may be wrong, and with payload times that cannot be right."""

    wait_for_sync_s: Seconds | None = Field(
        default=None, validation_alias="wait_for_sync", ge=0, le=7 * 86400
    )
    """Points wait so long for the clock to be synchronised, then they are stored with the tag
    time_quality=unsynced. 0s believes the clock as it is. Default: 10m where a time service runs or
    a board has no clock chip, else 0s."""
    max_waiting: int = Field(default=100_000, ge=1, le=10_000_000)
    """At most so many messages and poll results wait; those beyond are stored with the tag."""
    max_waiting_bytes: SizeBytes = Field(
        default=64 * 2**20, validation_alias="max_waiting_size", ge=10_000
    )
    """At most so much of the disk is taken by what waits."""
    accept_past_s: Seconds = Field(default=7 * 86400.0, validation_alias="accept_past", gt=0)
    """How far a payload's time may lie before its arrival."""
    accept_future_s: Seconds = Field(default=300.0, validation_alias="accept_future", ge=0)
    """How far a payload's time may lie behind its arrival."""
    on_implausible: Literal["receive_time", "reject"] = "receive_time"
    """A payload time outside these: the time of arrival is taken, or the message is rejected."""


class CollectorConfig(Section):
    """The collector itself."""

    name: Name = Field(default_factory=lambda: platform.node() or "collector")
    """Tag `host` of every point, and part of the default client id. Default: the host name."""
    timezone: Annotated[str, parsed_by(find_zone)] | None = None
    """Zone of cron times and of payload times that name none. Default: the machine's."""
    tags: Tags = Field(default_factory=dict)
    """Added to every point."""
    clock: ClockConfig = Field(default_factory=ClockConfig)
    """The clock of this machine and those of the devices."""

    @cached_property
    def zone(self) -> tzinfo:
        """The zone to use."""
        return local_zone() if self.timezone is None else find_zone(self.timezone)


class LoggingConfig(Section):
    """What is logged, and how."""

    level: Level = "info"
    """Least level that is shown."""
    format: Literal["auto", "terminal", "journald", "plain", "json"] = "auto"
    """auto: by where the output goes; json: a line of JSON each."""
    levels: dict[Annotated[str, AfterValidator(_check_part)], Level] = Field(default_factory=dict)
    """Levels of single parts, such as {mqtt: warning}."""
