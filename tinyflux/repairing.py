"""Mends a data file: rows that can be read are kept, the rest is set aside."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tinyflux import files
from tinyflux.checking import Damage, Good, examine
from tinyflux.copying import Copier
from tinyflux.csvfile import CsvFile
from tinyflux.errors import DamageError, StorageError
from tinyflux.parsing import parse
from tinyflux.records import Chunk
from tinyflux.replacement import Replacement, replacing

_SHOWN = 100


@dataclass
class Repair:
    """What a repair does, or would do."""

    n_rows_kept: int = 0
    n_damages: int = 0
    damages: list[Damage] = field(default_factory=list)
    """The first hundred."""
    accepted_tail: Damage | None = None
    aside: Path | None = None
    """Where the bytes that are no row were kept."""

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to mend."""
        return self.n_damages > 0 or self.accepted_tail is not None


def repair(file: CsvFile, *, accept_tail: bool, is_dry: bool) -> Repair:
    """Keep every row that can be read, and set the rest aside in `NAME.bad`.

    `accept_tail` keeps a last row that only lacks its end, as a person leaves it. Unless `is_dry`
    the file is replaced at once; nobody appends meanwhile. On disk when this returns.
    """
    report = Repair()
    _walk(file, report, _Looker(), accept_tail=accept_tail)
    if report.is_needed and report.n_rows_kept == 0:
        raise StorageError(
            errno.EINVAL,
            f"{file.path}: no row of it can be read, so nothing was changed; it may be in another "
            f"encoding or csv dialect, or no TinyFlux data file; to begin anew, move it away",
        )
    if is_dry or not report.is_needed:
        return report
    with replacing(file) as replacement, file.locked() as identity:
        replacement.require_room(identity.size_bytes)
        report = Repair()
        worker = _Mender(file, replacement)
        try:
            _walk(file, report, worker, accept_tail=accept_tail)
            worker.finish(identity.size_bytes)
        except BaseException:
            worker.undo()
            raise
        report.aside = worker.aside
    return report


class _Looker:
    """Does nothing with what a walk finds."""

    def keep(self, start: int, stop: int) -> None:
        """Rows to keep."""

    def end_row(self) -> None:
        """The last row kept gets its end."""

    def set_aside(self, damage: Damage) -> None:
        """Bytes that are no row."""


class _Mender(_Looker):
    """Copies rows to the next version of the file, and the rest beside it."""

    def __init__(self, file: CsvFile, replacement: Replacement) -> None:
        self._file = file
        self._replacement = replacement
        self._copier = Copier(file.fd, replacement.fd, replacement.path)
        self._copier.copy(0, file.header_size())
        self._bad_path = file.path.with_name(f"{file.path.name}.bad")
        self._bad_fd = -1
        self._bad_size = 0
        self.aside: Path | None = None

    def keep(self, start: int, stop: int) -> None:
        self._copier.copy(start, stop)

    def end_row(self) -> None:
        self._copier.write(self._file.codec.line_end)

    def set_aside(self, damage: Damage) -> None:
        data = b""
        for start in range(damage.start, damage.stop, 1 << 20):
            data = self._file.read(start, min(start + (1 << 20), damage.stop))
            if data.strip(b"\0\r\n"):
                self._write_aside(data)
        if self.aside is not None and data.strip(b"\0\r\n") and not data.endswith(b"\n"):
            self._write_aside(b"\n")

    def _write_aside(self, data: bytes) -> None:
        try:
            if self._bad_fd < 0:
                self._bad_fd = files.open_aside(self._bad_path, os.fstat(self._file.fd))
                self._bad_size = os.fstat(self._bad_fd).st_size
                self.aside = self._bad_path
            files.write_all(self._bad_fd, data, self._bad_path)
        except OSError as error:
            doing = f"{self._bad_path}: what is no row could not be kept there"
            raise files.storage_error(error, doing, "nothing was repaired") from error

    def finish(self, taken_to: int) -> None:
        """What is set aside is on disk first, then the mended file takes its place."""
        self._copier.flush()
        if self._bad_fd >= 0:
            files.sync(self._bad_fd, self._bad_path)
        self._replacement.put_in_place(taken_to)
        self._close()

    def undo(self) -> None:
        """Nothing was mended: what was set aside still stands in the file."""
        if self._bad_fd >= 0 and self._replacement.is_waiting:
            with suppress(OSError):
                files.truncate(self._bad_fd, self._bad_size, self._bad_path)
        self._close()

    def _close(self) -> None:
        if self._bad_fd >= 0:
            os.close(self._bad_fd)
            self._bad_fd = -1


def _walk(file: CsvFile, report: Repair, worker: _Looker, *, accept_tail: bool) -> None:
    for piece in examine(file):
        if isinstance(piece, Good):
            report.n_rows_kept += piece.n_rows
            worker.keep(piece.start, piece.stop)
        elif accept_tail and piece.is_tail and (stop := _row_stop(file, piece)) is not None:
            report.accepted_tail = piece
            report.n_rows_kept += 1
            worker.keep(piece.start, stop)
            worker.end_row()
        else:
            report.n_damages += 1
            if len(report.damages) < _SHOWN:
                report.damages.append(piece)
            worker.set_aside(piece)


def _row_stop(file: CsvFile, tail: Damage) -> int | None:
    """Where the text of a tail ends that is a row but for its end; None for any other tail."""
    text = file.read(tail.start, tail.stop)
    if file.codec.is_plain:
        text = text.removesuffix(b"\r")
    data = text + file.codec.line_end
    try:
        parsed = parse(Chunk(data, tail.start, str(file.path)), file.codec)
    except DamageError:
        return None
    is_row = parsed.segment.n_rows == 1 and parsed.n_bytes == len(data)
    return tail.start + len(text) if is_row else None
