"""Where a running collector answers how it is, at once and without a write to any disk.

A unix socket that sends the status as JSON to whoever connects, and then closes. It is in the
service's own folder below /run, with a link beside the data, or beside the data itself, so that
whoever knows the data file finds it. Every local user may ask. Knows nothing of what it sends.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

_log = logging.getLogger(__name__)

Snapshot = Callable[[], Mapping[str, object]]
"""How the collector is now; called in the server's thread."""

_PATIENCE_S = 3.0
_PAUSE_S = 0.1
_JOIN_S = 2.0
_WAITING = 16
_SERVICE_FOLDER = "/run/tinyflux-collector"
_SUFFIX = ".status.sock"
# sun_path has 108 bytes with its end (unix(7)); a name goes behind "/proc/self/fd/1234/".
_LONGEST_NAME = 80


def socket_path(data: Path) -> Path:
    """Where the collector of a data file is asked; its folder is the data's."""
    name = f"{data.stem}{_SUFFIX}"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f"{hashlib.sha256(os.fsencode(data.name)).hexdigest()[:16]}{_SUFFIX}"
    return data.absolute().parent / name


class StatusSocket:
    """One collector's; it must hold the lock of its data file: an old socket is taken away."""

    def __init__(
        self,
        data: Path,
        snapshot: Snapshot,
        environment: Mapping[str, str] = os.environ,
        *,
        answer_s: float = 2.0,
    ) -> None:
        """Who does not read his answer within `answer_s` does not get it."""
        self._link = self._path = socket_path(data)
        self._places = [self._link]
        if folder := environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]:
            digest = hashlib.sha256(os.fsencode(data.absolute())).hexdigest()[:12]
            self._places.insert(0, Path(folder) / f"{digest}{_SUFFIX}")
        self._snapshot = snapshot
        self._answer_s = answer_s
        self._listener: socket.socket | None = None
        self._inode = 0
        self._wake_read, self._wake_write = -1, -1
        self._thread = threading.Thread(target=self._run, name="status-socket", daemon=True)

    def start(self) -> None:
        """Answer from now on. Where that cannot be it is said, and the status file remains."""
        for place in self._places:
            self._path = place
            try:
                self._listener = self._listen()
                break
            except OSError as error:
                trouble = error
        else:
            _log.warning(
                "cannot make %s, where `status` asks: %s; it shows what the status file says",
                self._link,
                trouble,
            )
            return
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC)
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; safe twice and before `start`."""
        if self._listener is None:
            return
        os.write(self._wake_write, b"x")
        self._thread.join(_JOIN_S)
        with contextlib.suppress(OSError):
            # By now another collector may have made its own.
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()
                if self._link != self._path:
                    self._link.unlink()
        self._listener.close()
        self._listener = None
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)

    def _listen(self) -> socket.socket:
        _clear(self._path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            with _short(self._path) as short:
                listener.bind(short)
            self._path.chmod(0o666)
            self._inode = self._path.lstat().st_ino
            listener.listen(_WAITING)
            listener.setblocking(False)
            if self._link != self._path:
                _clear(self._link)
                self._link.symlink_to(self._path)
        except OSError:
            listener.close()
            raise
        return listener

    def _run(self) -> None:
        listener = self._listener
        assert listener is not None
        poller = select.poll()
        poller.register(listener, select.POLLIN)
        poller.register(self._wake_read, select.POLLIN)
        while self._wake_read not in {descriptor for descriptor, _ in poller.poll()}:
            try:
                connection, _ = listener.accept()
            except OSError:
                # Gone already; or no descriptor is free, and whoever asks is still there.
                time.sleep(_PAUSE_S)
                continue
            with connection, contextlib.suppress(OSError):
                # Who asks and does not read is left after a while.
                connection.settimeout(self._answer_s)
                connection.sendall(json.dumps(self._snapshot(), ensure_ascii=True).encode())


def ask_status(data: Path, timeout_s: float = _PATIENCE_S) -> dict[str, object] | None:
    """What the collector of a data file says now; None where there is nobody to ask.

    Raises TimeoutError where there is somebody who does not answer.
    """
    return _ask(socket_path(data), timeout_s)


def ask_service(
    environment: Mapping[str, str] = os.environ, timeout_s: float = _PATIENCE_S
) -> list[dict[str, object]]:
    """What the collectors of the service's folder below /run say now; those that do not answer are
    left out."""
    folder = Path(environment.get("RUNTIME_DIRECTORY", "").partition(":")[0] or _SERVICE_FOLDER)
    answers = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        with contextlib.suppress(TimeoutError):
            if (answer := _ask(path, timeout_s)) is not None:
                answers.append(answer)
    return answers


def _ask(path: Path, timeout_s: float) -> dict[str, object] | None:
    parts = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            with _short(path) as short:
                connection.connect(short)
            while part := connection.recv(1 << 16):
                parts.append(part)
        found = json.loads(b"".join(parts))
    except TimeoutError:
        raise
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Another way to a path, short enough for the address of a socket. May raise OSError."""
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def _clear(path: Path) -> None:
    """What a killed collector has left here is gone. OSError where it is something else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not (stat.S_ISSOCK(mode) or stat.S_ISLNK(mode)):
        raise FileExistsError(f"{path} is there and is no socket: move it away")
    path.unlink()
