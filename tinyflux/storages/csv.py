"""Points in one plain CSV file. The bytes are described in FORMAT.md."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tinyflux import files
from tinyflux.arguments import require_dialect, require_encoding
from tinyflux.codec import RowCodec
from tinyflux.csvfile import CsvFile
from tinyflux.errors import AccessError, MissingError
from tinyflux.file_columns import scan
from tinyflux.point import Point
from tinyflux.replacement import remove_left_over
from tinyflux.rewrite import empty
from tinyflux.row_texts import RowTexts
from tinyflux.sidecar import keep_private
from tinyflux.storable import Ready
from tinyflux.storages.base import Storage
from tinyflux.table import Table
from tinyflux.text_encoding import first_bytes

_MODES = {
    "r+": {"read", "append", "write", "reset"},
    "r": {"read"},
    "a": {"append"},
    "a+": {"read", "append"},
    "w": {"append", "reset"},
    "w+": {"read", "append", "write", "reset"},
}


class CSVStorage(Storage):
    """The default storage: one CSV file, appended to row by row.

    Args:
        path: The file; a symbolic link is followed. It is created where the mode allows it.
        create_dirs: Whether to create missing parent directories.
        encoding: Of the file; None is UTF-8. The mark at the file's start decides the byte order
            of `utf-16` and `utf-32`.
        access_mode: `r+` everything; `r` reads; `a` inserts; `a+` reads and inserts; `w` empties
            the file, then inserts and `remove_all`; `w+` empties the file, then everything.
        flush_on_insert: Whether a point is on disk when an insert returns. Otherwise it is visible
            to other processes at once, and on disk after `sync` or `close`.
        newline: Accepted as `open` takes it; rows end as the csv dialect's `lineterminator` says.
        kwargs: Of the csv dialect: `delimiter`, `quotechar`, `lineterminator`, `quoting`…

    Raises ValueError for an unknown mode, OSError where the file cannot be opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        create_dirs: bool = False,
        encoding: str | None = None,
        access_mode: str = "r+",
        flush_on_insert: bool = True,
        newline: str | None = "",
        **kwargs: Any,
    ) -> None:
        if access_mode not in tuple(_MODES):  # what does not hash is no mode either
            raise ValueError(
                f"access_mode {access_mode!r} is not known; it is one of {', '.join(_MODES)}"
            )
        if newline not in (None, "", "\n", "\r", "\r\n"):
            raise ValueError(f"newline {newline!r} is not one of None, '', '\\n', '\\r', '\\r\\n'")
        require_encoding(encoding)
        require_dialect(kwargs)
        self._mode = access_mode
        asked = Path(path).absolute()
        self._path = Path(os.path.realpath(path))
        head = b"" if access_mode.startswith("w") else first_bytes(self._path)
        self._codec = RowCodec(encoding, kwargs, head)
        self._texts = RowTexts(self._codec)
        self._flush_on_insert = flush_on_insert
        self._aside: list[Point] = []
        if access_mode != "r":
            create_file(self._path, create_dirs)
        self._file, self._denial = _opened(self._path, self._codec, access_mode)
        self._file.asked_path = asked
        if self.can_append:
            remove_left_over(self._file)
            keep_private(self._path)
        if access_mode.startswith("w"):
            empty(self._file)
        self._file.header_size()  # a file in another encoding is refused before anything is done

    @property
    def lock_timeout_s(self) -> float:
        """How long an operation waits for other processes before LockTimeoutError; 60 at first."""
        return self._file.lock_timeout_s

    @lock_timeout_s.setter
    def lock_timeout_s(self, timeout_s: float) -> None:
        self._file.lock_timeout_s = timeout_s

    @property
    def path(self) -> Path:
        """The data file, symbolic links resolved."""
        return self._path

    @property
    def file(self) -> CsvFile:
        """The open file."""
        return self._file

    @property
    def can_append(self) -> bool:
        """Whether points can be appended."""
        return "append" in _MODES[self._mode] and not self._denial

    @property
    def can_read(self) -> bool:
        """Whether points can be read."""
        return "read" in _MODES[self._mode]

    @property
    def can_write(self) -> bool:
        """Whether stored points can be changed or removed."""
        return "write" in _MODES[self._mode] and not self._denial

    @property
    def can_reset(self) -> bool:
        """Whether everything can be removed."""
        return "reset" in _MODES[self._mode] and not self._denial

    def refusal(self, what: str) -> str:
        """Why the file may not be used to `what`, and what would allow it."""
        if self._denial and what != "read":
            return f"{self._path} was opened for reading only: {self._denial}"
        allowing = ", ".join(repr(mode) for mode, allowed in _MODES.items() if what in allowed)
        return (
            f"{self._path} is open with access_mode {self._mode!r}, which does not allow to "
            f"{what}; {allowing} would"
        )

    def append(self, items: Sequence[Point], temporary: bool = False) -> None:
        """Append points; on disk when this returns if `flush_on_insert`.

        With `temporary` they are kept aside, no part of the database.
        """
        if temporary:
            self._aside.extend(items)
        elif items:
            self._append(b"".join([self._codec.encode(item, False) for item in items]), len(items))

    def rows_of(
        self, points: Iterable[object], measurement: str | None, *, is_compact: bool
    ) -> Ready:
        """Points as rows in the given key style; checks as `storable`.

        Raises ValueError also for what the file cannot hold.
        """
        return self._texts.rows(points, measurement, is_compact=is_compact)

    def append_rows(self, rows: Sequence[str]) -> None:
        """Append rows, with one write.

        Raises OSError with the file as before.
        """
        if rows:
            self._append("".join(rows).encode(self._codec.encoding), len(rows))

    def _append(self, data: bytes, n_rows: int) -> None:
        if not self.can_append:
            raise AccessError(self.refusal("append"))
        self._file.append(data, n_rows=n_rows, is_durable=self._flush_on_insert)

    def sync(self) -> None:
        """Every row this storage has written is on disk when this returns; OSError otherwise.

        After an error the rows stay in the file; the next call writes them to the disk anew.
        """
        self._file.sync()

    def read(self) -> list[Point]:
        """Every point of the file, in insertion order."""
        return list(self.points())

    def points(self) -> Iterator[Point]:
        """Every point of the file, read in pieces; ValueError once it is closed."""
        if not self.can_read:
            raise AccessError(self.refusal("read"))
        self._file.current()
        return self._scanned()

    def _scanned(self) -> Iterator[Point]:
        for segment in scan(self._file):
            yield from Table([segment]).points(np.arange(segment.n_rows))

    def reset(self) -> None:
        """Remove every point: an empty file takes the place of this one."""
        if not self.can_reset:
            raise AccessError(self.refusal("reset"))
        empty(self._file)
        self._aside.clear()

    def close(self) -> None:
        """Sync what is waiting and close the file; twice is fine.

        Raises OSError if that could not be synced, or if what a program without locks wrote into
        the old file of a rewrite could not be taken over; the file is closed all the same.
        Whatever is asked of it afterwards, and allowed, raises ValueError.
        """
        try:
            try:
                self.sync()
            finally:
                if not self._file.is_inherited:  # what a fork copied is the parent's to take over
                    self._file.take_in_late_rows()
        finally:
            self._file.close()
            self._aside.clear()


