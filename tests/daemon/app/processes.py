"""The real collector in a process of its own, and a second process that reads what it stored."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto

PATIENCE_S = 30.0
_ROOT = Path(__file__).parents[3]
_QUERY = """
import json, sys
from tinyflux import MeasurementQuery, TinyFlux
db = TinyFlux(sys.argv[1])
points = db.search(MeasurementQuery() == sys.argv[2], sorted=False)
print(json.dumps([[point.tags, point.fields] for point in points]))
"""


@dataclass(frozen=True)
class Row:
    """A stored point, as another process sees it."""

    tags: dict[str, str]
    fields: dict[str, float]


def read_rows(path: Path, measurement: str) -> list[Row]:
    """What `TinyFlux(path).search(...)` finds in another process, in the order of the file."""
    if not path.exists():
        return []
    answer = subprocess.run(
        [sys.executable, "-c", _QUERY, str(path), measurement],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    return [Row(tags, fields) for tags, fields in json.loads(answer.stdout)]


def wait_for_rows(path: Path, measurement: str, count: int) -> list[Row]:
    """At least `count` rows."""
    found: list[Row] = []

    def are_there() -> bool:
        found[:] = read_rows(path, measurement)
        return len(found) >= count

    wait_until(are_there, f"{count} rows of {measurement}")
    return found


class CollectorProcess:
    """`tinyflux-collector run` with one configuration; ended by the fixture."""

    def __init__(self, folder: Path, configuration: str) -> None:
        self.folder = folder
        self.config_path = folder / "config.yaml"
        self.data_path = folder / "data.csv"
        self.config_path.write_text(textwrap.dedent(configuration), encoding="utf-8")
        self.command = ("-m", "daemon", "run", "-c", str(self.config_path))
        """What Python is asked to run."""
        self._log_path = folder / "collector.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, says: str = "collecting into") -> None:
        """Start it and wait until it has said so once more."""
        before = self.log_text().count(says)
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.command, *arguments],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_for(lambda: self.log_text().count(says) > before, f"the log to say {says!r}")

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait; AssertionError with the collector's log when it ended or took too long."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert self._process is None or self._process.poll() is None, self.log_text()
            assert time.monotonic() < deadline, f"waited for {what}; log:\n{self.log_text()}"
            time.sleep(0.02)

    def wait_for_log(self, text: str) -> None:
        """Wait until its log holds this."""
        self.wait_for(lambda: text in self.log_text(), f"the log to say {text!r}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; its exit status, negative for a signal that killed it."""
        process, self._process = self._process, None
        assert process is not None
        if process.poll() is None:
            os.kill(process.pid, how)
        return process.wait(timeout=PATIENCE_S)

    def signal(self, how: signal.Signals) -> None:
        """Send it a signal and go on."""
        assert self._process is not None
        os.kill(self._process.pid, how)

    @property
    def pid(self) -> int:
        """Its process id while it runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As a power cut would. Safe when it is not running."""
        if self._process is not None:
            self.end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for it to end by itself; its exit status."""
        process, self._process = self._process, None
        assert process is not None
        return process.wait(timeout=PATIENCE_S)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log_text(self) -> str:
        """All it has written to stdout and stderr so far."""
        if not self._log_path.exists():
            return ""
        return self._log_path.read_text(encoding="utf-8", errors="replace")


def configuration_for(
    broker: Mosquitto,
    *,
    url: str | None = None,
    keepalive: str = "60s",
    protocol: str = "3.1.1",
    password: str | None = None,
    interval: str = "1s",
    sources: Sequence[str] = ("{topic: sensors/+device, measurement: climate}",),
    extra: str = "",
) -> str:
    """A configuration for this broker, with rules in YAML's one-line form; `url` for a detour."""
    rules = "\n".join(f"  - {rule}" for rule in sources)
    return f"""\
collector: {{name: test}}
brokers:
  home:
    url: {broker.url if url is None else url}
    keepalive: {keepalive}
    protocol: "{protocol}"
    username: {broker.username}
    password: {broker.password if password is None else password}
    reconnect: {{min: 100ms, max: 500ms}}
sources:
{rules}
storage:
  path: data.csv
  commit: {{interval: {interval}}}
{extra}
"""
