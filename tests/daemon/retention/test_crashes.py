"""Runs that are killed: at a random moment, and behind each durable step of the change."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.config import Config
from daemon.retention import run
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import (
    START,
    Sample,
    configured,
    expected,
    rolled,
    store,
    stored,
)

RULES = (
    "{name: c, match: {measurement: climate}, max_age: 12h, late: 1h, archive: old/, downsample: ["
    "{every: 15m, max_age: 5d, how: [mean, min, max]}, {every: 1h, how: [mean, min, max]}]}"
)
CHILD = """
import os, sys
from datetime import timedelta
from pathlib import Path
from daemon.config import load_config
from daemon.retention import run
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import START
from tinyflux import files

step, fatal = 0, int(sys.argv[2])
def hook(name, path):
    global step
    step += 1
    if step == fatal:
        os.kill(os.getpid(), 9)
    return None
print("ready", flush=True)
with files.intercepted(hook):
    run(load_config(Path(sys.argv[1])), SetClock(START + timedelta(hours=float(sys.argv[3]))))
print(step, flush=True)
"""


def child(config: Config, fatal: int, hours: float) -> subprocess.Popen[str]:
    """A run in a process of its own, killed in front of its durable step number `fatal`."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(config.origin), str(fatal), str(hours)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def household(hours: int, seed: int = 1) -> list[Sample]:
    chance = random.Random(seed)
    return [
        Sample(at * 300.0, room, round(chance.uniform(15, 25), 2))
        for at in range(hours * 12)
        for room in ("kitchen", "attic")
    ]


def check_nothing_lost_or_doubled(config: Config, samples: list[Sample], hours: float) -> None:
    """Each sample is a point, or in its roll-up, and in no two of them."""
    run(config, SetClock(START + timedelta(hours=hours)))
    points = stored(config, "climate")
    cutoff = START + timedelta(hours=hours - 12)
    kept = [sample for sample in samples if sample.time >= cutoff]
    assert sorted((p.time, p.tags["room"]) for p in points) == sorted(
        (sample.time, sample.room) for sample in kept
    )
    complete = START + timedelta(hours=hours - 1)
    for target, every_s in (("climate_15m", 900), ("climate_1h", 3600)):
        wanted = expected([sample for sample in samples if sample.time < complete], every_s)
        found = rolled(config, target)
        assert found.keys() == wanted.keys()
        for cell, fields in wanted.items():
            assert found[cell]["t_count"] == fields["t_count"]
            assert found[cell]["t_sum"] == pytest.approx(fields["t_sum"])


def durable_steps(folder: Path) -> int:
    """How many durable steps such a run has."""
    folder.mkdir()
    config = configured(folder, RULES)
    store(config, household(20))
    process = child(config, -1, 20)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return int(out.split()[1])


def archived(folder: Path) -> list[bytes]:
    return [
        line
        for path in sorted((folder / "old").glob("*.csv.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def test_kill_in_front_of_each_durable_step_loses_and_doubles_nothing(tmp_path: Path) -> None:
    n_steps = durable_steps(tmp_path / "count")
    assert n_steps > 10
    chosen = sorted(set(random.Random(2).sample(range(1, n_steps + 1), 12)) | {1, n_steps})
    for fatal in chosen:
        folder = tmp_path / f"killed-{fatal}"
        folder.mkdir()
        config = configured(folder, RULES)
        samples = household(20)
        store(config, samples)
        process = child(config, fatal, 20)
        process.communicate(timeout=60)
        assert process.returncode == -9
        check_nothing_lost_or_doubled(config, samples, 20)
        lines = archived(folder)
        gone = [s for s in samples if s.time < START + timedelta(hours=8)]
        assert len(lines) == len(set(lines)) == len(gone)
        assert list(folder.glob("old/*.part")) == []


def test_kills_at_random_moments_beside_late_points_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    chance = random.Random(3)
    config = configured(tmp_path, RULES)
    samples = household(60)
    chance.shuffle(samples)  # most of them are late, many later than their raw data is kept
    came: list[Sample] = []
    for number in range(8):
        part = samples[number::8]
        store(config, [s for s in part if s.at < (20 + 5 * number) * 3600])
        came += [s for s in part if s.at < (20 + 5 * number) * 3600]
        process = child(config, -1, 20 + 5 * number)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.25))
        process.kill()
        process.communicate()
    check_nothing_lost_or_doubled(config, came, 60)
