"""What thinning leaves of a household's day: rows, bytes, and how often the disk must flush.

The messages are made up, but as the devices send them: Zigbee2MQTT repeats the whole state at each
change, plugs report noise every few seconds, a weather station at 433 MHz sends everything three
times, a smart meter every ten seconds. The same day for every set of rules.

    make bench-household                        a day, without a broker, in a minute
    make bench-household ARGS="--live 150 --rules deadbands"
                                                its noon in real time, through a broker; counts how
                                                often the collector has a file flushed to the disk
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from daemon.app import Collector
from daemon.clock import SystemClock
from daemon.config import load_config
from daemon.mapping import compile_mapper
from daemon.messages import Message, Outcome
from daemon.thinning import Moment, Policies, Thinner
from tests.support.mosquitto import Mosquitto
from tinyflux import Point, TinyFlux
from tinyflux.files import intercepted

_DAY_S = 86_400
_NOON_S = 43_200
_START_US = 1_772_323_200_000_000
Sent = tuple[float, str, dict[str, object]]
"""Second of the day, topic, payload."""

# What comes without a number here is every field that has none of its own.
RULES = {
    "everything": ("", "", ""),
    "unchanged left out": ("max_silence: 1h", "max_silence: 1h", "max_silence: 1h"),
    "deadbands": (
        "max_silence: 1h, rest: store, fields: {temperature: {deadband: 0.2, optional: true}, "
        "humidity: {deadband: 2, optional: true}, power: {deadband: 5%, optional: true}, "
        "current: {deadband: 5%, optional: true}, energy: {deadband: 0.1, optional: true}, "
        "voltage: {deadband: 2%, optional: true}, illuminance: {deadband: 20%, optional: true}}",
        "max_silence: 1h, repeats_within: 2s, deadband: 0.2",
        "max_silence: 1h, rest: store, fields: {power_delivered: {deadband: 5%}, "
        "energy_delivered: {deadband: 0.1}, voltage_l1: {deadband: 1%}}",
    ),
}
RULES["deadbands, throttle: 1m"] = (
    RULES["deadbands"][0] + ", throttle: 1m",
    RULES["deadbands"][1],
    RULES["deadbands"][2] + ", throttle: 1m",
)


def day() -> Iterator[Sent]:
    """Every message of a day, in order."""
    streams = [_climate(number) for number in range(10)]
    streams += [_plug(number) for number in range(6)]
    streams += [_contact(number) for number in range(8)]
    streams += [_motion(number) for number in range(5)]
    streams += [_weather(), _meter()]
    return heapq.merge(*streams, key=lambda sent: sent[0])


def _climate(number: int) -> Iterator[Sent]:
    """Reports a change of 0.1 °C or 1 %, each for itself, and both every hour."""
    chance = random.Random(number)
    name, second = f"zigbee2mqtt/climate {number}", chance.uniform(0, 60)
    said = [0.0, 0.0]
    while second < _DAY_S:
        turn = 2 * math.pi * second / _DAY_S
        found = [
            round(20.5 - 1.5 * math.cos(turn) + chance.gauss(0, 0.04), 2),
            round(47 + 5 * math.sin(turn) + chance.gauss(0, 0.3), 2),
        ]
        for which, least in ((0, 0.1), (1, 1.0)):
            if abs(found[which] - said[which]) >= least or second % 3600 < 30:
                said[which] = found[which]
                yield (
                    second + which * 0.05,
                    name,
                    {
                        "temperature": said[0],
                        "humidity": said[1],
                        "battery": 100 - number,
                        "voltage": 3000 - 10 * number,
                        "linkquality": chance.randint(60, 160),
                    },
                )
        second += 30


def _plug(number: int) -> Iterator[Sent]:
    """Reports every ten seconds, as their default is, with the noise of their meters."""
    chance = random.Random(100 + number)
    load, energy, second = 0.0, 120.0 + number, chance.uniform(0, 10)
    while second < _DAY_S:
        if chance.random() < 0.002:
            load = chance.choice((0.0, 1.8, 62.0, 140.0, 2100.0))
        volt = round(231 + chance.gauss(0, 0.8))
        power = round(max(0.0, load + chance.gauss(0, 0.01 * load)), 1)
        energy += power / 1000 * 10 / 3600
        yield (
            second,
            f"zigbee2mqtt/plug {number}",
            {
                "power": power,
                "current": round(power / volt, 2),
                "voltage": volt,
                "energy": round(energy, 2),
                "state": "ON",
                "linkquality": chance.randint(60, 160),
            },
        )
        second += 10


def _contact(number: int) -> Iterator[Sent]:
    chance = random.Random(200 + number)
    name = f"zigbee2mqtt/contact {number}"
    times = [(chance.uniform(0, _DAY_S), False) for _ in range(10)]
    times += [(second + chance.uniform(5, 300), True) for second, _ in times]
    times += [(hour * 3600.0 + number, True) for hour in range(24)]
    for second, is_closed in sorted(times):
        yield (
            second,
            name,
            {"contact": is_closed, "battery": 97, "voltage": 2990, "linkquality": 90},
        )


def _motion(number: int) -> Iterator[Sent]:
    chance = random.Random(300 + number)
    name = f"zigbee2mqtt/motion {number}"
    begins = sorted(chance.uniform(21_600, _DAY_S) for _ in range(60))
    for second in begins:
        lux = chance.randint(5, 400)
        for later, is_there in ((0, True), (90, False)):
            yield (
                second + later,
                name,
                {
                    "occupancy": is_there,
                    "illuminance": lux,
                    "battery": 88,
                    "linkquality": 70,
                },
            )


def _weather() -> Iterator[Sent]:
    """Every transmission three times."""
    chance = random.Random(400)
    second = 3.0
    while second < _DAY_S:
        turn = 2 * math.pi * second / _DAY_S
        payload: dict[str, object] = {
            "temperature": round(8 - 4 * math.cos(turn) + chance.gauss(0, 0.05), 1),
            "humidity": round(70 + 10 * math.sin(turn) + chance.gauss(0, 0.3)),
            "wind": round(abs(chance.gauss(2, 2)) * 0.7, 1),
            "rain": round(12 + second / 43_200, 1),
        }
        for repeat in range(3):
            yield second + repeat * 0.2, "rtl_433/weather", payload
        second += 48


def _meter() -> Iterator[Sent]:
    chance = random.Random(500)
    energy = 4321.0
    for second in range(0, _DAY_S, 10):
        load = 0.3 + 0.4 * (second % 3600 < 900) + abs(chance.gauss(0, 0.02))
        energy += load * 10 / 3600
        yield (
            second + 0.5,
            "dsmr/meter",
            {
                "power_delivered": round(load, 3),
                "energy_delivered": round(energy, 3),
                "voltage_l1": round(230 + chance.gauss(0, 0.7), 1),
            },
        )


def configuration(rules: tuple[str, str, str], broker: str, data: Path) -> str:
    """The configuration with these options for Zigbee, 433 MHz and meter."""
    topics = ("zigbee2mqtt/#device", "rtl_433/+device", "dsmr/+device")
    names = ("zigbee", "weather", "meter")
    sources = "".join(
        f"  - {{topic: '{topic}', measurement: {name}, {options}}}\n"
        for topic, name, options in zip(topics, names, rules, strict=True)
    )
    return (
        f"collector: {{name: pi}}\nbrokers: {{home: {broker}}}\nsources:\n{sources}"
        f"storage: {{path: '{data}'}}\n"
    )


def simulate(folder: Path, rules: tuple[str, str, str]) -> tuple[Counter[Outcome], int, int]:
    """Outcomes, rows and bytes of a day."""
    path = folder / "config.yaml"
    data = folder / "data.csv"
    path.write_text(configuration(rules, "{url: 'mqtt://127.0.0.1'}", data), encoding="utf-8")
    mapper = compile_mapper(load_config(path))
    thinner = Thinner(Policies(mapper.rule_of).of)
    outcomes: Counter[Outcome] = Counter()
    points: list[Point] = []
    number = 0
    for second, topic, payload in day():
        now = Moment(round(second * 1e6), _START_US + round(second * 1e6))
        message = Message("home", topic, json.dumps(payload).encode(), now.wall_us)
        mapped = mapper.map(message)
        ticket = thinner.take(message, mapped, now)
        over = thinner.resolved(now)
        mapped = mapped if ticket is None else ticket.mapped
        for share in () if ticket is None else ticket.shares:
            number += 1
            share.number = number
        if mapped.outcome is not Outcome.WAITING:
            outcomes[mapped.outcome] += 1
        outcomes.update(one.mapped.outcome for one in over if one.is_message)
        points += [point for one in over for point in one.mapped.points]
        points += mapped.points
    end = Moment(2 * _DAY_S * 1_000_000, _START_US)
    for one in thinner.resolved(end, is_all=True):
        outcomes[one.mapped.outcome] += 1
        points += one.mapped.points
    with TinyFlux(str(data), auto_index=False, flush_on_insert=False) as db:
        db.insert_multiple(points, compact_key_prefixes=True)
    return outcomes, len(points), data.stat().st_size


def measure_day() -> None:
    """Print a line for each set of rules."""
    for name, rules in RULES.items():
        with tempfile.TemporaryDirectory() as folder:
            outcomes, rows, size_bytes = simulate(Path(folder), rules)
        counted = ", ".join(f"{number:,} {outcome}" for outcome, number in outcomes.most_common())
        print(
            f"{name:26} {rows:7,} rows {size_bytes / 1e6:6.2f} MB a day, "
            f"{size_bytes * 365 / 1e9:5.2f} GB a year; {counted}"
        )


def count_flushes(folder: Path, name: str, seconds: float) -> None:
    """Noon in real time through a broker: print how often the collector has a file flushed."""
    broker = Mosquitto(folder, lines=["max_inflight_messages 200"])
    broker.start()
    messages = [sent for sent in day() if _NOON_S <= sent[0] < _NOON_S + seconds]
    login = f"username: {broker.username}, password: {broker.password}, inflight: 200"
    path = folder / "household.yaml"
    text = configuration(RULES[name], f"{{url: '{broker.url}', {login}}}", folder / "data.csv")
    path.write_text(text, encoding="utf-8")
    counted: Counter[str] = Counter()

    def count(step: str, file: str) -> None:
        if step == "fsync":
            counted[Path(file).name.removesuffix(".tmp")] += 1

    with ExitStack() as stack:
        stack.callback(broker.stop)
        collector = Collector(load_config(path), SystemClock())
        stack.callback(collector.stop)
        collector.start()
        collector.await_connections(10.0)
        stack.enter_context(intercepted(count))
        began_s = time.monotonic()
        for second, topic, payload in messages:
            time.sleep(max(0.0, began_s + second - _NOON_S - time.monotonic()))
            broker.publish(topic, json.dumps(payload))
        flushes = ", ".join(f"{number} of {file}" for file, number in counted.most_common())
        print(f"{name}: {len(messages)} messages in {seconds:g} s; flushes: {flushes}")


def main() -> None:
    """Measure a day, or some time of it live."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--live", type=float, metavar="SECONDS")
    parser.add_argument("--rules", choices=RULES, default="everything", help="with --live")
    options = parser.parse_args()
    if options.live is None:
        measure_day()
        return
    with tempfile.TemporaryDirectory() as folder:
        count_flushes(Path(folder), options.rules, options.live)


if __name__ == "__main__":
    main()
