"""The sensor kind `file`: what stands in a small file, such as those of the kernel below /sys."""

from __future__ import annotations

import errno
import glob
import os
import stat
import time
from pathlib import Path

from pydantic import Field

from daemon.config import InputPath, Seconds, SizeBytes, TextOptions
from daemon.messages import JsonValue
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind


class FileOptions(TextOptions):
    """What stands in a file."""

    path: InputPath
    """The file. May have * and ? where a part of its name changes, as in
    /sys/class/hwmon/hwmon*/temp1_input; exactly one file has to fit then."""
    max_size_bytes: SizeBytes = Field(
        default=64_000, validation_alias="max_size", ge=1, le=10_000_000
    )
    """A longer file is a failure."""
    max_age_s: Seconds | None = Field(default=None, validation_alias="max_age", gt=0)
    """A file that was written longer ago is a failure: what writes it has stopped."""


class FileSensor(Sensor):
    """Opens the file anew at each reading, so that it may be replaced or vanish in between."""

    def __init__(self, path: Path, *, max_size_bytes: int, max_age_s: float | None = None) -> None:
        self._path = path
        self._max_size_bytes = max_size_bytes
        self._max_age_s = max_age_s

    def read(self, timeout_s: float) -> JsonValue:
        """The text of the file. Raises SensorError where there is none."""
        path = self._found()
        try:
            # Not to wait for somebody who writes, where it is a pipe or a device.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _failure(path, error) from error
        try:
            content = self._content(path, descriptor)
        except OSError as error:
            raise _failure(path, error) from error
        finally:
            os.close(descriptor)
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SensorError("encoding", f"{path}: byte {error.start} is no UTF-8 text") from None

    def _found(self) -> str:
        text = str(self._path)
        if not glob.has_magic(text):
            return text
        found = sorted(glob.glob(text))
        if len(found) != 1:
            what = f"{len(found)} files, {found[0]} and {found[1]}" if found else "no file"
            raise SensorError("missing", f"{text} fits {what}; exactly one has to fit")
        return found[0]

    def _content(self, path: str, descriptor: int) -> bytes:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise SensorError("no-file", f"{path} is a folder, and no file")
        if self._max_age_s is not None:
            age_s = time.time() - status.st_mtime
            if age_s > self._max_age_s:
                raise SensorError(
                    "stale",
                    f"{path} was written {age_s:.0f} s ago, max_age is {self._max_age_s:g} s",
                )
        content = b""
        while len(content) <= self._max_size_bytes:
            chunk = os.read(descriptor, self._max_size_bytes + 1 - len(content))
            if not chunk:
                return content
            content += chunk
        raise SensorError(
            "too-large", f"{path} has more than {self._max_size_bytes} bytes, which is max_size"
        )


def _failure(path: str, error: OSError) -> SensorError:
    user = f"user id {os.geteuid()}"
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return SensorError("missing", f"there is no file {path}")
        case errno.ENODEV | errno.ENXIO:
            return SensorError("missing", f"the device behind {path} is gone")
        case errno.EACCES | errno.EPERM:
            return SensorError("permission", f"{user} may not read {path}")
        case errno.EAGAIN:
            return SensorError("no-file", f"{path} is a pipe or a device in which nothing waits")
        case _:
            return SensorError("unreadable", f"cannot read {path}: {error.strerror}")


def _open(options: FileOptions, place: Place) -> FileSensor:
    return FileSensor(
        options.path, max_size_bytes=options.max_size_bytes, max_age_s=options.max_age_s
    )


KIND = SensorKind(FileOptions, _open)
