"""Options of the collector itself: its name, its zone, the tags of all its points."""

from __future__ import annotations

import platform
from datetime import tzinfo
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from daemon.config.habits import suggest
from daemon.config.section import Name, Section, Tags
from daemon.config.zones import find_zone, local_zone
from daemon.logs import PARTS

Level = Literal["debug", "info", "warning", "error"]


def _check_zone(name: str) -> str:
    find_zone(name)
    return name


def _check_part(name: str) -> str:
    if name not in PARTS:
        meant = suggest(name, PARTS)
        hint = f"did you mean `{meant}`? " if meant else ""
        raise ValueError(f"{hint}parts that log: {', '.join(sorted(PARTS))}")
    return name


class CollectorConfig(Section):
    """The collector itself."""

    name: Name = Field(default_factory=lambda: platform.node() or "collector")
    """Tag `host` of every point, and part of the default client id. Default: the host name."""
    timezone: Annotated[str, AfterValidator(_check_zone)] | None = None
    """Zone of cron times and of payload times that name none. Default: the machine's."""
    tags: Tags = Field(default_factory=dict)
    """Added to every point."""

    @cached_property
    def zone(self) -> tzinfo:
        """The zone to use."""
        return local_zone() if self.timezone is None else find_zone(self.timezone)


class LoggingConfig(Section):
    """What is logged, and how."""

    level: Level = "info"
    """Least level that is shown."""
    format: Literal["auto", "terminal", "journald", "plain"] = "auto"
    """auto: by where the output goes."""
    levels: dict[Annotated[str, AfterValidator(_check_part)], Level] = Field(default_factory=dict)
    """Levels of single parts, such as {mqtt: warning}."""
