"""The reject file from the side of a replay: taken away, worked on, the rest put back.

The two files of rejects are renamed to working files under the file's lock, so that the running
collector goes on in a new one. What does not fit is put in front of what came meanwhile. At every
moment each line is in one of these files: after a crash the next replay begins with the working
files that it finds.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.errors import EX_UNAVAILABLE, StartError
from daemon.writer.rejects import locked, predecessor_of, working_paths
from tinyflux import files


class RejectTray:
    """The rejects of one collector while they are replayed. Methods may raise OSError."""

    def __init__(self, path: Path, max_size_bytes: int) -> None:
        self._path = path
        self._half_bytes = max_size_bytes // 2
        self._older, self._newer = working_paths(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within it no other replay runs. Raises StartError where one does."""
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise StartError(
                f"another replay of {self._path} is running: wait for its end", EX_UNAVAILABLE
            ) from error
        try:
            yield
        finally:
            os.close(descriptor)

    def peek(self) -> Iterator[bytes]:
        """Every line that a replay would try, oldest first; nothing is taken."""
        for path in (self._older, self._newer, predecessor_of(self._path), self._path):
            yield from _lines(path)

    def is_empty(self) -> bool:
        """Whether there is nothing to replay."""
        return next(self.peek(), None) is None

    def is_unfinished(self) -> bool:
        """Whether a replay was killed and has left its working files."""
        return bool(self._working())

    def take(self) -> Sequence[Path]:
        """The working files with every line so far, oldest first; those of a crash come alone."""
        if not self._working() and (like := self._rights()) is not None:
            with locked(self._path, like):
                _move(predecessor_of(self._path), self._older)
                _move(self._path, self._newer)
                files.sync_directory(self._path.parent)
        return self._working()

    def keep(self, path: Path, lines: Sequence[bytes]) -> None:
        """A working file holds only these lines any more."""
        _replace(path, b"".join(lines), path.stat())

    def put_back(self) -> int:
        """What is left is in the reject files again; how many of the oldest lines found no room."""
        like = self._rights()
        if like is None:
            return 0
        predecessor = predecessor_of(self._path)
        n_dropped = 0
        with locked(self._path, like):
            if predecessor.exists():
                # So much came meanwhile that the collector has begun another file.
                whole = _content(self._older) + _content(self._newer) + _content(predecessor)
                kept = _newest(whole, self._half_bytes)
                n_dropped = whole.count(b"\n") - kept.count(b"\n")
                _replace(predecessor, kept, like)
            else:
                _move(self._older, predecessor)
                came = _content(self._path)
                if came and self._newer.exists():
                    _replace(self._path, _content(self._newer) + came, like)
                else:
                    _move(self._newer, self._path)
            for path in self._working():
                files.unlink(path)
            for path in (predecessor, self._path):
                if path.exists() and not path.stat().st_size:
                    files.unlink(path)
            files.sync_directory(self._path.parent)
        return n_dropped

    def _rights(self) -> os.stat_result | None:
        """The owner and mode that all of these files have; None where there is none of them."""
        for path in (self._path, predecessor_of(self._path), self._newer, self._older):
            with suppress(FileNotFoundError):
                return path.stat()
        return None

    def _working(self) -> tuple[Path, ...]:
        return tuple(path for path in (self._older, self._newer) if path.exists())


def _lines(path: Path) -> Iterator[bytes]:
    with suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            yield line if line.endswith(b"\n") else line + b"\n"


def _content(path: Path) -> bytes:
    return b"".join(_lines(path))


def _newest(content: bytes, limit_bytes: int) -> bytes:
    """The last whole lines, together at most so long."""
    if len(content) <= limit_bytes:
        return content
    begin = content.find(b"\n", len(content) - limit_bytes - 1) + 1
    return content[begin:] if begin else b""


def _move(source: Path, target: Path) -> None:
    if source.exists():
        files.rename(source, target)


def _replace(path: Path, content: bytes, like: os.stat_result) -> None:
    """The file has this content, with the owner and the rights of `like`: root may replay."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    descriptor = files.create(temporary, 0o600)
    try:
        files.give_rights(descriptor, temporary, like)
        files.write_all(descriptor, content, temporary)
        files.sync(descriptor, temporary)
        files.rename(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    files.sync_directory(path.parent)


def working_lines(path: Path) -> Iterator[bytes]:
    """The lines of a working file, each with its end."""
    return _lines(path)
