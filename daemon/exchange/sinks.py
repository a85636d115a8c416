"""Where an export goes until it is whole: files with names of their own beside the target.

A sink is made durable at a mark, and can go on from the last mark after a kill. Only `finish` gives
the file its name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from daemon.exchange.form import Losses
from daemon.exchange.parquet import ParquetPart, join_parts
from daemon.exchange.source import Survey
from tinyflux import Point, files

Encode = Callable[[Sequence[Point], Losses], bytes]


class Sink(Protocol):
    """Takes points in order."""

    def write(self, points: Sequence[Point]) -> None:
        """Add points."""

    def mark(self) -> int:
        """Make everything durable; where `resume` goes on from."""

    def resume(self, mark: int) -> None:
        """Go on from a mark: forget what was written behind it. FileNotFoundError if it is gone."""

    def finish(self) -> None:
        """Give the whole file its name."""

    def discard(self) -> None:
        """Remove what was written."""

    def close(self) -> None:
        """Leave what was written as it is."""


class TextSink:
    """Lines in a file; a mark is the number of bytes."""

    def __init__(self, target: Path, encode: Encode, header: bytes, losses: Losses) -> None:
        self._target = target
        self._part = target.with_name(f".{target.name}.part")
        self._encode = encode
        self._header = header
        self._losses = losses
        self._file: IO[bytes] | None = None

    def write(self, points: Sequence[Point]) -> None:
        """Add points."""
        self._open().write(self._encode(points, self._losses))

    def mark(self) -> int:
        """Make everything durable; the number of bytes."""
        file = self._open()
        file.flush()
        os.fsync(file.fileno())
        return file.tell()

    def resume(self, mark: int) -> None:
        """Cut the file back."""
        self._file = self._part.open("r+b")
        self._file.seek(0, os.SEEK_END)
        if self._file.tell() < mark:
            raise FileNotFoundError(f"{self._part} is shorter than it was")
        self._file.seek(mark)
        self._file.truncate()

    def finish(self) -> None:
        """Give the file its name, on disk."""
        self.mark()
        self.close()
        files.rename(self._part, self._target)
        files.sync_directory(self._target.absolute().parent)

    def discard(self) -> None:
        """Remove what was written."""
        self.close()
        self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave what was written as it is."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._file = self._part.open("wb")
            self._file.write(self._header)
        return self._file


class ParquetSink:
    """Complete files of some row groups each, joined at the end; a mark is their number."""

    def __init__(self, target: Path, survey: Survey) -> None:
        self._target = target
        self._folder = target.with_name(f".{target.name}.parts")
        self._survey = survey
        self._parts: list[Path] = []
        self._writing: ParquetPart | None = None

    def write(self, points: Sequence[Point]) -> None:
        """Add points."""
        if self._writing is None:
            self._folder.mkdir(exist_ok=True)
            self._parts.append(self._folder / f"{len(self._parts):06}.parquet")
            self._writing = ParquetPart(self._parts[-1], self._survey)
        if points:
            self._writing.write(points)

    def mark(self) -> int:
        """Complete the file that is written to; the number of files."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None
            with self._parts[-1].open("rb") as file:
                os.fsync(file.fileno())
        return len(self._parts)

    def resume(self, mark: int) -> None:
        """Forget the files behind the mark."""
        self._parts = [self._folder / f"{number:06}.parquet" for number in range(mark)]
        for part in self._parts:
            part.stat()

    def finish(self) -> None:
        """Join the files, and give the one its name."""
        self.write([])  # a file without a point has its columns too
        self.mark()
        whole = self._folder / "whole"
        join_parts(self._parts, whole)
        with whole.open("rb") as file:
            os.fsync(file.fileno())
        files.rename(whole, self._target)
        files.sync_directory(self._target.absolute().parent)
        self.discard()

    def discard(self) -> None:
        """Remove what was written."""
        self.close()
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    def close(self) -> None:
        """Leave what was written as it is; what was not complete is of no use."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None
