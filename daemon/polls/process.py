"""A program run to its end within bounds: time, output, and nothing left behind.

The program gets a session and with it a process group of its own, and a mark in its environment;
whatever is still in the group, or has the mark, when its first process has ended or the time is
over, is killed: a daemon that it starts too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from daemon.polls.leftovers import MARK, kill_marked, new_mark
from daemon.polls.sensor import SensorError

_GRACE_S = 1.0
_CHUNK_BYTES = 65_536
_STDERR_TAIL_BYTES = 2_000
# systemd gives these to its service; a program that knew them could speak in our name.
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    status: int
    """Exit status; minus the signal's number when a signal ended it."""
    output: bytes
    errors: bytes
    """The end of what it wrote to stderr."""


@dataclass(slots=True)
class _Output:
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    total_bytes: int = 0


class Program:
    """A command line that is run again and again, once at a time."""

    def __init__(self, argv: Sequence[str], *, limit_bytes: int) -> None:
        self._argv = tuple(argv)
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_running = False
        self._is_cancelled = False
        self._mark = new_mark()

    def run(self, timeout_s: float) -> Ended:
        """Start it, wait for its end. Raises SensorError when it cannot be started, takes longer
        than `timeout_s`, prints more than the limit, or is cancelled; it is dead by then."""
        with self._lock:
            self._is_running, self._is_cancelled = True, False
        process = self._start()
        output = _Output()
        try:
            with _watched(process) as selector:
                self._watch(process, selector, output, timeout_s)
        finally:
            status = self._bury(process)
        return Ended(status, bytes(output.stdout), bytes(output.stderr[-_STDERR_TAIL_BYTES:]))

    def cancel(self) -> None:
        """Kill what runs now, or what `run` is about to start."""
        with self._lock:
            self._is_cancelled = self._is_running
            if self._process is not None:
                _signal_group(self._process, signal.SIGKILL)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
        environment[MARK] = self._mark
        try:
            process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env=environment,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            raise SensorError("cannot-start", _start_text(self._argv[0], error)) from error
        with self._lock:
            self._process = process
            if self._is_cancelled:
                _signal_group(process, signal.SIGKILL)
        return process

    def _watch(
        self,
        process: subprocess.Popen[bytes],
        selector: selectors.BaseSelector,
        output: _Output,
        timeout_s: float,
    ) -> None:
        name = self._argv[0]
        has_ended = self._collect(selector, output, time.monotonic() + timeout_s)
        if output.total_bytes > self._limit_bytes:
            raise SensorError(
                "output-too-long", f"{name} printed more than {self._limit_bytes} bytes, killed"
            )
        if not has_ended:
            _signal_group(process, signal.SIGTERM)
            self._collect(selector, output, time.monotonic() + _GRACE_S)
            raise SensorError("timeout", f"{name} was still running after {timeout_s:g} s, killed")
        with self._lock:
            if self._is_cancelled:
                raise SensorError("cancelled", f"{name} was cancelled and killed")

    def _collect(self, selector: selectors.BaseSelector, output: _Output, end_s: float) -> bool:
        """Read until the first process has ended; False at `end_s` or beyond the output limit."""
        while output.total_bytes <= self._limit_bytes:
            wait_s = end_s - time.monotonic()
            if wait_s <= 0:
                return False
            ready = [key for key, _ in selector.select(wait_s)]
            for key in ready:
                if key.data is not None:
                    _read(selector, key, output)
            # Only when nothing is left to read: what was printed last counts.
            if ready and all(key.data is None for key in ready):
                return True
        return False

    def _bury(self, process: subprocess.Popen[bytes]) -> int:
        """Kill the whole group, then take the first process's status: until then its number, and
        with it the group's, cannot belong to anybody else."""
        with self._lock:
            _signal_group(process, signal.SIGKILL)
            self._process, self._is_running = None, False
            try:
                status = process.wait(_GRACE_S)
            except subprocess.TimeoutExpired as error:
                raise SensorError(
                    "unkillable",
                    f"{self._argv[0]} (process {process.pid}) does not die when killed: it waits "
                    "for a device or a network disk",
                ) from error
            finally:
                for pipe in (process.stdout, process.stderr):
                    if pipe is not None:
                        pipe.close()
                kill_marked(self._mark, process.pid)
        return status


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes]) -> Iterator[selectors.BaseSelector]:
    """A selector over the program's two pipes and its end (Linux's pidfd, which has no data)."""
    with selectors.DefaultSelector() as selector:
        end = os.pidfd_open(process.pid)
        try:
            selector.register(end, selectors.EVENT_READ)
            for name in ("stdout", "stderr"):
                selector.register(getattr(process, name), selectors.EVENT_READ, name)
            yield selector
        finally:
            os.close(end)


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey, output: _Output) -> None:
    chunk = os.read(key.fd, _CHUNK_BYTES)
    if not chunk:
        selector.unregister(key.fileobj)
    output.total_bytes += len(chunk)
    kept = output.stdout if key.data == "stdout" else output.stderr
    kept += chunk


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # Gone already, or changed its user (sudo): neither can be helped here.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _start_text(name: str, error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return f"there is no program {name}; give its full path, or install it"
        case PermissionError():
            return f"not allowed to run {name}; is it executable for user id {os.geteuid()}?"
        case OSError(errno=errno.ENOEXEC):
            return f"{name} is no program: a script needs a first line such as #!/bin/sh"
        case _:
            return f"cannot start {name}: {error}"
