"""What `doctor` says of the room on the data's disk."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.config import Config
from daemon.health import Finding, Level
from daemon.retention import days_left, growth_bytes, room_of

_SOON_DAYS = 60.0


def of_room(config: Config, now_us: int) -> Iterator[Finding]:
    """Whether the data file can still be rewritten, and until when."""
    data = config.storage.path
    place = f"disk of {data}"
    try:
        if not data.exists():
            return
        room = room_of(data)
        days = days_left(room, growth_bytes(data, now_us))
    except (OSError, ValueError) as error:
        yield Finding(Level.NOTE, place, f"how much room there is cannot be told: {error}")
        return
    if room.is_short:
        text, _, remedy = room.told().partition(". ")
        yield Finding(Level.WARNING, place, text, remedy)
    elif days is not None and days < _SOON_DAYS:
        yield Finding(
            Level.NOTE,
            place,
            f"at the pace of the last day a rewrite of the file fits for {days:.0f} days more, if "
            "no rule of retention removes anything",
            "rules of retention, or retention.max_size (docs/retention.md)",
        )
    else:
        yield Finding(Level.GOOD, place, "there is room to rewrite the file")
