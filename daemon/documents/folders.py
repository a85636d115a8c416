"""Where the relative paths of a configuration start."""

from __future__ import annotations

from pathlib import Path

SYSTEM_DATA_FOLDER = Path("/var/lib/tinyflux-collector")
"""Where a configuration under /etc keeps its data: the systemd unit's state directory."""


def data_folder(path: Path) -> Path:
    """Where relative paths to write start, for a configuration file's absolute path."""
    return SYSTEM_DATA_FOLDER if path.is_relative_to("/etc") else path.parent
