"""Rows that were written and are not yet known to be on disk, kept until they are.

After a failed fsync the kernel may call pages clean that never reached the disk, so that a second
fsync says nothing. Then the same bytes are written again in their old places, which makes the
pages dirty again, and synced: readers see no change, and a crash in between changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_BYTES = 8 << 20
"""So many bytes are kept at most; then it is time for a sync."""


@dataclass(slots=True)
class Unsynced:
    """What one handle wrote to one open file since its last successful sync."""

    file: tuple[int, int] = (0, 0)
    """Device and inode."""
    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    """Where each was written, and what."""
    size_bytes: int = 0
    is_doubtful: bool = False
    """Whether a sync of them has failed."""

    def add(self, file: tuple[int, int], offset: int, data: bytes) -> None:
        """Keep `data`, which stands at `offset`."""
        if file != self.file:
            # Whoever replaced the file has synced what it took over.
            self.clear()
            self.file = file
        self.pieces.append((offset, data))
        self.size_bytes += len(data)

    def clear(self) -> None:
        """All of it is on disk."""
        self.pieces, self.size_bytes, self.is_doubtful = [], 0, False


def is_same_but_lost(found: bytes, written: bytes) -> bool:
    """Whether `found` is what was written, apart from bytes that the disk lost: NULs."""
    if len(found) != len(written):
        return False
    return found == written or all(
        now in (0, then) for now, then in zip(found, written, strict=True)
    )
