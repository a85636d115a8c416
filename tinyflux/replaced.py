"""The old file of a rewrite, kept open: a program that knows no lock may go on writing into it."""

from __future__ import annotations

import os

from tinyflux import files


class ReplacedFile:
    """A file that has lost its name to a new one. Owns its descriptor."""

    def __init__(self, fd: int, taken_to: int) -> None:
        self._fd = fd
        self._end = taken_to

    @property
    def end(self) -> int:
        """How far its rows were taken over."""
        return self._end

    def has_grown(self) -> bool:
        """Whether something was written into it since."""
        return os.fstat(self._fd).st_size > self._end

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` to before `stop`, fewer where the file ends."""
        return files.read_at(self._fd, start, stop - start)

    def size_bytes(self) -> int:
        """Its size now."""
        return os.fstat(self._fd).st_size

    def took_over(self, end: int) -> None:
        """The rows before `end` stand in the new file."""
        self._end = end

    def close(self) -> None:
        """Give its room on the disk back."""
        os.close(self._fd)
