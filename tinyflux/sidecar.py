"""The directory beside a data file: where it is, who may read it, and whether it can be trusted.

It holds what only saves time. It is as private as the data, and belongs to the data's owner also
if root makes it.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from tinyflux import files

logger = logging.getLogger(__name__)

ASIDE = (".torn", ".bad")
"""What the names of the files end with in which bytes are kept that are no row."""
_told: set[Path] = set()


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
        keep_private(path)
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


def keep_private(path: Path) -> None:
    """Take the rights from what stands beside a data file that the data gives nobody any more.

    A person may have made the data private since. Where that cannot be, it is in the log, once.
    """
    try:
        like = os.stat(path)
    except OSError:
        return  # whoever uses the data next says so
    directory = sidecar(path)
    if is_trusted(path) and _take_rights(directory, like):
        for entry in directory.iterdir():
            _take_rights(entry, like)
    for end in ASIDE:
        _take_rights(path.with_name(path.name + end), like)


def _take_rights(place: Path, like: os.stat_result) -> bool:
    """Whether there were any to take."""
    try:
        fd = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False  # there is none, or a file that is none of ours
    try:
        return files.take_rights(fd, place, like)
    except OSError as error:
        if place not in _told:
            _told.add(place)
            logger.warning(
                "%s: more users may read it than may read the data, and user %d cannot change "
                "that (%s): let its owner do it",
                place,
                os.geteuid(),
                error.strerror,
            )
        return False
    finally:
        os.close(fd)


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
