"""How a running collector is at one moment, as JSON would have it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.app.reload import Reload
from daemon.clock import Clock
from daemon.config import Config
from daemon.sources import MqttSource
from daemon.writer import Inbox, Ledger, RetainedMemory, Writer, predecessor_of

STATUS_VERSION = 1


def status_of(
    config: Config,
    clock: Clock,
    *,
    ledger: Ledger,
    inbox: Inbox,
    writer: Writer,
    retained: RetainedMemory,
    sources: Mapping[str, MqttSource],
    runs: Mapping[str, Mapping[str, int]],
    started_s: float,
    is_running: bool,
    reload: Reload | None = None,
) -> dict[str, object]:
    """Everything that `status` shows. Any thread; each part is true of its own moment."""
    counts = inbox.counts()
    now_us = clock.now_us()
    rejects = config.storage.rejects_path
    return {
        "version": STATUS_VERSION,
        "running": is_running,
        "process": os.getpid(),
        "name": config.collector.name,
        "config": str(config.origin),
        "reload": None if reload is None else reload.as_json(),
        "data": str(config.storage.path),
        "written_us": now_us,
        "uptime_s": round(clock.monotonic_s() - started_s, 1),
        "brokers": {name: source.state().as_json() for name, source in sources.items()},
        "writer": {
            "alive": writer.is_alive(),
            "refused": writer.is_refused,
            "waiting": counts.waiting + writer.held() - writer.spooled() - writer.gathered(),
            "waiting_bytes": counts.waiting_bytes,
            "spooled": writer.spooled(),
            "gathered": writer.gathered(),
            "lag_s": round(writer.lag_s(), 3),
        },
        "retained": {"topics": len(retained), "forgotten": retained.n_forgotten},
        "clock": {
            "believed": writer.is_clock_believed(),
            "given_up": writer.is_clock_given_up(),
        },
        "disk": disk_of(config.storage.path),
        "rejects": files_of([rejects, predecessor_of(rejects)]),
        "ledger": ledger.snapshot(inbox.counts),
        "jobs": {name: dict(numbers) for name, numbers in runs.items()},
    }


def disk_of(data: Path) -> dict[str, object]:
    """Sizes in bytes of the data file and of the file system that it is on."""
    found: dict[str, object] = {"data_bytes": files_of([data])["bytes"]}
    try:
        state = os.statvfs(data.parent)
    except OSError:
        return found
    return found | {
        "free_bytes": state.f_bavail * state.f_frsize,
        "total_bytes": state.f_blocks * state.f_frsize,
    }


def files_of(paths: Sequence[Path]) -> dict[str, object]:
    """The first path, and how many bytes there are in all of them that exist."""
    size = 0
    for path in paths:
        try:
            size += path.stat().st_size
        except OSError:
            continue
    return {"path": str(paths[0]), "bytes": size}
