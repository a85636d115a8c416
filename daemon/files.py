"""How the collector's own small files are replaced; the durable steps are the engine's."""

from __future__ import annotations

from pathlib import Path

from tinyflux import files


def replace_file(path: Path, content: bytes) -> None:
    """The file has this content, on disk, when this returns; at no moment has it half of it.

    Raises OSError; the old file is then untouched.
    """
    temporary = path.with_name(path.name + ".tmp")
    # Left by a process that was killed in here.
    temporary.unlink(missing_ok=True)
    try:
        files.write_file(temporary, content)
        files.rename(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    files.sync_directory(path.parent)
