"""Time zones by their IANA name, and the machine's own."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


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
