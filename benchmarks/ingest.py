"""What the collector takes from a Mosquitto at QoS 1, and what it costs while it does.

Starts a Mosquitto of its own, the collector, and a publisher in a third process, all on the
loopback interface. Reports:

    idle memory      resident, after the collector has connected and nothing arrives
    at 100 a second  resident memory and share of one core
    at full speed    messages a second from the first publish to the last durable row, and whether
                     every published number is stored

    .venv/bin/python -m benchmarks.ingest [--seconds 60] [--protocol 3.1.1]
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.support.mosquitto import Mosquitto

_TOPIC = "bench/one"
_AHEAD = 5000


def main() -> None:
    """Run all three measurements and print them."""
    parser = argparse.ArgumentParser(description="Measure ingest from Mosquitto at QoS 1.")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each load")
    parser.add_argument("--protocol", choices=["3.1.1", "5"], default="3.1.1")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.seconds, options.protocol)


def measure(folder: Path, seconds: float, protocol: str) -> None:
    """Start everything, put three loads on it, print what was found."""
    broker = Mosquitto(folder, lines=["autosave_interval 1800", "autosave_on_changes false"])
    broker.start()
    rows = Rows(folder / "data.csv")
    config = folder / "bench.yaml"
    config.write_text(_configuration(broker, protocol), encoding="utf-8")
    collector = subprocess.Popen(
        [sys.executable, "-m", "daemon", "run", "-c", str(config)], stderr=subprocess.PIPE
    )
    try:
        process = psutil.Process(collector.pid)
        time.sleep(5)
        print(f"MQTT {protocol}, {broker_version()}, {os.cpu_count()} cores")
        print(f"idle: {_resident_mb(process):.0f} MB resident")
        _load(broker, process, rows, 100.0, seconds, "100 a second")
        _load(broker, process, rows, 0.0, seconds, "full speed")
    finally:
        collector.send_signal(signal.SIGTERM)
        _, log = collector.communicate(timeout=30)
        print(log.decode().splitlines()[-1])
        broker.stop()


def _load(
    broker: Mosquitto, process: psutil.Process, rows: Rows, rate: float, seconds: float, name: str
) -> None:
    """Publish for this long, wait for the rows, print."""
    first, began, cpu = rows.wanted, time.monotonic(), _cpu_s(process)
    publish(broker, rows, rate, seconds)
    rows.wait()
    took_s, cpu = time.monotonic() - began, _cpu_s(process) - cpu
    count = rows.wanted - first
    print(
        f"{name}: {count} messages, all stored after {took_s:.1f} s = {count / took_s:.0f} a "
        f"second; {rows.missing} missing; {100 * cpu / took_s:.0f}% of a core, "
        f"{_resident_mb(process):.0f} MB resident"
    )


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
