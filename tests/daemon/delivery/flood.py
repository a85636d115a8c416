"""A flood at full speed: memory stays bounded, the connection lives, what is dropped is counted."""

from __future__ import annotations

import json
import re
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.app import ledger_path
from daemon.health import read_status
from tests.daemon.app.processes import CollectorProcess, configuration_for
from tests.support.mosquitto import Mosquitto
from tests.support.tmpfs import full_disk
from tinyflux import TinyFlux

QUICK_BROKER = ("log_type error", "autosave_on_changes false", "autosave_interval 0")
CONNECTED = "connected (MQTT"
_PATIENCE_S = 300.0
# mosquitto_pub does not wait for the broker: beyond some 30,000 at QoS 1 it is thrown out.
_AT_ONCE = 20_000


@dataclass(frozen=True)
class FloodVerdict:
    """What became of a flood."""

    published: int
    rows: int
    dropped: int
    """By the ledger."""
    connections: int
    """1: the first one has outlived the flood."""
    rss_before_mb: float
    rss_peak_mb: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.published} published, {self.rows} stored, {self.dropped} dropped and counted, "
            f"{self.published / self.seconds:.0f}/s, resident {self.rss_before_mb:.0f} MB before, "
            f"{self.rss_peak_mb:.0f} MB at most, {self.connections} connection(s)"
        )


def flood(
    broker: Mosquitto, folder: Path, *, qos: int, count: int, is_disk_full: bool = False
) -> FloodVerdict:
    """Publish `count` numbers as fast as mosquitto_pub can, and wait for the fate of each.

    `is_disk_full`: the small file system of `folder` is, until all have arrived; the collector
    must have a folder in memory for its status then (XDG_RUNTIME_DIR).
    """
    rule = "{topic: n/+publisher, measurement: numbers}"
    collector = CollectorProcess(folder, configuration_for(broker, sources=[rule]))
    collector.start(says=CONNECTED)
    try:
        before_mb = _memory_mb(collector, "VmRSS")
        count_stored = count
        began_s = time.monotonic()
        with full_disk(folder) if is_disk_full else nullcontext():
            for first in range(0, count, _AT_ONCE):
                numbers = range(first, min(first + _AT_ONCE, count))
                broker.publish_lines("n/flood", [str(number) for number in numbers], qos=qos)
            if is_disk_full:
                collector.wait_for_log("until then nothing is acknowledged")
                collector.wait_for(
                    lambda: _ledger(collector)["received"] >= count, "the whole flood"
                )
                count_stored = count - _ledger(collector)["outcomes"]["dropped"]
        if is_disk_full:
            collector.wait_for_log("writing works again")
        _await_quiet(collector, count_stored)
        seconds = time.monotonic() - began_s
        peak_mb = _memory_mb(collector, "VmHWM")
        assert collector.end() == 0, collector.log_text()[-3000:]
    finally:
        collector.kill()
    ledger = json.loads(ledger_path(collector.data_path).read_text(encoding="utf-8"))
    with TinyFlux(str(collector.data_path), access_mode="r") as db:
        rows = len({point.fields["value"] for point in db.all(sorted=False)})
    return FloodVerdict(
        published=count,
        rows=rows,
        dropped=ledger["outcomes"]["dropped"],
        connections=collector.log_text().count(CONNECTED),
        rss_before_mb=before_mb,
        rss_peak_mb=peak_mb,
        seconds=seconds,
    )


def _ledger(collector: CollectorProcess) -> dict[str, Any]:
    """As the collector's status has it."""
    ledger = (read_status(collector.data_path) or {}).get("ledger")
    assert isinstance(ledger, dict), "the collector says no status"
    return ledger


def _await_quiet(collector: CollectorProcess, count: int) -> None:
    """Until so many rows are in the data file, or it has not grown for some seconds."""
    deadline_s = time.monotonic() + _PATIENCE_S
    size, since_s = -1, time.monotonic()
    while time.monotonic() < deadline_s and time.monotonic() - since_s < 3.0:
        now = collector.data_path.stat().st_size if collector.data_path.exists() else 0
        if now != size:
            size, since_s = now, time.monotonic()
            if collector.data_path.read_bytes().count(b"\n") >= count:
                return
        time.sleep(0.1)


def _memory_mb(collector: CollectorProcess, what: str) -> float:
    status = Path(f"/proc/{collector.pid}/status").read_text(encoding="ascii")
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1000
