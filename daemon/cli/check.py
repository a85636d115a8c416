"""`check`: what is wrong with a configuration, without starting anything."""

from __future__ import annotations

from pathlib import Path

from daemon.clock import SystemClock
from daemon.config import load_config
from daemon.mapping import compile_mapper
from daemon.retention import advice
from daemon.sources import link_settings


def check(path: Path) -> int:
    """Print the verdict; 0 if it can be used. Raises ConfigError, and StartError for TLS files."""
    config = load_config(path)
    compile_mapper(config)
    for name, broker in config.brokers.items():
        if not broker.is_embedded:
            link_settings(config, name)
    for notice in (*config.notices, *advice(config, SystemClock().now_us())):
        print(f"note: {notice}")
    counted = ", ".join(
        f"{number} {name}{'' if number == 1 else 's'}"
        for number, name in (
            (len(config.brokers), "broker"),
            (len(config.sources), "source"),
            (sum(len(broker.presets) for broker in config.brokers.values()), "preset"),
            (len(config.polls), "poll"),
            (len(config.retention.rules), "retention rule"),
        )
    )
    print(f"{path}: no problems found ({counted}; data goes to {config.storage.path})")
    return 0
