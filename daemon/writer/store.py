"""The data file as the writer uses it: append, make durable, say how far.

The only place of the collector that opens the engine for appending.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from daemon.errors import EX_CANTCREAT, EX_IOERR, EX_NOPERM, StartError
from tinyflux import CSVStorage, Point, TinyFlux, files


class Store:
    """One CSV file, open for appending. Writer thread only, once `open` has returned."""

    def __init__(self, path: Path, *, compact_keys: bool) -> None:
        self.path = path
        self._compact_keys = compact_keys
        self._db: TinyFlux | None = None

    def open(self) -> None:
        """Open the file, made with its folder if it is missing; StartError with the remedy."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Appending needs no index in memory, and the writer decides when to fsync.
            self._db = TinyFlux(str(self.path), auto_index=False, flush_on_insert=False)
        except (OSError, ValueError) as error:
            raise StartError(*_explain(self.path, error)) from error

    def append(self, points: Sequence[Point]) -> None:
        """The rows are in the file, visible to other processes, durable after `sync`.

        Raises OSError (nothing was appended) or ValueError (the engine refuses a point).
        """
        self._opened().insert_multiple(points, compact_key_prefixes=self._compact_keys)

    def sync(self) -> None:
        """Every row appended so far is on disk when this returns; OSError otherwise."""
        storage = self._opened().storage
        assert isinstance(storage, CSVStorage)
        storage.sync()

    def make_durable(self) -> None:
        """What earlier processes left in the page cache is on disk; StartError otherwise."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                files.sync(descriptor, self.path)
            finally:
                os.close(descriptor)
            files.sync_directory(self.path.parent)
        except OSError as error:
            raise StartError(*_explain(self.path, error)) from error

    def close(self) -> None:
        """Release the file; safe twice and before `open`."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _opened(self) -> TinyFlux:
        if self._db is None:
            raise RuntimeError("the store is used before open() or after close()")
        return self._db


def _explain(path: Path, error: OSError | ValueError) -> tuple[str, int]:
    """What stopped us from opening the data file, and the exit status for it."""
    what = f"cannot open the data file {path}: {error}"
    match error:
        case PermissionError():
            who = f"user id {os.geteuid()}"
            return f"{what}; give {who} the right to write {path} and its folder", EX_NOPERM
        case OSError(errno=errno.EROFS):
            return f"{what}; mount the file system writable, or set storage.path", EX_CANTCREAT
        case IsADirectoryError() | NotADirectoryError() | FileExistsError():
            return f"{what}; set storage.path to a file name in a folder", EX_CANTCREAT
        case ValueError():
            return what, EX_IOERR
        case _:
            return f"{what}; check the disk, then start again", EX_IOERR
