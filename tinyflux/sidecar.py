"""The directory beside a data file: where it is, who may read it, and whether it can be trusted.

It holds what only saves time. It is as private as the data, and belongs to the data's owner also
if root makes it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from tinyflux import files


def sidecar(path: Path) -> Path:
    """The directory of the mark and the index cache of a data file."""
    return path.with_name(f".{path.name}.index")


def make_sidecar(path: Path) -> Path:
    """The directory, made if there is none. OSError where that cannot be, or it is another's."""
    directory = sidecar(path)
    owner = os.stat(path)
    try:
        files.make_directory(directory, 0o700)
    except FileExistsError:
        if not is_trusted(path):
            raise PermissionError(
                errno.EPERM, f"{directory} is no directory of the data's owner"
            ) from None
        return directory
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        files.make_as_private(fd, directory, owner)
    except OSError:
        with suppress(OSError):
            directory.rmdir()
        raise
    finally:
        os.close(fd)
    return directory


def is_trusted(path: Path) -> bool:
    """Whether what stands in the directory can only be from somebody who may write the data.

    A symbolic link, or the directory of somebody else, could bring forged answers or lead a write
    of root elsewhere.
    """
    try:
        state = os.stat(sidecar(path), follow_symlinks=False)
        owner = os.stat(path)
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and state.st_uid in (owner.st_uid, 0, os.geteuid())
