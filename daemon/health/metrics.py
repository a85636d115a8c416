"""The status as Prometheus reads it (text format 0.0.4). Pure.

Written by hand: prometheus-client costs 10 MB of memory and is made for counting in the process,
while everything here is counted already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Status = Mapping[str, Any]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "tinyflux_collector_"
_Sample = tuple[Mapping[str, str], float]


def metrics_text(status: Status) -> str:
    """Every number of a status that says how the collector is doing."""
    lines: list[str] = []
    for name, kind, meaning, samples in _families(status):
        shown = list(samples)
        if shown:
            lines += [f"# HELP {_PREFIX}{name} {meaning}", f"# TYPE {_PREFIX}{name} {kind}"]
            lines += [f"{_PREFIX}{name}{_labels(labels)} {value:.15g}" for labels, value in shown]
    return "\n".join(lines) + "\n"


def _families(status: Status) -> Iterator[tuple[str, str, str, Iterator[_Sample]]]:
    ledger, writer = _part(status, "ledger"), _part(status, "writer")
    disk, rejects = _part(status, "disk"), _part(status, "rejects")
    counter, gauge = "counter", "gauge"
    yield "uptime_seconds", gauge, "Since the start of the collector.", _one(status, "uptime_s")
    yield (
        "messages_total",
        counter,
        "Messages and poll results, by what became of them.",
        _each(ledger, "outcomes", "outcome"),
    )
    yield "points_total", counter, "Points that are on disk.", _one(ledger, "points")
    yield (
        "measurement_points_total",
        counter,
        "Points on disk, by measurement.",
        _each(ledger, "measurements", "measurement"),
    )
    yield (
        "dropped_total",
        counter,
        "Items that nobody sends again, dropped, by source.",
        _each(ledger, "dropped", "source"),
    )
    yield "waiting", gauge, "Items that are not on disk yet.", _one(writer, "waiting")
    yield "waiting_bytes", gauge, "Bytes of those in the inbox.", _one(writer, "waiting_bytes")
    yield "spooled", gauge, "Items on disk that wait for the clock.", _one(writer, "spooled")
    yield "lag_seconds", gauge, "How long the oldest of them has waited.", _one(writer, "lag_s")
    yield "disk_refuses", gauge, "1 while the disk takes nothing.", _one(writer, "refused")
    yield (
        "clock_believed",
        gauge,
        "1 while points get their time from the clock.",
        _one(_part(status, "clock"), "believed"),
    )
    yield "data_bytes", gauge, "Size of the data file.", _one(disk, "data_bytes")
    yield "disk_free_bytes", gauge, "Free on the file system of the data.", _one(disk, "free_bytes")
    yield "reject_file_bytes", gauge, "Size of what could not be mapped.", _one(rejects, "bytes")
    brokers = _part(status, "brokers")
    yield (
        "broker_connected",
        gauge,
        "1 while the broker is connected.",
        _of_each(brokers, "broker", "connected"),
    )
    yield (
        "broker_connections_total",
        counter,
        "How often it was connected.",
        _of_each(brokers, "broker", "connections"),
    )
    jobs = _part(status, "jobs")
    for what in ("done", "failed", "timed_out"):
        yield (
            f"job_runs_{what}_total",
            counter,
            f"Runs of polls and other jobs: {what}.",
            _of_each(jobs, "job", what),
        )


def _one(part: Status, name: str) -> Iterator[_Sample]:
    value = part.get(name)
    if isinstance(value, (bool, int, float)):
        yield {}, float(value)


def _each(part: Status, name: str, label: str) -> Iterator[_Sample]:
    for key, value in _part(part, name).items():
        if isinstance(value, (int, float)):
            yield {label: str(key)}, float(value)


def _of_each(parts: Status, label: str, name: str) -> Iterator[_Sample]:
    for key, part in parts.items():
        if isinstance(part, Mapping):
            for _, value in _one(part, name):
                yield {label: str(key)}, value


def _part(status: Status, name: str) -> Status:
    part = status.get(name)
    return part if isinstance(part, Mapping) else {}


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
