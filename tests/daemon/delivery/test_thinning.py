"""A real collector that thins: nothing lost or doubled by kill -9, and the ledger balances."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.app import ledger_path
from tests.daemon.app.processes import CollectorProcess, configuration_for, read_rows
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto
from tinyflux import Point, TinyFlux

CONNECTED = "connected (MQTT"


class Thinned:
    """One collector with rules of its own."""

    def __init__(self, broker: Mosquitto, folder: Path, rules: list[str]) -> None:
        self.broker = broker
        text = configuration_for(broker, interval="200ms", sources=rules)
        self.collector = CollectorProcess(folder, text)

    def start(self) -> None:
        self.collector.start(says=CONNECTED)

    def publish(self, topic: str, *payloads: object) -> None:
        for payload in payloads:
            text = payload if isinstance(payload, str) else json.dumps(payload)
            self.broker.publish(topic, text)

    def points(self) -> list[Point]:
        """In the order of the file."""
        if not self.collector.data_path.exists():
            return []
        with TinyFlux(str(self.collector.data_path), access_mode="r") as db:
            return db.all(sorted=False)

    def fields(self) -> list[dict[str, int | float | None]]:
        return [point.fields for point in self.points()]

    def wait_for_points(self, count: int) -> None:
        wait_until(lambda: len(self.points()) >= count, f"{count} points")

    def is_spooled(self, text: str) -> bool:
        spool = self.collector.data_path.with_suffix(".spool")
        return spool.exists() and text in spool.read_text()

    def wait_for_spooled(self, text: str) -> None:
        wait_until(lambda: self.is_spooled(text), f"{text} to be spooled")

    def ledger(self) -> dict[str, int]:
        """Ended in order; every message of the run has its outcome."""
        assert self.collector.end() == 0, self.collector.log_text()
        ledger = json.loads(ledger_path(self.collector.data_path).read_text(encoding="utf-8"))
        assert sum(ledger["outcomes"].values()) == ledger["received"] + ledger["resumed"]
        assert "does not balance" not in self.collector.log_text()
        assert "does not know" not in self.collector.log_text()
        return {name: number for name, number in ledger["outcomes"].items() if number}


@pytest.fixture
def started(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[list[Thinned]]:
    """Killed at the end."""
    running: list[Thinned] = []
    yield running
    for one in running:
        one.collector.kill()
        print(one.collector.log_text()[-3000:])


def thinned(broker: Mosquitto, folder: Path, started: list[Thinned], *options: str) -> Thinned:
    one = Thinned(
        broker,
        folder,
        [
            f"{{topic: '{option}}}"
            if "'" in option
            else f"{{topic: n/+p, measurement: m, {option}}}"
            for option in options
        ],
    )
    started.append(one)
    one.start()
    return one


def test_unchanged_values_are_left_out_and_counted(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "fields: {t: {deadband: 0.5}, h: {deadband: 10%}}")
    one.publish("n/1", {"t": 20, "h": 50}, {"t": 20.4, "h": 54}, {"t": 20.4, "h": 56})
    one.wait_for_points(2)
    one.publish("n/1", {"t": 20.4, "h": 57})
    assert one.ledger() == {"stored": 2, "unchanged": 2}
    assert one.fields() == [{"t": 20.0, "h": 50.0}, {"t": 20.4, "h": 56.0}]


def test_an_unchanged_value_is_not_stored_again_after_a_restart_or_a_kill(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "deadband: 0")
    one.publish("n/1", {"a": 1})
    one.wait_for_points(1)
    assert one.ledger() == {"stored": 1}
    one.start()
    one.publish("n/1", {"a": 1}, {"a": 2})
    one.wait_for_points(2)
    one.collector.kill()
    one.start()
    # Saved was the first; the second is known from the row.
    one.publish("n/1", {"a": 2}, {"a": 1})
    one.wait_for_points(3)
    assert one.ledger()["unchanged"] == 1
    assert one.fields() == [{"a": 1.0}, {"a": 2.0}, {"a": 1.0}]


def test_max_silence_stores_an_unchanged_value(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "max_silence: 500ms")
    one.publish("n/1", "1", "1")
    one.wait_for_points(1)
    time.sleep(0.6)
    one.publish("n/1", "1")
    one.wait_for_points(2)
    assert one.ledger() == {"stored": 2, "unchanged": 1}


def test_the_last_message_of_a_window_is_stored_although_nothing_more_comes(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "throttle: 2s")
    one.publish("n/1", *range(5))
    one.wait_for_points(1)
    assert one.fields() == [{"value": 4.0}]
    assert one.ledger() == {"stored": 1, "throttled": 4}


def test_what_is_throttled_survives_a_kill(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "throttle: 1h")
    for number in range(3):
        one.publish("n/1", str(number))
        one.wait_for_spooled(f'"text":"{number}"')
        one.collector.kill()
        assert one.points() == []
        one.start()
    outcomes = one.ledger()
    assert one.fields() == [{"value": 2.0}]
    assert outcomes["stored"] == 1
    assert set(outcomes) <= {"stored", "throttled", "duplicate"}


def test_a_window_ends_although_no_process_lives_as_long(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "throttle: 4s")

    def is_stored_after_a_kill(number: int) -> bool:
        one.publish("n/1", str(number))
        text = f'"text":"{number}"'
        # One that comes just as the window ends does not wait.
        wait_until(lambda: one.is_spooled(text) or bool(one.points()), "the message")
        one.collector.kill()
        one.start()
        return bool(one.points())

    assert any(is_stored_after_a_kill(number) for number in range(30))
    outcomes = one.ledger()
    assert set(outcomes) <= {"stored", "throttled", "duplicate"}
    values = [fields["value"] for fields in one.fields()]
    assert values == sorted(set(values))


def test_what_waits_is_stored_when_the_collector_ends(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "throttle: 1h")
    one.publish("n/1", "1", "2")
    one.wait_for_spooled('"text":"2"')
    assert one.ledger() == {"stored": 1, "throttled": 1}
    assert one.fields() == [{"value": 2.0}]
    assert one.collector.data_path.with_suffix(".spool").read_bytes() == b""


MERGE = [
    "esp/+device/temperature', measurement: climate, fields: {t: {}}, merge_within: 3s",
    "esp/+device/humidity', measurement: climate, fields: {h: {}}, merge_within: 3s",
]


def test_topics_are_merged_although_the_collector_is_killed_between_them(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, *MERGE)
    one.publish("esp/attic/temperature", "21.5")
    one.wait_for_spooled('"text":"21.5"')
    one.collector.kill()
    one.start()
    one.publish("esp/attic/humidity", "48")
    one.wait_for_points(1)
    merged = {key: value for fields in one.fields() for key, value in fields.items()}
    assert merged == {"t": 21.5, "h": 48.0}
    assert one.ledger()["stored"] == len(one.points())


def test_repeated_transmissions_are_one_reading(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "repeats_within: 30s")
    one.publish("n/1", *[{"t": 20.5}] * 4, {"t": 20.6})
    one.wait_for_points(2)
    assert one.ledger() == {"stored": 2, "duplicate": 3}


def test_a_silent_series_gets_one_null_point_and_none_after_a_restart(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    one = thinned(mosquitto, tmp_path, started, "expire_after: 1s")
    one.publish("n/1", {"a": 1, "b": 2})
    one.wait_for_points(2)
    assert one.fields()[1] == {"a": None, "b": None}
    assert one.points()[1].tags == one.points()[0].tags
    assert one.ledger() == {"stored": 1}
    one.start()
    time.sleep(2)
    assert len(one.points()) == 2
    one.publish("n/1", {"a": 1})
    one.wait_for_points(3)
    one.collector.kill()
    one.start()
    one.wait_for_points(4)
    assert one.fields()[2:] == [{"a": 1.0}, {"a": None, "b": None}]


@pytest.mark.parametrize("option", ["throttle: 500ms", "merge_within: 300ms", "deadband: 1"])
def test_numbers_are_neither_lost_nor_doubled_by_kills(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned], option: str
) -> None:
    """Each message has a series of its own but for every fourth, which takes the place of the
    value of another."""
    one = thinned(mosquitto, tmp_path, started, option)
    for number in range(120):
        one.publish(f"n/{number // 4 * 4}", str(2 * number))
        if number % 40 == 25:
            one.collector.kill()
            one.start()
    last = {str(device): 2.0 * (device + 3) for device in range(0, 120, 4)}

    def newest() -> dict[str, float]:
        return {str(point.tags["p"]): float(point.fields["value"] or 0) for point in one.points()}

    wait_until(lambda: newest() == last, "the last value of every series")
    outcomes = one.ledger()
    rows = [(point.tags["p"], point.fields["value"]) for point in one.points()]
    assert len(rows) == len(set(rows))
    assert newest() == last
    assert outcomes["stored"] <= len(rows)
    assert "rejected" not in outcomes
    assert read_rows(one.collector.data_path, "m")


def test_a_device_that_is_gone_has_no_values_even_after_a_kill(
    mosquitto: Mosquitto, tmp_path: Path, started: list[Thinned]
) -> None:
    option = "deadband: 0, availability: {topic: lwt/+p, online: Online, offline: Offline}"
    one = thinned(mosquitto, tmp_path, started, option)
    one.publish("n/1", {"a": 1})
    one.publish("n/2", {"a": 1})
    one.wait_for_points(2)
    # The series must be known to the next process, with the rule that makes them.
    assert one.ledger() == {"stored": 2}
    one.start()
    mosquitto.publish("lwt/1", "Offline", retain=True)
    one.wait_for_points(3)
    one.collector.kill()
    one.start()
    one.publish("n/2", {"a": 1})
    one.publish("n/1", {"a": 1})
    one.wait_for_points(4)
    outcomes = one.ledger()
    assert [(point.tags["p"], point.fields) for point in one.points()] == [
        ("1", {"a": 1.0}),
        ("2", {"a": 1.0}),
        ("1", {"a": None}),
        ("1", {"a": 1.0}),
    ]
    # It is retained, so it comes at each connection, or again; but it is known.
    assert outcomes["stored"] == 1
    assert set(outcomes) <= {"stored", "unchanged", "duplicate"}
