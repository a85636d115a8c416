"""What the collector takes from a Mosquitto at QoS 1, beside a bare subscriber; and what it costs.

Starts a Mosquitto of its own, a subscriber, and a publisher in a third process, all on the loopback
interface: one subscriber after the other, on the same load. Reports:

    idle             memory, resident, after it has connected and nothing arrives
    at 100 a second  memory, and share of one core
    at full speed    messages a second from the first publish to the last durable row, and whether
                     every published number is stored

The bare subscriber (`benchmarks.bare_subscriber`) is the least that keeps the promise: paho, MQTT
3.1.1, TCP_NODELAY; it writes what waits, syncs once, and acknowledges all of it. The collector is
measured with both protocols; the better one counts.

    make bench-ingest SECONDS=30
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.mosquitto import Mosquitto

_TOPIC = "bench/one"
_AHEAD = 5000


@dataclass(frozen=True, slots=True)
class Figures:
    """What one subscriber did."""

    idle_mb: float
    steady_mb: float
    steady_share: float
    """Of one core, at 100 messages a second."""
    rate: float
    """Messages a second at full speed."""
    missing: int


def main() -> None:
    """Measure one after the other, print a table, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each load")
    parser.add_argument("--rounds", type=int, default=3, help="all in turn, so many times")
    options = parser.parse_args()
    print(f"{broker_version()}, {os.cpu_count()} cores, {options.seconds:g} s a load")
    print(f"{'':16} {'idle':>7} {'at 100/s':>16} {'full speed':>11}")
    rates: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for name in ("bare paho", "collector 3.1.1", "collector 5"):
            with tempfile.TemporaryDirectory() as folder:
                found = measure(Path(folder), options.seconds, name)
            rates.setdefault(name, []).append(found.rate)
            print(
                f"{name:16} {found.idle_mb:4.0f} MB {found.steady_mb:7.0f} MB "
                f"{found.steady_share:4.0%} {found.rate:9.0f}/s {found.missing} missing",
                flush=True,
            )
    bare, *ours = (statistics.median(found) for found in rates.values())
    print(f"collector / bare, medians, the better protocol: {max(ours) / bare:.0%}")


def measure(folder: Path, seconds: float, name: str) -> Figures:
    """Start everything, put two loads on it; what was found."""
    broker = Mosquitto(folder, lines=["autosave_interval 1800", "autosave_on_changes false"])
    broker.start()
    rows = Rows(folder / "data.csv")
    with (folder / "log").open("wb") as log:
        subscriber = subprocess.Popen(_command(folder, broker, name), stderr=log)
    try:
        process = psutil.Process(subscriber.pid)
        time.sleep(5)
        idle_mb = _resident_mb(process)
        steady = _load(broker, process, rows, 100.0, seconds)
        full = _load(broker, process, rows, 0.0, seconds)
        return Figures(idle_mb, steady.resident_mb, steady.share, full.rate, rows.missing)
    finally:
        subscriber.send_signal(signal.SIGTERM)
        subscriber.wait(30)
        broker.stop()


def _command(folder: Path, broker: Mosquitto, name: str) -> Sequence[str]:
    kind, protocol = name.split()
    if kind == "bare":
        return (
            *(sys.executable, "-m", "benchmarks.bare_subscriber", str(folder / "data.csv")),
            *("--port", str(broker.port)),
            *("--username", broker.username, "--password", broker.password),
        )
    config = folder / "bench.yaml"
    config.write_text(_configuration(broker, protocol), encoding="utf-8")
    return (sys.executable, "-m", "daemon", "run", "-c", str(config))


@dataclass(frozen=True, slots=True)
class Load:
    """What one load did to a process."""

    rate: float
    share: float
    resident_mb: float


def _load(
    broker: Mosquitto, process: psutil.Process, rows: Rows, rate: float, seconds: float
) -> Load:
    """Publish for this long, wait for the rows."""
    first, began, cpu = rows.wanted, time.monotonic(), _cpu_s(process)
    publish(broker, rows, rate, seconds)
    took_s, cpu = rows.stored_s - began, _cpu_s(process) - cpu
    return Load((rows.wanted - first) / took_s, cpu / took_s, _resident_mb(process))


def publish(broker: Mosquitto, rows: Rows, rate: float, seconds: float) -> None:
    """Publish the next numbers at QoS 1 for this long; rate 0: always some thousand ahead.

    mosquitto_pub takes in whatever it is given, and what it has not sent at its end is lost: so
    the rows say how far it may go on.
    """
    client = subprocess.Popen(
        [
            *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", _TOPIC),
            *("-q", "1", "-l", "-u", broker.username, "-P", broker.password),
        ],
        stdin=subprocess.PIPE,
    )
    assert client.stdin is not None
    began, first = time.monotonic(), rows.wanted
    while (now := time.monotonic() - began) < seconds:
        rows.look()
        ahead = int(now * rate) + first if rate else rows.wanted - rows.missing + _AHEAD
        lines = "".join(f"{number}\n" for number in range(rows.wanted, ahead))
        rows.wanted = max(rows.wanted, ahead)
        client.stdin.write(lines.encode())
        client.stdin.flush()
        time.sleep(0.01)
    rows.wait()
    client.stdin.close()
    if client.wait(timeout=60) != 0:
        raise RuntimeError(f"mosquitto_pub ended with status {client.returncode}")


class Rows:
    """Which of the published numbers are in the data file."""

    def __init__(self, path: Path) -> None:
        self.wanted = 0
        self.stored_s = time.monotonic()
        """When the last row was found."""
        self._path = path
        self._offset = 0
        self._seen: set[int] = set()

    @property
    def missing(self) -> int:
        """How many numbers were published and not found yet."""
        return self.wanted - len(self._seen)

    def look(self) -> None:
        """Read what was appended since the last look."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            *lines, rest = file.read().split(b"\r\n")
            self._offset = file.tell() - len(rest)
        if lines:
            self.stored_s = time.monotonic()
        self._seen.update(int(float(line.rpartition(b",")[2])) for line in lines)

    def wait(self) -> None:
        """Until nothing is missing, or nothing has come for 15 s."""
        last, since = self.missing, time.monotonic()
        while self.missing and time.monotonic() - since < 15:
            time.sleep(0.02)
            self.look()
            if self.missing != last:
                last, since = self.missing, time.monotonic()


def _configuration(broker: Mosquitto, protocol: str) -> str:
    return f"""\
brokers:
  bench: {{url: "{broker.url}", username: collector, password: s3cret, protocol: "{protocol}"}}
sources:
  - {{topic: bench/+device, measurement: bench}}
storage: {{path: data.csv}}
"""


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _resident_mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


def broker_version() -> str:
    """As `mosquitto -h` names itself."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
    answer = subprocess.run(
        ["mosquitto", "-h"],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=False,
    )
    return answer.stdout.splitlines()[0]


if __name__ == "__main__":
    main()