def create_file(path: str | os.PathLike[str], create_dirs: bool) -> None:
    """Create an empty file if there is none, with the process's umask.

    Its name is on disk when the first row is. Raises FileNotFoundError where the directory is
    missing and `create_dirs` is false.
    """
    path = Path(path)
    if create_dirs:
        _create_directory(path.parent)
    elif not path.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT,
            f"the directory {path.parent} does not exist; create it or pass create_dirs=True",
        )
    if not path.exists():
        with suppress(FileExistsError):  # another process was quicker
            os.close(files.create(path, 0o666))


def _create_directory(directory: Path) -> None:
    """Create it and what is missing above it; the names are on disk when this returns."""
    if not directory.is_dir():
        _create_directory(directory.parent)
        with suppress(FileExistsError):
            files.make_directory(directory)
        files.sync_directory(directory.parent)


def _opened(path: Path, codec: RowCodec, mode: str) -> tuple[CsvFile, str]:
    """The open file, and why it cannot be written although the mode would allow it."""
    if mode == "r":
        if not os.path.lexists(path):
            raise MissingError(
                errno.ENOENT,
                f"No such file: {path}; access_mode 'r' reads what is there, every other mode "
                f"would create it",
            )
        return CsvFile(path, codec, is_writable=False), ""
    try:
        return CsvFile(path, codec, is_writable=True), ""
    except OSError as error:
        if mode != "r+" or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        denial = (
            f"{error.strerror} for user {os.geteuid()}; access_mode 'r+' needs write permission"
        )
        return CsvFile(path, codec, is_writable=False), denial
