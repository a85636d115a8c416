"""Options of the collector itself: its name, its zone, the tags of all its points."""

from __future__ import annotations

import os
import platform
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from daemon.config.section import Section
from daemon.config.sources import Tags

Level = Literal["debug", "info", "warning", "error"]


def find_zone(name: str) -> tzinfo:
    """The zone of an IANA name.

    Raises:
        ValueError: for a name that this system does not know.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"no time zone is called {name!r} here; zones are named as Europe/Oslo or UTC"
        ) from None


def local_zone() -> tzinfo:
    """The zone this machine is set to, UTC where none can be found."""
    named = os.environ.get("TZ", "").lstrip(":")
    linked = os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
    for name in (named, linked):
        try:
            if name and not Path(name).is_absolute():
                return find_zone(name)
        except ValueError:
            continue
    return UTC


class CollectorConfig(Section):
    """The collector itself."""

    name: str = Field(default_factory=lambda: platform.node() or "collector", min_length=1)
    """Tag `host` of every point, and part of the default client id. Default: the host name."""
    timezone: str | None = None
    """Zone of cron times and of payload times that name none. Default: the machine's."""
    tags: Tags = Field(default_factory=dict)
    """Added to every point."""

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str | None) -> str | None:
        if name is not None:
            find_zone(name)
        return name

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
    levels: dict[str, Level] = Field(default_factory=dict)
    """Levels of single areas, such as {mqtt: warning}."""
