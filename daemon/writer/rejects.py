"""The reject file: what could not be mapped, one JSON object a line, bounded in size.

A line holds all that is needed to try the message again under other rules. When the file has
half of its allowed size it becomes the predecessor (`rejects.1.jsonl`) and a new one begins.
"""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from daemon.messages import Mapped, Message
from daemon.writer.inbox import Item
from tinyflux import files


class RejectFile:
    """Appends rejected items. Writer thread only; every method may raise OSError."""

    def __init__(self, path: Path, max_size_bytes: int) -> None:
        self.path = path
        self._half_bytes = max_size_bytes // 2
        self._file: IO[bytes] | None = None
        self._is_dirty = False

    @property
    def predecessor(self) -> Path:
        """Where the lines before these are."""
        return self.path.with_name(f"{self.path.stem}.1{self.path.suffix}")

    def append(self, item: Item, mapped: Mapped) -> None:
        """Write one line; it is on disk after `sync`. A failed append leaves no half line."""
        line = _line(item, mapped, self._half_bytes)
        file = self._open()
        size_bytes = file.seek(0, os.SEEK_END)
        if size_bytes and size_bytes + len(line) > self._half_bytes:
            file = self._rotate(file)
            size_bytes = 0
        try:
            files.write_all(file.fileno(), line, self.path)
        except OSError:
            files.truncate(file.fileno(), size_bytes, self.path)
            raise
        self._is_dirty = True

    def sync(self) -> None:
        """Every line so far is on disk when this returns."""
        if self._is_dirty and self._file is not None:
            files.sync(self._file.fileno(), self.path)
            self._is_dirty = False

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not self.path.exists()
            self._file = self.path.open("a+b", buffering=0)
            if is_new:
                files.sync_directory(self.path.parent)
            self._end_last_line(self._file)
        return self._file

    @staticmethod
    def _end_last_line(file: IO[bytes]) -> None:
        """A power cut may have left half a line: the next one must not continue it."""
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")

    def _rotate(self, file: IO[bytes]) -> IO[bytes]:
        files.sync(file.fileno(), self.path)
        self.close()
        files.rename(self.path, self.predecessor)
        files.sync_directory(self.path.parent)
        return self._open()


def _line(item: Item, mapped: Mapped, limit_bytes: int) -> bytes:
    """One item as a line of at most `limit_bytes`: what is longer is cut, and marked as cut."""
    line = _dump(_record(item, mapped))
    if len(line) <= limit_bytes:
        return line
    # Text grows sixfold at worst (control characters become \\u00xx), base64 by a third.
    return _dump({**_record(item, mapped, limit_bytes // 12), "is_cut": True})


def _record(item: Item, mapped: Mapped, longest: int | None = None) -> dict[str, object]:
    moment = datetime.fromtimestamp(item.received_us / 1e6, tz=UTC)
    record: dict[str, object] = {"time": moment.isoformat(timespec="microseconds")}
    if isinstance(item, Message):
        record |= {"source": item.source, "topic": item.topic[:longest], "qos": item.qos}
        record |= _payload(item.payload[:longest])
    elif longest is None:
        record |= {"poll": item.poll, "value": item.value}
    else:
        record |= {"poll": item.poll, "value": str(item.value)[:longest]}
    reason = mapped.reason if longest is None else mapped.reason[:200]
    return record | {"rule": mapped.rule, "kind": mapped.kind, "reason": reason}


def _payload(payload: bytes) -> dict[str, object]:
    try:
        return {"payload": payload.decode("utf-8")}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(payload).decode("ascii")}


def _dump(record: dict[str, object]) -> bytes:
    # A lone surrogate, which a JSON text may bring, becomes the escape that it was.
    text = json.dumps(record, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"
