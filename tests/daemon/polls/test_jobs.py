"""Configured polls on a real scheduler: readings arrive, trouble of one is no trouble of others."""

from __future__ import annotations

import enum
import functools
import logging
import queue
import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from daemon.clock import SystemClock
from daemon.config import Config, load_config, parse_cron
from daemon.logs import Repeats
from daemon.messages import JsonValue, Reading
from daemon.polls import Sensor, SensorError
from daemon.polls.command import CommandOptions
from daemon.polls.jobs import PollJob, schedule_of, schedule_polls
from daemon.scheduling import Calendar, Every, JobState, Scheduler
from tests.daemon.clocks import SetClock
from tests.daemon.waiting import wait_until


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler(SystemClock(), look_s=0.05)
    yield made
    made.stop(5)


def configured(tmp_path: Path, polls: str) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(f"storage: {{path: data.csv}}\npolls:\n{polls}")
    return load_config(path)


def test_polls_of_a_configuration_bring_readings_under_their_names(
    tmp_path: Path, scheduler: Scheduler
) -> None:
    config = configured(
        tmp_path,
        "  - system: {every: 1h, collect: [memory]}\n"
        "  - command: {name: rain, every: 1h, run: [echo, '{\"mm\": 0.2}']}\n",
    )
    arrived: queue.Queue[Reading] = queue.Queue()
    schedule_polls(config, scheduler, lambda reading: not arrived.put(reading), SetClock())
    scheduler.start()
    readings = {reading.poll: reading for reading in (arrived.get(timeout=20) for _ in range(2))}
    assert readings["rain"].value == '{"mm": 0.2}\n'
    assert readings["rain"].received_us == SetClock().now_us()
    assert "memory_percent" in str(readings["system"].value)


