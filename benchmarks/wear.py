"""What reaches the card at ten messages a second: the collector beside SQLite.

Each writes to an ext4 file system of its own in a file, mounted as a loop device, whose counters
tell what a card would be given: data, metadata and journal, and how often it is told to flush.
Needs root, for the mounts, and Mosquitto.

    make bench-wear SECONDS=3600

The collector runs with its default configuration, once with MQTT 3.1.1 and once with MQTT 5;
everything that it keeps beside the data, the index cache too, is on the same file system. SQLite
(WAL, synchronous=FULL, indexes on time and on measurement and time) stores one row a message from
the same broker.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.mosquitto import Mosquitto

_RATE = 10
_IMAGE_BYTES = 1 << 30
_SECTOR_BYTES = 512
_DEVICES = 10


@dataclass(frozen=True, slots=True)
class Counters:
    """What a block device has been asked for."""

    written_bytes: int
    flushes: int

    @classmethod
    def of(cls, device: str) -> Counters:
        """Of `/dev/<device>`, since it was made."""
        fields = Path(f"/sys/block/{device}/stat").read_text().split()
        return cls(int(fields[6]) * _SECTOR_BYTES, int(fields[15]))

    def since(self, before: Counters) -> Counters:
        """The difference."""
        return Counters(self.written_bytes - before.written_bytes, self.flushes - before.flushes)


@dataclass(slots=True)
class Card:
    """A file system of its own."""

    folder: Path
    device: str
    start: Counters | None = None

    def settle(self) -> None:
        """Write out what making it has left, and count from here."""
        subprocess.run(["sync", "-f", str(self.folder)], check=True)
        self.start = Counters.of(self.device)

    def end(self) -> Counters:
        """Write out everything, as a power-off in order does; what was written since `settle`."""
        assert self.start is not None
        subprocess.run(["sync", "-f", str(self.folder)], check=True)
        return Counters.of(self.device).since(self.start)


@contextmanager
def card(folder: Path, name: str) -> Iterator[Card]:
    """A fresh ext4 in a file, mounted."""
    image, mounted = folder / f"{name}.img", folder / name
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    # Without the lazy initialisation that writes for minutes after the mount.
    options = "lazy_itable_init=0,lazy_journal_init=0"
    subprocess.run(["mkfs.ext4", "-q", "-E", options, str(image)], check=True)
    mounted.mkdir()
    subprocess.run(["mount", "-o", "loop", str(image), str(mounted)], check=True)
    try:
        source = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", str(mounted)],
            capture_output=True,
            text=True,
            check=True,
        )
        yield Card(mounted, Path(source.stdout.strip()).name)
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=False)


def publish(broker: Mosquitto, seconds: float) -> int:
    """Publish reports of some devices evenly; how many."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(broker.username, broker.password)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    n_sent, began = 0, time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        if n_sent <= now * _RATE:
            text = (
                f'{{"temperature": {20 + n_sent % 37 / 10}, "humidity": {40 + n_sent % 41 / 4}, '
                f'"battery": {100 - n_sent % 5}, "linkquality": {n_sent % 255}}}'
            )
            client.publish(f"zigbee2mqtt/device{n_sent % _DEVICES}", text, qos=1)
            n_sent += 1
        else:
            time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    return n_sent


def collector(
    card_: Card, broker: Mosquitto, folder: Path, inflight: int, protocol: str = "3.1.1"
) -> Sequence[str]:
    """The command that runs the collector with its default configuration, but for the window."""
    config = folder / f"wear-{protocol}.yaml"
    config.write_text(
        f"brokers:\n  home: {{url: '{broker.url}', username: {broker.username}, "
        f"password: {broker.password}, protocol: '{protocol}', "
        f"inflight: {inflight}}}\n"
        f"sources:\n  - {{topic: zigbee2mqtt/+device, measurement: climate}}\n"
        f"storage: {{path: '{card_.folder / 'data.csv'}'}}\n",
        encoding="utf-8",
    )
    return (sys.executable, "-m", "daemon", "run", "-c", str(config))


def sqlite(card_: Card, broker: Mosquitto, inflight: int, commit_s: float) -> Sequence[str]:
    """The command that stores the same in SQLite."""
    return (
        *(sys.executable, "-m", "benchmarks.wear_sqlite", str(card_.folder / "data.sqlite")),
        *("--port", str(broker.port), "--commit-s", str(commit_s), "--window", str(inflight)),
        *("--username", broker.username, "--password", broker.password),
    )


def measure(folder: Path, seconds: float, inflight: int) -> None:
    """Run all of them beside each other on the same messages, and print what was written."""
    window = f"max_inflight_messages {inflight}"
    broker = Mosquitto(
        folder, lines=["autosave_interval 1800", "autosave_on_changes false", window]
    )
    broker.start()
    with ExitStack() as stack:
        stack.callback(broker.stop)
        names = ("collector", "collector-5", "sqlite-5s", "sqlite-each")
        cards = {name: stack.enter_context(card(folder, name)) for name in names}
        commands = {
            "collector": collector(cards["collector"], broker, folder, inflight),
            "collector-5": collector(cards["collector-5"], broker, folder, inflight, "5"),
            "sqlite-5s": sqlite(cards["sqlite-5s"], broker, inflight, 5.0),
            "sqlite-each": sqlite(cards["sqlite-each"], broker, inflight, 0.0),
        }
        for item in cards.values():
            item.settle()
        running = {name: subprocess.Popen(command) for name, command in commands.items()}
        time.sleep(5)
        n_sent = publish(broker, seconds)
        time.sleep(7)
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        for name, process in running.items():
            if process.wait(60) != 0:
                raise RuntimeError(f"{name} ended with status {process.returncode}")
        print(
            f"{n_sent} messages in {seconds:.0f} s, window {inflight}, {os.uname().release}, ext4"
        )
        for name, item in cards.items():
            count = item.end()
            files = [path for path in item.folder.rglob("*") if path.is_file()]
            data = sum(path.stat().st_size for path in files)
            print(
                f"{name:12} {count.written_bytes / n_sent:8.0f} bytes a message, "
                f"{count.written_bytes / seconds * 86400 / 1e6:7.0f} MB a day, "
                f"{count.flushes / seconds * 3600:7.0f} flushes an hour; "
                f"files {data / n_sent:.0f} bytes a message"
            )
            for path in sorted(files):
                print(f"             {path.relative_to(item.folder)}: {path.stat().st_size:,}")


def main() -> None:
    """Measure for so long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument(
        "--inflight", type=int, default=20, help="messages without an acknowledgement: 20 is usual"
    )
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("mounting file systems needs root: sudo make bench-wear")
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.seconds, options.inflight)


if __name__ == "__main__":
    main()
