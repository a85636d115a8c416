"""The sensor kind `system`: this machine's CPU, memory, disk, load, network and health.

The only door to psutil, which is imported when the first such sensor is made.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field

from daemon.config import Items, PollOptions
from daemon.messages import JsonValue
from daemon.polls.board import SYSFS, read_temperature, read_throttled
from daemon.polls.parts import PartLog
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

_log = logging.getLogger(__name__)

# CPU use is a share of a stretch of time; the first reading makes one of its own this long.
_FIRST_STRETCH_S = 0.25

Reading = dict[str, JsonValue]


class SystemOptions(PollOptions):
    """Load, memory, disk and temperature of this machine."""

    collect: Items[
        Literal["cpu", "memory", "disk", "load", "temperature", "network", "throttled"]
    ] = Field(default=("cpu", "memory", "disk", "load", "temperature"), min_length=1)
    """What to read; what this machine does not have is left out. throttled: a Raspberry Pi's flags
    for too little voltage and too much heat."""


class _Times(Protocol):
    idle: float
    iowait: float


class SystemSensor(Sensor):
    """Reads the parts asked for; a part that this machine does not have is left out."""

    def __init__(
        self,
        collect: Sequence[str],
        data_folder: Path,
        poll: str = "system",
        sysfs: Path = SYSFS,
    ) -> None:
        import psutil

        self._psutil = psutil
        self._parts: dict[str, Callable[[], Reading]] = {
            "cpu": self._cpu,
            "memory": self._memory,
            "disk": lambda: self._disk(data_folder),
            "load": _load,
            "temperature": lambda: {"temperature": read_temperature(sysfs)},
            "network": self._network,
            "throttled": lambda: dict(read_throttled(sysfs)),
        }
        self._collect = tuple(collect)
        self._missing = PartLog(_log, poll, logging.INFO)
        self._cpu_times: tuple[float, float] | None = None

    def read(self, timeout_s: float) -> JsonValue:
        """One object with all values; SensorError when not one part could be read."""
        values: Reading = {}
        reasons: dict[str, str] = {}
        for part in self._collect:
            try:
                values.update(self._parts[part]())
            except (OSError, self._psutil.Error, SensorError) as error:
                reasons[part] = str(error)
        if not values:
            told = "; ".join(f"{part}: {reason}" for part, reason in reasons.items())
            raise SensorError("nothing-to-read", f"nothing could be read here: {told}")
        self._missing.tell(reasons)
        return values

    def _cpu(self) -> Reading:
        if self._cpu_times is None:
            self._cpu_times = self._busy_and_all()
            time.sleep(_FIRST_STRETCH_S)
        busy_before, all_before = self._cpu_times
        busy, whole = self._cpu_times = self._busy_and_all()
        if whole <= all_before:
            raise SensorError("no-time-passed", "no CPU time passed since the reading before")
        share = (busy - busy_before) / (whole - all_before)
        return {"cpu_percent": round(100 * min(max(share, 0.0), 1.0), 1)}

    def _busy_and_all(self) -> tuple[float, float]:
        times = self._psutil.cpu_times()
        # guest time is counted in user time already (proc(5)).
        whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return whole - times.idle - getattr(times, "iowait", 0.0), whole

    def _memory(self) -> Reading:
        memory = self._psutil.virtual_memory()
        return {
            "memory_percent": memory.percent,
            "memory_available_mb": round(memory.available / 1e6, 1),
        }

    def _disk(self, folder: Path) -> Reading:
        disk = self._psutil.disk_usage(str(folder))
        return {"disk_percent": disk.percent, "disk_free_gb": round(disk.free / 1e9, 3)}

    def _network(self) -> Reading:
        cards = self._psutil.net_io_counters(pernic=True, nowrap=True)
        # What the machine says to itself is no traffic.
        cards = {name: counted for name, counted in cards.items() if name != "lo"}
        if not cards:
            raise SensorError("no-sensor", "this machine shows no network interface")
        return {
            "network_received_bytes": sum(counted.bytes_recv for counted in cards.values()),
            "network_sent_bytes": sum(counted.bytes_sent for counted in cards.values()),
        }


def _open(options: SystemOptions, place: Place) -> SystemSensor:
    """Disk is the file system that holds the data."""
    return SystemSensor(options.collect, place.data_folder, place.poll)


KIND = SensorKind(SystemOptions, _open)


def _load() -> Reading:
    load_1m, load_5m, load_15m = (round(load, 2) for load in os.getloadavg())
    return {"load_1m": load_1m, "load_5m": load_5m, "load_15m": load_15m}
