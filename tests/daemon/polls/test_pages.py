"""The pages of the polls: each sample is read by its sensor, and gives the points that it shows."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.config import Config, kind_names, load_config
from daemon.mapping import compile_mapper
from daemon.messages import JsonValue, Reading
from daemon.polls import Place, open_sensor
from daemon.polls.bme280 import Bme280Sensor
from daemon.polls.gpio import GpioSensor
from daemon.polls.onewire import OnewireSensor
from daemon.polls.sht3x import Sht3xSensor, checksum
from tests.daemon.polls.chips import Answering
from tests.daemon.polls.meters import tcp_meter
from tests.daemon.polls.test_gpio import PlayedLine
from tests.daemon.polls.test_i2c import chip
from tests.daemon.polls.test_onewire import ATTIC, FROST, LIVING, WARM, put, slave
from tests.daemon.polls.web import response, says, serving

DOCS = Path(__file__).parents[3] / "docs"
PAGES = sorted(path.stem for path in (DOCS / "polls").glob("*.md"))
# Their values are those of the machine.
LIVE = ("system", "command")

Write = Callable[[str], Config]
Stage = contextlib.AbstractContextManager[JsonValue]


def block(page: str, language: str) -> str:
    text = (DOCS / "polls" / f"{page}.md").read_text("utf-8")
    match = re.search(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    assert match is not None
    return match[1]


def read(config: Config) -> JsonValue:
    [poll] = config.polls
    sensor = open_sensor(poll, Place(config.storage.path.parent, poll.name))
    try:
        return sensor.read(30.0)
    finally:
        sensor.close()


@contextlib.contextmanager
def plain(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    yield read(write(sample))


@contextlib.contextmanager
def web(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    with serving(says(response('{"power": 1250, "today": 3.5}'))) as server:
        yield read(write(sample.replace("http://inverter.lan", server.url("").rstrip("/"))))
        assert b"X-Key: abc" in server.requests[0]


@contextlib.contextmanager
def thermal(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    (folder / "temp").write_text("48312\n")
    yield read(write(sample.replace("/sys/class/thermal/thermal_zone0/temp", "temp")))


@contextlib.contextmanager
def meter(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    with tcp_meter() as port:
        yield read(write(sample.replace("meter.lan:502", f"127.0.0.1:{port}")))


@contextlib.contextmanager
def scale(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    device, slave_end = os.openpty()
    tty.setraw(slave_end)
    is_over = threading.Event()

    def send() -> None:
        while not is_over.wait(0.05):
            os.write(device, b"t=21.5 rh=40\r\n")

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield read(write(sample.replace("/dev/ttyUSB0", os.ttyname(slave_end))))
    finally:
        is_over.set()
        sender.join(20)
        os.close(device)
        os.close(slave_end)


@contextlib.contextmanager
def bus_of_files(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    (folder / "devices").mkdir()
    put(folder / "devices", LIVING, slave(WARM, 21562))
    put(folder / "devices", ATTIC, slave(FROST, -500))
    [poll] = write(sample).polls
    yield OnewireSensor(poll.names, poll.name, folder / "devices").read(30.0)  # type: ignore[arg-type]


@contextlib.contextmanager
def bme(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    yield Bme280Sensor(chip(0x60), 0x76).read(30.0)


@contextlib.contextmanager
def sht(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    words = (b"\x66\x66", b"\x80\x00")
    yield Sht3xSensor(Answering(b"".join(w + bytes([checksum(w)]) for w in words)), 0x44).read(30.0)


@contextlib.contextmanager
def pin(sample: str, write: Write, folder: Path) -> Iterator[JsonValue]:
    line = PlayedLine()
    line.edges = 5000
    yield GpioSensor(line, counts=True).read(30.0)


STAGES: dict[str, Callable[[str, Write, Path], Stage]] = {
    "http": web, "file": thermal, "modbus": meter, "serial": scale, "onewire": bus_of_files,
    "bme280": bme, "sht3x": sht, "gpio": pin,
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_sample_of_a_page_gives_the_points_that_it_shows(tmp_path: Path, page: str) -> None:
    sample = block(page, "yaml")

    def write(text: str) -> Config:
        (tmp_path / "config.yaml").write_text(f"storage: {{path: data.csv}}\n{text}")
        return load_config(tmp_path / "config.yaml")

    config = write(sample)
    with STAGES.get(page, plain)(sample, write, tmp_path) as value:
        reading = Reading(config.polls[0].name, value, SystemClock().now_us())
    mapped = compile_mapper(config).map(reading)
    assert mapped.outcome == "stored", mapped.reason
    made = [
        (point.measurement, {k: t for k, t in point.tags.items() if k != "host"}, point.fields)
        for point in mapped.points
    ]
    shown = [parse(line) for line in block(page, "text").splitlines()]
    keep = set if page in LIVE else dict
    assert sorted(((m, t, keep(f)) for m, t, f in made), key=str) == sorted(
        ((m, t, keep(f)) for m, t, f in shown), key=str
    )


def parse(line: str) -> tuple[str, dict[str, str], dict[str, float]]:
    series, *fields = line.split(" ")
    measurement, *tags = series.split(",")
    return (
        measurement,
        dict(tag.split("=", 1) for tag in tags),
        {name: float(text) for name, text in (field.split("=") for field in fields)},
    )


def test_every_kind_has_a_page_that_the_overview_names() -> None:
    overview = (DOCS / "polls.md").read_text("utf-8")
    # bmp280 shares the page of bme280.
    assert set(PAGES) | {"bmp280"} == set(kind_names())
    assert all(f"(polls/{page}.md)" in overview for page in PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_page_says_what_the_systemd_unit_needs(page: str) -> None:
    text = (DOCS / "polls" / f"{page}.md").read_text("utf-8")
    assert "systemd" in text
    named = set(re.findall(r"`([a-z0-9]+\.conf)`", text))
    folder = DOCS.parent / "systemd" / "drop-ins"
    assert named <= {path.name for path in folder.iterdir()}


def test_example_of_a_kind_of_ones_own_works(tmp_path: Path) -> None:
    text = (DOCS / "polls.md").read_text("utf-8")
    code = re.search(r"^```python\n(.*?)^```$", text, re.M | re.S)
    assert code is not None
    names: dict[str, object] = {}
    exec(compile(code[1], "polls.md", "exec", dont_inherit=True), names)
    kind = names["KIND"]
    options = kind.options.model_validate({"depth": 8.0, "name": "well"})  # type: ignore[attr-defined]
    assert kind.open(options, Place(tmp_path)).read(5.0) == {"level": 4.0}  # type: ignore[attr-defined]
