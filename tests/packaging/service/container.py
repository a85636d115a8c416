"""Debian booted by systemd-nspawn: within a second, on this machine's kernel, clock and network."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from tests.packaging.service.guest import CannotRunError, Said

_PATIENCE_S = 60.0


class Container:
    """One container on a tree. Memory limits do not hold in it."""

    host = "127.0.0.1"

    def __init__(self, tree: Path) -> None:
        self._tree = tree
        self._log = tree.parent / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit"),
                    *("--resolv-conf=off", "--timezone=off", "-D", str(self._tree), "--boot"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + _PATIENCE_S
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                said = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise CannotRunError(f"systemd-nspawn does not boot {self._tree}:\n{said}")
            time.sleep(0.2)

    def run(self, command: str, timeout_s: float = 300) -> Said:
        done = subprocess.run(
            ["nsenter", "-t", str(self._leader), "-a", "/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            cwd="/",
        )
        return Said(done.returncode, done.stdout.decode(errors="replace"))

    def cut_power(self) -> None:
        """Every process is killed; what they have written stays, because the kernel lives on."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _is_up(self) -> bool:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        try:
            found = children.read_text(encoding="ascii").split()
        except OSError:
            return False
        if not found:
            return False
        self._leader = int(found[0])
        state = self.run("systemctl is-system-running").text.strip()
        return state in ("running", "degraded")
