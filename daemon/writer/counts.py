"""What the ledger has counted at its last commit, for the case that the process is killed.

One small text file that is written over in place: the CRC-32 of what follows in eight hex digits, a
blank, a JSON object, blanks to a fixed length. A commit writes it without an fsync, so it costs the
card one page now and then; a kill leaves it as it is, and a power cut leaves an older one or
nothing that anybody believes.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyflux import files

_SIZE_BYTES = 1024


def counts_path(ledger: Path) -> Path:
    """Where the counts beside a ledger are."""
    return ledger.with_suffix(".counts")


class CountsFile:
    """Writer thread only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def write(self, content: Mapping[str, object]) -> None:
        """A killed process has counted this. May raise OSError."""
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        text = json.dumps(content, separators=(",", ":")).encode("ascii").ljust(_SIZE_BYTES - 10)
        files.write_at(self._fd, b"%08x %s\n" % (zlib.crc32(text), text), 0, self.path)

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_counts(path: Path) -> dict[str, Any] | None:
    """What was counted; None where there is nothing that can be believed."""
    try:
        checksum, _, text = path.read_bytes().partition(b" ")
        content = json.loads(text)
        is_whole = int(checksum, 16) == zlib.crc32(text.removesuffix(b"\n"))
    except (OSError, ValueError):
        return None
    return content if is_whole and isinstance(content, dict) else None


def bring_up_to_date(ledger: dict[str, Any], counts: Path) -> None:
    """A ledger as JSON has what its run has counted since it was saved or shown.

    Sums only: topics and rules stay as they were.
    """
    counted = read_counts(counts)
    if counted is None or counted.get("run") != ledger.get("run"):
        return
    try:
        outcomes, total = ledger["outcomes"], ledger["total"]
        more = {name: int(n) - int(outcomes[name]) for name, n in counted["outcomes"].items()}
        more["waiting"] = 0
        points = int(counted["points"]) - int(ledger["points"])
        if sum(more.values()) <= 0:
            return
        for name, number in more.items():
            outcomes[name] += number
            total["outcomes"][name] += number
        ledger["points"] += points
        total["points"] += points
        total["received"] += sum(more.values())
    except (KeyError, TypeError, ValueError, AttributeError):
        # Of another version: what it says of itself must do.
        return
