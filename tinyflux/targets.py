"""Where a copy goes: links followed, nothing but files replaced, its name given at the end.

Knows paths and descriptors, never what is copied.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyflux import files
from tinyflux.errors import StorageError, TinyFluxError


def place_of(target: Path, source: Path, *, is_replacing: bool) -> Path:
    """Where a copy of `source` to `target` goes: a symbolic link is followed, so that it stays.

    OSError for what is there and may not be replaced, ValueError for `source` itself.
    """
    place = Path(os.path.realpath(target))
    if target.exists():
        if target.samefile(source):
            raise ValueError(f"{target} is the data file itself; choose another name")
        if not stat.S_ISREG(target.stat().st_mode) or not place.is_file():
            raise StorageError(
                errno.EEXIST,
                f"{target} is no regular file and is not replaced; choose the name of a new file",
            )
        if not is_replacing:
            raise FileExistsError(
                errno.EEXIST, f"{target} exists; choose another name, or pass --force"
            )
    if place.is_symlink():
        raise StorageError(errno.ELOOP, f"{target} is a symbolic link that leads to itself")
    if not place.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, f"{target}: there is no directory {place.parent}; make it first"
        )
    return place


def require_room(target: Path, place: Path, needed_bytes: int) -> None:
    """Raise StorageError with the figures where the disk has no room for the copy."""
    free_bytes = shutil.disk_usage(place.parent).free
    if free_bytes < needed_bytes:
        raise StorageError(
            errno.ENOSPC,
            f"{target}: the copy needs {needed_bytes:,} bytes, and {free_bytes:,} are free; "
            f"nothing was written: free some room, or choose another disk",
        )


@contextmanager
def new_file(place: Path, doing: str, *, like: int) -> Iterator[tuple[int, Path]]:
    """The descriptor and path of a new file; it has the name `place`, on disk, at the end.

    No more users may read it than may read the open file `like`. StorageError says what was being
    done, `doing`; what had the name before stays then.
    """
    try:
        with _written_beside(place, os.fstat(like).st_mode & 0o666) as (fd, temporary):
            yield fd, temporary
    except TinyFluxError:
        raise
    except OSError as error:
        state = "nothing is there that was not before"
        raise files.storage_error(error, f"{doing} failed", state) from error
    try:
        files.sync_directory(place.parent)
    except OSError as error:
        done = f"{doing} is done, but the disk did not confirm it"
        raise files.storage_error(error, done, "a power cut may undo it") from error


@contextmanager
def _written_beside(place: Path, mode: int) -> Iterator[tuple[int, Path]]:
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}.new")
    fd = files.create(temporary, mode)
    try:
        yield fd, temporary
        files.sync(fd, temporary)
        files.rename(temporary, place)
    except BaseException:
        with suppress(OSError):
            files.unlink(temporary)
        raise
    finally:
        os.close(fd)
