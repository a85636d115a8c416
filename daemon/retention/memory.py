"""What was to be done once and has been, remembered in a small JSON file beside the data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from daemon.files import replace_file
from daemon.retention.errors import RetentionError

_VERSION = 1


def memory_path(data: Path) -> Path:
    """Where the memory of a data file is."""
    return data.with_suffix(".retention.json")


def load_done(path: Path) -> Mapping[str, str]:
    """Fingerprints of what is done, each with its rule's name; empty where there is no file.

    Raises RetentionError for a file that cannot be read or is of a newer version: to take that for
    empty would repeat what was asked for once.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RetentionError(_unreadable(path, str(error))) from error
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        raise RetentionError(_unreadable(path, f"it is not of version {_VERSION}"))
    done = content.get("done")
    if not isinstance(done, dict) or not all(isinstance(name, str) for name in done.values()):
        raise RetentionError(_unreadable(path, "`done` is not an object of texts"))
    return done


def save_done(path: Path, done: Mapping[str, str]) -> None:
    """On disk when this returns. Raises OSError; the file is then as it was."""
    content = json.dumps({"version": _VERSION, "done": dict(done)}, indent=1, sort_keys=True)
    replace_file(path, content.encode() + b"\n")


def _unreadable(path: Path, reason: str) -> str:
    return (
        f"cannot read {path}, where rules with `once: true` are remembered: {reason}; delete it to "
        "have these rules carried out once more"
    )
