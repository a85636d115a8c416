"""Warns of file systems on which locks and renames do not hold between machines."""

from __future__ import annotations

import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

REMOTE_TYPES = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.rclone")
)
_warned: set[int] = set()


def warn_if_remote(path: Path, state: os.stat_result, table: str | None = None) -> None:
    """Log one warning for each remote file system that a data file is opened on.

    `table` is the text of /proc/self/mountinfo, read if it is not given.
    """
    if state.st_dev in _warned:
        return
    _warned.add(state.st_dev)
    if table is None:
        try:
            table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    kind = file_system_type(table, state.st_dev)
    if kind in REMOTE_TYPES:
        logger.warning(
            "%s is on a file system of type %s: locks there do not hold between machines, and a "
            "rename may be seen late; keep the file on a local disk and copy it with: python -m "
            "tinyflux backup",
            path,
            kind,
        )


def file_system_type(table: str, device: int) -> str | None:
    """The type of the file system of `device`, by the text of /proc/self/mountinfo (proc(5))."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in table.splitlines():
        words = line.split()
        if len(words) > 2 and words[2] == number and "-" in words:
            return words[words.index("-") + 1]
    return None
