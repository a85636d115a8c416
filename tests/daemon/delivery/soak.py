"""The collector at an even rate for long: `make soak` for an hour, a short form in `make test`.

Memory and share of a core are looked at from the outside, in steps; at the end every number is in
the file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.daemon.app.processes import CollectorProcess, configuration_for
from tests.support.mosquitto import Mosquitto
from tests.support.publisher import NumberPublisher
from tinyflux import TinyFlux

PUBLISHERS = 5
_QUIET_BROKER = ("log_type error", "autosave_on_changes false", "autosave_interval 1800")


@dataclass(frozen=True)
class Sample:
    """The collector at one moment."""

    after_s: float
    resident_mb: float
    share: float
    """Of one core, since the sample before."""


@dataclass(frozen=True)
class SoakVerdict:
    """What was seen."""

    published: int
    rows: int
    samples: tuple[Sample, ...]

    @property
    def growth_mb(self) -> float:
        """The highest of the last third above the highest of the second: 0 or less is flat."""
        third = len(self.samples) // 3
        middle, last = self.samples[third : 2 * third], self.samples[2 * third :]
        return max(s.resident_mb for s in last) - max(s.resident_mb for s in middle)

    @property
    def share(self) -> float:
        """Of one core, without the start."""
        rest = self.samples[1:]
        return sum(sample.share for sample in rest) / len(rest)

    def __str__(self) -> str:
        highest = max(sample.resident_mb for sample in self.samples)
        return (
            f"{self.published} published, {self.rows} stored, {highest:.1f} MB resident at most, "
            f"{self.growth_mb:+.1f} MB in the last third, {self.share:.1%} of a core"
        )


def soak(
    broker: Mosquitto, folder: Path, *, seconds: float, per_second: float, n_samples: int
) -> SoakVerdict:
    """Publish numbers evenly for so long, and look at the collector meanwhile."""
    rule = "{topic: n/+publisher, measurement: numbers}"
    collector = CollectorProcess(
        folder, configuration_for(broker, interval="5s", protocol="5", sources=[rule])
    )
    collector.start(says="connected (MQTT")
    try:
        samples = []
        login = (broker.username, broker.password)
        with ExitStack() as running:
            publishers = [
                running.enter_context(
                    NumberPublisher(
                        broker.port, f"n/p{n}", per_second=per_second / PUBLISHERS, login=login
                    )
                )
                for n in range(PUBLISHERS)
            ]
            look = _Watch(psutil.Process(collector.pid))
            for _ in range(n_samples):
                time.sleep(seconds / n_samples)
                samples.append(look.sample())
            published = sum(one.finish() for one in publishers)
        collector.wait_for(
            lambda: _n_rows(collector.data_path) >= published, f"{published} rows in the file"
        )
        assert collector.end() == 0, collector.log_text()[-3000:]
    finally:
        collector.kill()
    return SoakVerdict(published, _n_rows(collector.data_path), tuple(samples))


class _Watch:
    """Looks at a process now and then."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._began_s = self._last_s = time.monotonic()
        self._cpu_s = self._cpu()

    def sample(self) -> Sample:
        """What it holds, and what it has used since the last look."""
        now_s, cpu_s = time.monotonic(), self._cpu()
        share = (cpu_s - self._cpu_s) / (now_s - self._last_s)
        self._last_s, self._cpu_s = now_s, cpu_s
        return Sample(now_s - self._began_s, self._process.memory_info().rss / 1e6, share)

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


def _n_rows(path: Path) -> int:
    with TinyFlux(str(path), access_mode="r") as db:
        return len(db)


def main() -> None:
    """Soak and print; status 1 when something is missing or memory grows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--rate", type=float, default=100.0, help="messages a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        broker = Mosquitto(Path(folder), lines=_QUIET_BROKER)
        broker.start()
        try:
            n_samples = max(6, round(options.seconds / 60))
            verdict = soak(
                broker,
                Path(folder),
                seconds=options.seconds,
                per_second=options.rate,
                n_samples=n_samples,
            )
        finally:
            broker.stop()
    for sample in verdict.samples:
        print(f"{sample.after_s:7.0f} s {sample.resident_mb:6.1f} MB {sample.share:6.1%}")
    print(verdict)
    if verdict.rows != verdict.published or verdict.growth_mb > 3.0:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
