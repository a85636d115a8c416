"""Where the running collector says how it is, for `status` and for whoever watches it.

A file beside the data that always has the same name, `data.status.json`. Where there is a file
system in memory (the service's own folder below /run, or the user's), it is a link to a file there:
the status is written every few seconds, and that must not wear a card. Elsewhere it is written into
the data folder once a minute. It is replaced, never changed, so a reader sees a whole one. Knows
nothing of what is in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from daemon.files import replace_file

_IN_MEMORY_S = 5.0
_ON_DISK_S = 60.0
_FOLDER = "tinyflux-collector"


def status_path(data: Path) -> Path:
    """Where the status of the collector of a data file is read."""
    return data.with_suffix(".status.json")


class StatusFile:
    """Written by one collector. May raise OSError where it says so."""

    def __init__(self, data: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._link = status_path(data)
        folder = _memory_folder(environment)
        self._target = None if folder is None else folder / _unique_name(data)
        self._is_linked = False

    @property
    def is_in_memory(self) -> bool:
        """Whether writing it costs nothing."""
        return self._target is not None

    @property
    def every_s(self) -> float:
        """How often it may be written."""
        return _IN_MEMORY_S if self.is_in_memory else _ON_DISK_S

    def write(self, status: Mapping[str, object]) -> None:
        """Readers see this status from now on. May raise OSError."""
        content = json.dumps(status, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        if self._target is not None:
            try:
                self._prepare(self._target)
                replace_file(self._target, content)
                return
            except OSError:
                # Not given after all, or taken away: a user's folder goes when the user logs out.
                self._target = None
        replace_file(self._link, content)

    def _prepare(self, target: Path) -> None:
        """The link leads to the file in memory. May raise OSError."""
        if self._is_linked:
            return
        target.parent.mkdir(mode=0o755, exist_ok=True)
        if not self._link.is_symlink() or self._link.readlink() != target:
            temporary = self._link.with_name(self._link.name + ".link")
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target)
            temporary.replace(self._link)
        self._is_linked = True


def read_status(data: Path) -> dict[str, object] | None:
    """What the collector of a data file said last; None where it has said nothing.

    Raises OSError for a file that is there and cannot be read.
    """
    try:
        text = status_path(data).read_bytes()
    except FileNotFoundError:
        return None
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return None


def _memory_folder(environment: Mapping[str, str]) -> Path | None:
    """A folder in memory that is ours alone; None where nobody has given one."""
    given = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    user = environment.get("XDG_RUNTIME_DIR", "")
    return Path(user) / _FOLDER if user and Path(user).is_dir() else None


def _unique_name(data: Path) -> str:
    """Several collectors of one user have a file each."""
    digest = hashlib.sha256(os.fsencode(data.absolute())).hexdigest()[:12]
    return f"{data.stem}-{digest}.status.json"
