"""A real Mosquitto for tests: private port, private directory, stopped and killed at will.

Knows nothing of the collector. The defaults are what delivery tests need of a broker:
a queue without limit and a session that survives SIGKILL.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.support.ports import free_port
from tests.support.programs import find_program

_PATIENCE_S = 20.0


class Mosquitto:
    """One broker on 127.0.0.1; its port, directory, session store and log survive restarts.

    `users` maps names to passwords; empty means that anonymous clients are let in. `lines` are
    lines of mosquitto.conf: an option named there replaces the default of the same name.
    """

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        lines: Iterable[str] = (),
    ) -> None:
        self.directory = directory
        self.users = {"collector": "s3cret"} if users is None else dict(users)
        self.port = free_port()
        self._lines = tuple(lines)
        self._server: subprocess.Popen[bytes] | None = None
        self._log_path = directory / "mosquitto.log"
        self._write_passwords()
        self._write_configuration()

    @property
    def url(self) -> str:
        """As a configuration names it, without user and password."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def username(self) -> str:
        """The first user's name; empty for an anonymous broker."""
        return next(iter(self.users), "")

    @property
    def password(self) -> str:
        """The first user's password; empty for an anonymous broker."""
        return self.users.get(self.username, "")

    @property
    def pid(self) -> int:
        """The running broker's process id; RuntimeError when it is down."""
        if self._server is None:
            raise RuntimeError(f"Mosquitto on port {self.port} is not running")
        return self._server.pid

    def start(self) -> None:
        """Start it; accepts connections when this returns. RuntimeError with its log if not."""
        if self._server is not None:
            raise RuntimeError(f"Mosquitto on port {self.port} is running already")
        with self._log_path.open("ab") as log:
            self._server = subprocess.Popen(
                [_program("mosquitto"), "-c", str(self.directory / "mosquitto.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_it_accepts(self._server)

    def stop(self) -> None:
        """End it in order: sessions and queues are saved. Safe when it is down already."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would: what was not autosaved is lost. Safe when it is down."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    def publish(
        self, topic: str, payload: str | bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Publish one message with mosquitto_pub; at QoS 1 and 2 the broker has it on return."""
        body = payload.encode() if isinstance(payload, str) else payload
        # mosquitto_pub refuses an empty standard input: a message of zero bytes has its own option.
        source = ("--stdin-file",) if body else ("--null-message",)
        retained = ("--retain",) if retain else ()
        self._run_publisher(topic, qos, (*source, *retained), body)

    def publish_lines(self, topic: str, payloads: Sequence[str], *, qos: int = 1) -> None:
        """Publish one message per payload over a single connection; none may hold a newline."""
        body = "".join(f"{payload}\n" for payload in payloads).encode()
        self._run_publisher(topic, qos, ("--stdin-line",), body)

    def change_password(self, name: str, password: str) -> None:
        """The user's password is another from now on; connections that stand are kept."""
        self.users[name] = password
        self._write_passwords()
        self.reload()

    def reload(self) -> None:
        """Look at password file and certificates again."""
        os.kill(self.pid, signal.SIGHUP)

    def log_text(self) -> str:
        """What every run of this broker logged so far."""
        if not self._log_path.exists():
            return ""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def _run_publisher(self, topic: str, qos: int, options: Sequence[str], body: bytes) -> None:
        login = ("-u", self.username, "-P", self.password) if self.users else ()
        address = ("-h", "127.0.0.1", "-p", str(self.port))
        subprocess.run(
            [_program("mosquitto_pub"), *address, *login, "-t", topic, "-q", str(qos), *options],
            input=body,
            check=True,
            timeout=60,
        )

    def _write_passwords(self) -> None:
        path = self.directory / "passwords"
        path.touch(mode=0o600)
        for name, password in self.users.items():
            subprocess.run(
                [_program("mosquitto_passwd"), "-b", str(path), name, password],
                check=True,
                capture_output=True,
                timeout=30,
            )

    def _write_configuration(self) -> None:
        defaults = {
            "listener": f"{self.port} 127.0.0.1",
            "allow_anonymous": "false" if self.users else "true",
            "persistence": "true",
            "persistence_location": f"{self.directory}/",
            "autosave_on_changes": "true",
            "autosave_interval": "1",
            "max_queued_messages": "0",
            "log_dest": "stderr",
            "log_type": "all",
            "log_timestamp_format": "%H:%M:%S",
        }
        if self.users:
            defaults["password_file"] = str(self.directory / "passwords")
        if os.geteuid() == 0:
            # Started by root it would become the user `mosquitto`, who may not enter a test's
            # temporary directory.
            defaults["user"] = "root"
        named = {line.split(maxsplit=1)[0] for line in self._lines if line.strip()}
        kept = [f"{option} {value}" for option, value in defaults.items() if option not in named]
        text = "\n".join((*kept, *self._lines)) + "\n"
        (self.directory / "mosquitto.conf").write_text(text, encoding="utf-8")

    def _wait_until_it_accepts(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if server.poll() is not None:
                self._server = None
                raise RuntimeError(
                    f"Mosquitto on port {self.port} ended with status {server.returncode}; "
                    f"its log:\n{self.log_text()}"
                )
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        self.kill()
        raise RuntimeError(
            f"Mosquitto accepted nothing on port {self.port} within {_PATIENCE_S:.0f} s; "
            f"its log:\n{self.log_text()}"
        )

    def _end(self, how: signal.Signals) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            # Mosquitto can miss a signal that comes just before it waits for the network.
            _signal_group(server, how)
            try:
                server.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline_s:
                    continue
                _signal_group(server, signal.SIGKILL)
                server.wait(timeout=_PATIENCE_S)
                raise
            return


class StartMosquitto(Protocol):
    """Starts one more broker for this test; ended, and its log shown on failure, by the fixture."""

    def __call__(
        self, *, users: Mapping[str, str] | None = None, lines: Iterable[str] = ()
    ) -> Mosquitto:
        """A broker that accepts connections; the arguments are those of `Mosquitto`."""


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise RuntimeError(f"{name} is not installed; on Debian: apt-get install mosquitto")
    return path


def _signal_group(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    # A process that was not waited for keeps its group's number, so no stranger can be hit.
    if server.poll() is None:
        os.killpg(server.pid, how)
