"""How many polls a second one collector sustains, beside sensors that hang, and what it costs.

    make bench-polls                                        half a minute
    make bench-polls ARGS="--polls 2000 --every 10 --seconds 120 --hanging 100"

File polls of a real file, from the scheduler to the CSV file; the hanging ones are programs that
sleep and ignore SIGTERM, each of which takes a thread until its timeout.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from pathlib import Path

from daemon.app import Collector
from daemon.clock import SystemClock
from daemon.config import Config, load_config
from daemon.messages import Outcome


def configured(folder: Path, polls: int, every_s: int, hanging: int) -> Config:
    """That many polls, with a jitter that spreads them over their interval."""
    (folder / "level").write_text("21.5\n")
    lines = ["storage: {path: points.csv}", "polls:"]
    lines += [
        f"  - file: {{name: p{number}, every: {every_s}s, jitter: {every_s}s, path: level}}"
        for number in range(polls)
    ]
    lines += [
        f"  - command: {{name: h{number}, every: 5s, timeout: 4s, "
        "run: [sh, -c, \"trap '' TERM; exec sleep 600\"]}"
        for number in range(hanging)
    ]
    path = folder / "config.yaml"
    path.write_text("\n".join(lines) + "\n")
    return load_config(path)


def measure(config: Config, seconds: float, warm_up_s: float) -> tuple[float, float, int]:
    """Readings stored a second, share of a core, and runs that were left out."""
    collector = Collector(config, SystemClock())
    collector.start()
    try:
        time.sleep(warm_up_s)
        stored, used_s = collector.ledger.outcomes()[Outcome.STORED], time.process_time()
        began_s = time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began_s
        stored = collector.ledger.outcomes()[Outcome.STORED] - stored
        used_s = time.process_time() - used_s
        jobs = collector.status()["jobs"]
    finally:
        collector.stop()
    assert isinstance(jobs, dict)
    left_out = sum(jobs[name]["overlapped"] for name in jobs if name.startswith("poll p"))
    return stored / took_s, used_s / took_s, left_out


def main() -> None:
    """Measure once and print a line."""
    parser = argparse.ArgumentParser(description="polls a second")
    parser.add_argument("--polls", type=int, default=200)
    parser.add_argument("--every", type=int, default=1, help="seconds")
    parser.add_argument("--hanging", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        config = configured(Path(folder), options.polls, options.every, options.hanging)
        rate, share, left_out = measure(config, options.seconds, 2.0 * options.every + 3)
    print(
        f"{options.polls / options.every:g} polls a second asked for, {options.hanging} hanging: "
        f"{rate:.0f} stored a second, {100 * share:.0f}% of a core, {left_out} runs left out"
    )


if __name__ == "__main__":
    main()
