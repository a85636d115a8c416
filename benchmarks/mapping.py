"""How many messages a second one core maps: `python benchmarks/mapping.py`.

Prints messages a second for a plain number and for JSON payloads, beside decoding the same JSON
alone in the same run, and the cost of 1,000 rules as a multiple of 10.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Sequence

from daemon.config import Config
from daemon.mapping import compile_mapper
from daemon.messages import Message, Outcome

NUMBER = b"21.46"
CLIMATE = (
    b'{"battery":97,"humidity":45.07,"last_seen":"2024-11-24T09:00:00+01:00","linkquality":224,'
    b'"pressure":997.2,"temperature":21.58,"voltage":2995}'
)
PLUG = (
    b'{"Time":"2024-11-24T09:00:00","ENERGY":{"TotalStartTime":"2023-05-01T12:00:00",'
    b'"Total":123.456,"Yesterday":1.2,"Today":0.3,"Period":1,"Power":42,"ApparentPower":50,'
    b'"ReactivePower":26,"Factor":0.84,"Voltage":231,"Current":0.215}}'
)
NAMED = {
    "temperature": {"min": -40, "max": 85, "round": 1},
    "humidity": {"optional": True},
    "battery_v": {"path": "$.voltage", "unit": "mV", "store_as": "V"},
}
LINE = b"21.58;45.07;997.2"
TEMPLATES = {
    "temperature": {"value_template": "{{ value_json.temperature | round(1) }}"},
    "humidity": {"value_template": "{{ value_json.humidity }}"},
}
COLUMNS = {"csv": {"delimiter": ";", "columns": ["temperature", "humidity", "pressure"]}}
RUNS = 3
SECONDS_EACH = 0.5


def config(rules: int) -> Config:
    """A configuration with so many rules, of which the last seven are measured."""
    others = [
        {"topic": f"house/floor{number}/+room/state", "measurement": "m"}
        for number in range(rules - 7)
    ]
    measured = [
        {"topic": "+device/sensor/+sensor/state", "measurement": "esphome"},
        {"topic": "zigbee2mqtt/+device", "measurement": "zigbee"},
        {"topic": "named/+device", "measurement": "climate_{device}", "fields": NAMED},
        {"topic": "tele/+device/SENSOR", "measurement": "tasmota"},
        {"topic": "templates/+device", "measurement": "climate", "fields": TEMPLATES},
        {"topic": "csv/+device", "measurement": "climate", "payload": COLUMNS},
        {
            "topic": "computed/+device",
            "measurement": "climate",
            "fields": {"dew": {"expression": "$.temperature - (100 - $.humidity) / 5"}},
        },
    ]
    brokers = {"home": {"url": "mqtt://127.0.0.1"}}
    return Config.model_validate({"brokers": brokers, "sources": [*others, *measured]})


def messages(topic: str, payload: bytes, topics: int = 100) -> list[Message]:
    """One message for each of many devices."""
    return [
        # Each has a payload of its own, as from a broker: the last one that was read is known.
        Message(
            "home", topic.format(number), bytes(bytearray(payload)), 1_732_435_200_000_000 + number
        )
        for number in range(topics)
    ]


def rate(work: Callable[[Message], object], batch: Sequence[Message]) -> float:
    """The best number of calls a second of a few runs."""
    best = 0.0
    for _ in range(RUNS):
        began = time.perf_counter()
        done = 0
        for message in itertools.cycle(batch):
            work(message)
            done += 1
            if done % 1000 == 0 and time.perf_counter() - began > SECONDS_EACH:
                break
        best = max(best, done / (time.perf_counter() - began))
    return best


WORKLOADS = {
    "number": messages("esp{}/sensor/temperature/state", NUMBER),
    "JSON, all of 7 keys": messages("zigbee2mqtt/{}", CLIMATE),
    "JSON, 3 named fields": messages("named/{}", CLIMATE),
    "JSON, nested, 11 fields": messages("tele/{}/SENSOR", PLUG),
    "JSON, 2 templates": messages("templates/{}", CLIMATE),
    "JSON, an expression": messages("computed/{}", CLIMATE),
    "CSV, 3 columns": messages("csv/{}", LINE),
}


def main() -> None:
    few, many = compile_mapper(config(10)), compile_mapper(config(1000))
    print(f"{'payload':28}{'10 rules':>12}{'1000 rules':>12}{'times':>7}{'json.loads':>12}")
    for name, batch in WORKLOADS.items():
        assert few.map(batch[0]).outcome is Outcome.STORED, name
        with_few, with_many = rate(few.map, batch), rate(many.map, batch)
        is_json = not name.startswith("CSV")
        alone = rate(lambda message: json.loads(message.payload), batch) if is_json else 0
        print(
            f"{name:28}{with_few:>10,.0f}/s{with_many:>10,.0f}/s{with_few / with_many:>7.2f}"
            + (f"{alone:>10,.0f}/s" if is_json else "")
        )
    fresh = messages("esp{}/sensor/temperature/state", NUMBER, topics=20_000)
    with_few, with_many = rate(few.map, fresh), rate(many.map, fresh)
    print(f"{'number, 20,000 topics':28}{with_few:>10,.0f}/s{with_many:>10,.0f}/s"
          f"{with_few / with_many:>7.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
