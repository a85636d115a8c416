"""The proof that no acknowledged message is lost: `make kill`, and short in `make test`.

Numbered publishers at QoS 1 on a real Mosquitto, a real collector, and a disturbance again and
again. At the end every number is in the file; figures say what it took.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.app import ledger_path
from daemon.writer.notes import Kind, Mark, NoteFile, note_of
from tests.daemon.app.processes import CollectorProcess, configuration_for
from tests.support.mosquitto import Mosquitto
from tests.support.proxy import DroppingProxy
from tests.support.publisher import NumberPublisher
from tests.support.tmpfs import full_disk
from tinyflux import TinyFlux

PUBLISHERS = 5
CONNECTED = "connected (MQTT"
_PATIENCE_S = 600.0
_CHOOSER = random.Random()
_NUMBERS = "{topic: n/+publisher, measurement: numbers}"
# Ways to say the same, by another subscription, through another connection, or beside other rules.
_REWORDED = (
    ("5s", ["{topic: n/#publisher, measurement: numbers}"]),
    ("5s", ["{topic: other/+device, measurement: other}", _NUMBERS]),
    ("6s", [_NUMBERS]),
    ("5s", ["{topic: '+kind/+publisher', measurement: numbers, tags: {kind: null}}"]),
    ("5s", [_NUMBERS, "{topic: n/+, measurement: shadow, when: {$.x: 1}}"]),
)


@dataclass(frozen=True)
class Load:
    """How hard and how often."""

    times: int
    """How often the disturbance comes."""
    lasts_s: float = 0.0
    """How long a cut, a stop or a full disk lasts."""
    per_second: int = 500


@dataclass(frozen=True)
class Verdict:
    """What was published and what was found."""

    published: int
    rows: int
    missing: int
    """Numbers that are in no row: must be 0."""
    doubled: int
    """Rows whose number is in another row too."""
    recognised: int
    """Messages that came again and were recognised, by the notes of the writer."""
    recovered: int
    """Points of runs that were killed before they could save the ledger."""
    counted: int
    """Points that the ledger has, recovered ones included."""
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.published} published, {self.missing} missing, {self.doubled} stored twice, "
            f"{self.recognised} recognised as sent again, {self.recovered} of {self.rows} rows "
            f"recovered after a crash, {self.seconds:.0f} s"
        )


class Trial:
    """A broker, a collector and what lies between; `disturb` comes as often as the load says."""

    def __init__(
        self,
        broker: Mosquitto,
        folder: Path,
        *,
        proxy: DroppingProxy | None = None,
        protocol: str = "3.1.1",
    ) -> None:
        self.broker = broker
        self.proxy = proxy
        self.protocol = protocol
        self.reloads = 0
        url = broker.url if proxy is None else f"mqtt://127.0.0.1:{proxy.port}"
        configuration = configuration_for(
            broker, url=url, keepalive="5s", protocol=protocol, sources=[_NUMBERS]
        )
        self.collector = CollectorProcess(folder, configuration)

    def run(self, load: Load, disturb: Callable[[Trial, Load], None]) -> Verdict:
        """Publish while it is disturbed, then wait for every number and count."""
        began_s = time.monotonic()
        collector = self.collector
        collector.start(says=CONNECTED)
        try:
            published = self._publish(load, disturb)
            deadline_s = time.monotonic() + _PATIENCE_S
            while (stored := self._stored())[0] and time.monotonic() < deadline_s:
                if sum(published.values()) == len(stored[1]):
                    break
                time.sleep(0.3)
            assert collector.end() == 0, collector.log_text()[-3000:]
        finally:
            collector.kill()
        return self._verdict(published, time.monotonic() - began_s)

    def _publish(self, load: Load, disturb: Callable[[Trial, Load], None]) -> dict[str, int]:
        login = (self.broker.username, self.broker.password)
        share = load.per_second / PUBLISHERS
        with ExitStack() as running:
            publishers = [
                running.enter_context(
                    NumberPublisher(self.broker.port, f"n/p{number}", per_second=share, login=login)
                )
                for number in range(PUBLISHERS)
            ]
            for _ in range(load.times):
                time.sleep(_CHOOSER.uniform(0.05, 1.5))
                disturb(self, load)
            return {one.topic.removeprefix("n/"): one.finish() for one in publishers}

    def _stored(self) -> tuple[int, Counter[tuple[str, int]]]:
        with TinyFlux(str(self.collector.data_path), access_mode="r") as db:
            points = db.all(sorted=False)
        return len(points), Counter(
            (str(point.tags["publisher"]), int(point.fields["value"] or 0)) for point in points
        )

    def _verdict(self, published: dict[str, int], seconds: float) -> Verdict:
        rows, found = self._stored()
        wanted = {(name, number) for name, count in published.items() for number in range(count)}
        ledger = json.loads(ledger_path(self.collector.data_path).read_text(encoding="utf-8"))
        total = ledger["total"]
        return Verdict(
            published=len(wanted),
            rows=rows,
            missing=len(wanted - found.keys()),
            doubled=rows - len(found),
            recognised=self._recognised(),
            recovered=total["recovered"],
            counted=total["points"] + total["recovered"],
            seconds=seconds,
        )

    def _recognised(self) -> int:
        # A killed run has not saved its ledger; what it noted is there.
        records = NoteFile(self.collector.data_path.with_suffix(".received"), b"").records()
        noted = [note_of(body).messages for kind, body in records if kind is Kind.NOTE]
        return sum(1 for messages in noted for one in messages if one.marks & Mark.KNOWN)


def kill_collector(trial: Trial, load: Load) -> None:
    """kill -9, and a new start."""
    trial.collector.kill()
    trial.collector.start()


def reload_collector(trial: Trial, load: Load) -> None:
    """A changed configuration, and SIGHUP."""
    keepalive, sources = _REWORDED[trial.reloads % len(_REWORDED)]
    trial.reloads += 1
    collector = trial.collector
    text = configuration_for(
        trial.broker, keepalive=keepalive, protocol=trial.protocol, sources=sources
    )
    collector.config_path.write_text(text, encoding="utf-8")
    collector.signal(signal.SIGHUP)
    collector.wait_for(
        lambda: collector.log_text().count("reloaded: ") >= trial.reloads, "a reload"
    )


def restart_broker(trial: Trial, load: Load) -> None:
    """The broker ends in order and comes back."""
    trial.broker.stop()
    time.sleep(load.lasts_s)
    trial.broker.start()


def cut_network(trial: Trial, load: Load) -> None:
    """Every byte between collector and broker is swallowed for a while."""
    assert trial.proxy is not None
    trial.proxy.cut()
    time.sleep(load.lasts_s)
    trial.proxy.mend()


def freeze_collector(trial: Trial, load: Load) -> None:
    """SIGSTOP, longer than the broker waits for a sign of life, and SIGCONT."""
    trial.collector.signal(signal.SIGSTOP)
    time.sleep(load.lasts_s)
    trial.collector.signal(signal.SIGCONT)


def fill_disk(trial: Trial, load: Load) -> None:
    """The file system of the data is full for a while."""
    with full_disk(trial.collector.folder):
        time.sleep(load.lasts_s)


@contextmanager
def dropping_proxy(broker: Mosquitto) -> Iterator[DroppingProxy]:
    """A proxy in front of this broker, ended afterwards."""
    proxy = DroppingProxy(broker.port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
