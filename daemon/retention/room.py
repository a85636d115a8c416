"""Whether the next rewrite of the data file fits on the disk, and what can make room."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.config import Config
from daemon.retention.keeping import records
from daemon.retention.queries import between
from tinyflux import TinyFlux

_SLACK_BYTES = 16_000_000
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes on the disk of a data file."""

    data: Path
    size_bytes: int
    free_bytes: int

    @property
    def wanted_bytes(self) -> int:
        """What a rewrite needs at most, with a quarter more to grow by until it comes: the new
        file is written beside the old one."""
        return self.size_bytes + self.size_bytes // 4 + _SLACK_BYTES

    @property
    def missing_bytes(self) -> int:
        """How much more would have to be free."""
        return max(0, self.wanted_bytes - self.free_bytes)

    @property
    def is_short(self) -> bool:
        """Whether a rewrite would soon fit no more; never for a file that is small."""
        return self.size_bytes > _SLACK_BYTES and self.missing_bytes > 0

    def told(self) -> str:
        """How short it is, and what to do."""
        size, wanted, free = (
            f"{size / 1e6:.0f} MB" for size in (self.size_bytes, self.wanted_bytes, self.free_bytes)
        )
        return (
            f"room is short: {self.data} has {size}, and to rewrite it as it grows takes {wanted} "
            f"beside it; {free} are free. A file that cannot be rewritten cannot shrink: free room "
            "on the disk, set retention.max_size, or let retention.on_low_disk say drop_archives "
            "or drop_oldest"
        )


def room_of(data: Path) -> Room:
    """The room of a data file as it is now. Raises OSError."""
    state = os.statvfs(data.parent)
    size = data.stat().st_size if data.exists() else 0
    return Room(data, size, state.f_bavail * state.f_frsize)


def room_notice(config: Config) -> str | None:
    """What `check` says of the room, if there is something to say."""
    try:
        room = room_of(config.storage.path)
    except OSError:
        return None
    return room.told() if room.is_short else None


def drop_kept(config: Config) -> list[str]:
    """Delete what is kept for undo, then the oldest archives, until a rewrite fits; what was
    deleted. Raises OSError."""
    data = config.storage.path
    dropped: list[str] = []
    for record in reversed(records(data)):
        if not room_of(data).is_short:
            return dropped
        record.delete()
        dropped.append(f"what was kept to undo a run ({record.removed.name})")
    for path in _archives(config):
        if not room_of(data).is_short:
            break
        path.unlink()
        dropped.append(f"the archive {path}")
    return dropped


def _archives(config: Config) -> Sequence[Path]:
    folders = {rule.archive for rule in config.retention.rules if rule.archive is not None}
    found = [path for folder in folders for path in folder.glob("*.csv.gz")]
    return sorted(found, key=lambda path: path.stat().st_mtime)


def growth_bytes(data: Path, now_us: int) -> int:
    """How many bytes of rows came in the last day. Raises OSError and ValueError."""
    with TinyFlux(str(data), access_mode="r") as db:
        view = db.view()
        return view.size_bytes(view.rows(between(now_us - _DAY_US, now_us)))


def days_left(room: Room, growth: int) -> float | None:
    """Days until a rewrite fits no more, at so many bytes a day and if nothing is removed; None
    where it does not grow. What comes takes room twice: in the file, and in its rewrite."""
    if growth <= 0:
        return None
    return max(0.0, (room.free_bytes - room.wanted_bytes) / (2.25 * growth))
