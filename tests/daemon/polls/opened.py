"""Sensors opened from options as a configuration has them."""

from __future__ import annotations

from pathlib import Path

from daemon.clock import SystemClock
from daemon.config import Config, load_config
from daemon.mapping import compile_mapper
from daemon.messages import Mapped, Reading
from daemon.polls import Place, Sensor, open_sensor


def configured(folder: Path, poll: str) -> Config:
    """A configuration with this one poll."""
    path = folder / "config.yaml"
    path.write_text(f"storage: {{path: data.csv}}\npolls:\n  - {poll}\n")
    return load_config(path)


def opened(folder: Path, poll: str) -> Sensor:
    """The sensor of this poll."""
    [options] = configured(folder, poll).polls
    return open_sensor(options, Place(folder, options.name))


def polled(folder: Path, poll: str, timeout_s: float = 30.0) -> Mapped:
    """What one reading of this poll becomes."""
    config = configured(folder, poll)
    [options] = config.polls
    value = open_sensor(options, Place(folder, options.name)).read(timeout_s)
    return compile_mapper(config).map(Reading(options.name, value, SystemClock().now_us()))
