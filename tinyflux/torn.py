"""Cuts off what no writer finished, and keeps it beside the file for a person to look at."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from tinyflux import files
from tinyflux.tails import Tail

logger = logging.getLogger(__name__)

_PIECE_BYTES = 1 << 20
_SHOWN_BYTES = 1000
_PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)


def torn_path(path: Path) -> Path:
    """Where torn rows of the data file `path` are kept."""
    return path.with_name(f"{path.name}.torn")


def cut_torn(fd: int, path: Path, tail: Tail, size_bytes: int) -> bool:
    """Make the open file of `size_bytes` end as `tail` says. Only under the append lock.

    What is cut off is on disk in the file beside it before; NUL bytes are left out. False, with
    nothing cut, if a program without locks has made the file longer meanwhile.
    """
    place = _set_aside(fd, path, tail.end, size_bytes)
    if os.fstat(fd).st_size != size_bytes:
        return False
    logger.warning(
        "%s: the %d bytes behind byte %d are no complete row (a power cut, or a writer that was "
        "killed?); they are cut off%s%s",
        path,
        size_bytes - tail.end,
        tail.end,
        place,
        f"; {len(tail.kept)} bytes of whole rows among them stay" if tail.kept else "",
    )
    files.truncate(fd, tail.end, path)
    if tail.kept:
        files.write_all(fd, tail.kept, path)
    files.sync(fd, path)
    return True


def _set_aside(fd: int, path: Path, start: int, stop: int) -> str:
    """Keep the bytes from `start` to before `stop`; where, as the end of a sentence."""
    if not any(_pieces(fd, start, stop)):
        return ""
    beside = torn_path(path)
    try:
        target = files.open_aside(beside, os.fstat(fd))
    except OSError as error:
        if error.errno in _PASSING:
            raise
        # The place is taken or closed for good: rows that follow must not wait for a person.
        torn = b"".join(_pieces(fd, start, min(stop, start + _SHOWN_BYTES)))
        return f" and not kept, since {beside} cannot be written ({error.strerror}): {torn!r}"
    try:
        for piece in _pieces(fd, start, stop):
            files.write_all(target, piece, beside)
        files.write_all(target, b"\n", beside)
        files.sync(target, beside)
    finally:
        os.close(target)
    return f" and kept in {beside}"


def _pieces(fd: int, start: int, stop: int) -> Iterator[bytes]:
    for offset in range(start, stop, _PIECE_BYTES):
        piece = files.read_at(fd, offset, min(_PIECE_BYTES, stop - offset))
        yield piece.replace(b"\0", b"")