def test_hanging_and_failing_commands_disturb_no_other_poll(
    tmp_path: Path, scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    config = configured(
        tmp_path,
        "  - command: {name: hangs, every: 100ms, run: [sleep, '600'], timeout: 300ms}\n"
        "  - command: {name: fails, every: 100ms, run: [sh, -c, 'echo dust >&2; exit 1']}\n"
        f"  - command: {{name: floods, every: 100ms, run: ['{sys.executable}', -c,"
        " 'while True: print(5)']}\n"
        "  - command: {name: works, every: 100ms, run: [echo, '5']}\n",
    )
    arrived: list[Reading] = []
    troubles = (
        "poll hangs: failed: sleep was still running after 0.3 s, killed",
        "poll fails: failed: sh ended with exit status 1: dust",
        f"poll floods: failed: {sys.executable} printed more than 1000000 bytes, killed",
    )
    with caplog.at_level(logging.INFO):
        schedule_polls(config, scheduler, lambda reading: not arrived.append(reading), SetClock())
        scheduler.start()
        wait_until(
            lambda: all(trouble in caplog.text for trouble in troubles) and len(arrived) >= 5,
            "three polls to fail and one to work",
        )
    assert {reading.poll for reading in arrived} == {"works"}
    assert {job.name: job.state for job in scheduler.jobs()} == {
        "poll hangs": JobState.FAILING,
        "poll fails": JobState.FAILING,
        "poll floods": JobState.FAILING,
        "poll works": JobState.OK,
    }
    assert all(caplog.text.count(trouble) == 1 for trouble in troubles)


class FixedSensor(Sensor):
    """Answers as it was told; may let time pass first."""

    def __init__(self, value: JsonValue, clock: SetClock, takes_s: float = 0.0) -> None:
        self._value = value
        self._clock = clock
        self._takes_s = takes_s

    def read(self, timeout_s: float) -> JsonValue:
        self._clock.pass_time(self._takes_s)
        return self._value


POLL = CommandOptions(name="rain", run=("true",), timeout="10s", measurement="rain")  # type: ignore[arg-type]


def test_reading_that_comes_after_the_timeout_is_a_failure() -> None:
    clock = SetClock()
    arrived: list[Reading] = []
    sensor = FixedSensor(5, clock, takes_s=11)
    repeats = Repeats(logging.getLogger("daemon.test"), clock)
    job = PollJob(POLL, lambda: sensor, lambda reading: not arrived.append(reading), clock, repeats)
    with pytest.raises(SensorError, match="after 11 s") as failure:
        job.run()
    assert failure.value.kind == "late"
    assert arrived == []


def test_sensor_that_cannot_be_opened_is_tried_again_at_the_next_run() -> None:
    clock = SetClock()
    arrived: list[Reading] = []
    openings: list[SensorError | FixedSensor] = [
        SensorError("missing", "the bus is off; enable it with raspi-config"),
        FixedSensor(5, clock),
    ]

    def open_sensor() -> FixedSensor:
        opened = openings.pop(0)
        if isinstance(opened, SensorError):
            raise opened
        return opened

    repeats = Repeats(logging.getLogger("daemon.test"), clock)
    job = PollJob(POLL, open_sensor, lambda reading: not arrived.append(reading), clock, repeats)
    with pytest.raises(SensorError, match="raspi-config"):
        job.run()
    job.run()
    job.run()
    assert [reading.value for reading in arrived] == [5, 5]
    assert openings == []


def test_readings_that_find_no_room_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = SetClock()
    repeats = Repeats(logging.getLogger("daemon.test"), clock)
    job = PollJob(POLL, lambda: FixedSensor(5, clock), lambda reading: False, clock, repeats)
    for _ in range(5):
        job.run()
    assert [record.getMessage() for record in caplog.records] == [
        "poll rain: reading dropped, the writer is behind or stopping"
    ]


def test_schedule_is_the_configured_interval_or_calendar(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        "  - system: {}\n"
        "  - system: {name: fast, every: 5s, jitter: 1s}\n"
        "  - system: {name: night, cron: '0 3 * * *'}\n",
    )
    oslo = ZoneInfo("Europe/Oslo")
    assert [schedule_of(poll, oslo) for poll in config.polls] == [
        Every(60.0),
        Every(5.0, 1.0),
        Calendar(parse_cron("0 3 * * *"), oslo),
    ]
    assert schedule_of(config.polls[2], UTC) != schedule_of(config.polls[2], oslo)


class Port(Sensor):
    """A port that is held open from one reading to the next."""

    def __init__(self, log: list[str], value: object = 5) -> None:
        self._log = log
        self._value = value
        log.append("open")

    def read(self, timeout_s: float) -> JsonValue:
        self._log.append("read")
        return self._value  # type: ignore[return-value]

    def close(self) -> None:
        self._log.append("close")


def job_of(open_sensor: Callable[[], Sensor]) -> tuple[PollJob, list[Reading]]:
    arrived: list[Reading] = []
    clock = SetClock()
    repeats = Repeats(logging.getLogger("daemon.test"), clock)
    job = PollJob(POLL, open_sensor, lambda reading: not arrived.append(reading), clock, repeats)
    return job, arrived


def test_sensor_stays_open_between_readings_and_is_closed_once() -> None:
    log: list[str] = []
    job, _ = job_of(lambda: Port(log))
    job.run()
    job.run()
    job.close()
    job.close()
    assert log == ["open", "read", "read", "close"]
    job.run()
    assert log[-2:] == ["open", "read"]


def test_sensor_that_is_closed_during_a_reading_is_closed_after_it_and_brings_nothing() -> None:
    log: list[str] = []

    class Closing(Port):
        def read(self, timeout_s: float) -> JsonValue:
            job.close()
            return super().read(timeout_s)

    job, arrived = job_of(lambda: Closing(log))
    job.run()
    assert log == ["open", "read", "close"]
    assert arrived == []


class Mode(enum.IntEnum):
    HEAT = 2


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        pytest.param(np.float64(1.5), "1.5", id="numpy-float"),
        pytest.param({"t": (Mode.HEAT, True, None)}, "{'t': [2, True, None]}", id="enum-in-tuple"),
    ],
)
def test_numbers_of_other_types_become_plain_ones(value: object, plain: str) -> None:
    job, arrived = job_of(lambda: Port([], value))
    job.run()
    assert repr(arrived[0].value) == plain


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(Decimal("1.5"), "with a Decimal", id="decimal"),
        pytest.param({"t": b"1"}, "with a bytes", id="bytes"),
        pytest.param({1: 2}, "the key 1", id="key"),
        pytest.param(functools.reduce(lambda part, _: [part], range(99), 1), "levels", id="deep"),
    ],
)
def test_value_that_is_none_is_a_failure_of_the_sensor(value: object, told: str) -> None:
    job, arrived = job_of(lambda: Port([], value))
    with pytest.raises(SensorError, match=told) as failure:
        job.run()
    assert failure.value.kind == "bad-value"
    assert arrived == []
