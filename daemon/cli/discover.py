"""`discover`: the entities that devices announce, as YAML of `sources` to paste."""

from __future__ import annotations

import sys
from pathlib import Path

from daemon.app.discover import discover as look_around
from daemon.cli.endpoints import running_endpoints
from daemon.clock import SystemClock
from daemon.config import load_config
from daemon.discovery import sources_of
from daemon.errors import EX_UNAVAILABLE


def discover(path: Path, listen_s: float) -> int:
    """Print what is announced; 0, or EX_UNAVAILABLE where no broker could be asked.

    Raises ConfigError and StartError.
    """
    config = load_config(path)
    several = len(config.brokers) > 1
    lines: list[str] = []
    has_seen = False
    for found in look_around(config, SystemClock(), listen_s, running_endpoints(config)):
        known, used = found.registry.counts()
        for trouble in found.troubles:
            print(f"# {trouble}", file=sys.stderr)
        if found.troubles and not known:
            continue
        has_seen = True
        hint = "" if known else "; devices announce themselves when they start"
        lines.append(f"# {found.broker}: {used} of {known} announced entities give readings{hint}")
        lines += sources_of(found.registry, found.broker if several else None)
    if not has_seen:
        return EX_UNAVAILABLE
    if any(line.startswith("  - ") for line in lines):
        lines.insert(0, "sources:")
    print("\n".join(lines))
    return 0
