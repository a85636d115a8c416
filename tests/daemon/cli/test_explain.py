"""`explain`: what messages would become, one with every step, or many as JSON lines."""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from daemon.config import DiscoveryConfig
from daemon.discovery import Registry
from daemon.errors import EX_CONFIG, EX_DATAERR, EX_NOINPUT, EX_USAGE

CONFIG = """\
collector: {name: cabin, clock: {accept_past: 30y}}
brokers:
  home: {url: "mqtt://127.0.0.1:1", discovery: true}
  away: {url: "mqtt://127.0.0.1:2"}
sources:
  - broker: home
    topic: sensors/+room/env
    measurement: climate
    fields:
      temperature: {path: $.t, unit: °F, store_as: °C, round: 1, max: 60, ignore: [185]}
      mode: {path: $.mode, type: enum, optional: true}
  - {broker: home, topic: "sensors/#", measurement: raw}
  - {broker: home, topic: when/+x, measurement: m, when: {$.kind: power}, also: true}
  - {broker: home, topic: hub/+x, measurement: hub, each: "$.s[*]", tags: {n: "@.n"}, fields: {t: "@.t"}}
  - {broker: away, topic: far/+x, measurement: far, retained: skip}
  - {broker: home, topic: kept/+x, measurement: kept}
  - {broker: home, topic: slow/+x, measurement: slow, throttle: 10s}
  - {broker: home, topic: still/+x, measurement: still, deadband: 0.5, max_silence: 1m}
  - {broker: home, topic: joined/+x/+q, measurement: joined, merge_within: 2s, fields: {"{q}": {}}}
  - broker: away
    topic: gone/+x
    measurement: gone
    availability: {topic: gone/+x/lwt}
storage: {path: data.csv}
"""  # noqa: E501

PAGE = Path(__file__).parents[3] / "docs" / "mapping.md"
SECTION = PAGE.read_text("utf-8").partition("## Seeing before storing")[2]
DOCUMENTED, *BLOCKS = [
    textwrap.dedent(block).strip("\n")
    for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", SECTION, re.M)
]
SESSIONS = [pytest.param(block) for block in BLOCKS if block.startswith("$ ")]

Batch = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return str(path)


@pytest.fixture
def batch(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Batch:
    """Exit status, answers and complaints of lines, each an object or text as it is."""

    def run(*lines: object, options: tuple[str, ...] = ()) -> tuple[int, list[Any], str]:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        stdin = io.TextIOWrapper(io.BytesIO("\n".join(texts).encode("utf-8", "surrogatepass")))
        monkeypatch.setattr(sys, "stdin", stdin)
        code = main(["explain", "-c", config, "--batch", "-", *options])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


def page(config: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines of one explanation, without what sets them in."""
    assert main(["explain", "-c", config, *arguments]) == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_batch_answers_each_line_in_order(batch: Batch) -> None:
    code, answers, complaints = batch(
        {"topic": "sensors/attic/env", "payload": '{"t": 70}', "received": 1732435200},
        {"topic": "nobody/knows", "payload": "1"},
    )
    assert (code, complaints) == (0, "")
    assert answers[0]["points"] == [
        {
            "time": "2024-11-24T08:00:00+00:00",
            "measurement": "climate",
            "tags": {"host": "cabin", "room": "attic"},
            "fields": {"temperature": 21.1},
        }
    ]
    assert [(answer["outcome"], answer["rule"]) for answer in answers] == [
        ("stored", "sources[0]"),
        ("no-rule", ""),
    ]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"payload": '{"t": 70}'}, id="text"),
        pytest.param({"payload": {"t": 70}}, id="object"),
        pytest.param({"payload_base64": base64.b64encode(b'{"t": 70}').decode()}, id="base64"),
    ],
)
def test_payload_may_be_written_in_three_ways(batch: Batch, given: dict[str, Any]) -> None:
    _, [answer], _ = batch({"topic": "sensors/attic/env", **given})
    assert answer["points"][0]["fields"] == {"temperature": 21.1}


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        pytest.param(21.5, "stored", id="number"),
        pytest.param(True, "stored", id="boolean"),
        pytest.param([1, 2], "stored", id="list"),
        pytest.param(None, "no-value", id="null"),
        pytest.param("", "no-value", id="empty"),
        pytest.param("\ud800", "rejected", id="half of a surrogate pair"),
    ],
)
def test_payload_may_be_any_json(batch: Batch, payload: object, outcome: str) -> None:
    _, [answer], _ = batch({"topic": "sensors/x", "payload": payload})
    assert answer["outcome"] == outcome


def test_retained_value_that_came_before_is_seen(batch: Batch) -> None:
    line = {"topic": "kept/a", "payload": "1", "retained": True}
    _, answers, _ = batch(line, line, {**line, "payload": "2"}, {**line, "retained": False}, line)
    assert [answer["outcome"] for answer in answers] == [
        "stored", "retained-seen", "stored", "stored", "retained-seen",
    ]  # fmt: skip


def test_texts_are_numbered_in_order_and_nothing_is_kept(batch: Batch, tmp_path: Path) -> None:
    lines = [
        {"topic": "sensors/attic/env", "payload": {"t": 1, "mode": mode}}
        for mode in ("heat", "cool", "heat")
    ]
    for _ in range(2):
        _, answers, _ = batch(*lines)
        modes = [answer["points"][0]["fields"]["mode"] for answer in answers]
        assert modes == [1, 2, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_texts_that_the_service_has_numbered_keep_their_numbers(
    batch: Batch, tmp_path: Path
) -> None:
    texts = tmp_path / "data.texts.json"
    texts.write_text(json.dumps({"texts": {"climate": {"mode": {"cool": 7}}}}), encoding="utf-8")
    before = texts.read_bytes()
    _, answers, _ = batch(
        {"topic": "sensors/a/env", "payload": {"t": 1, "mode": "cool"}},
        {"topic": "sensors/a/env", "payload": {"t": 1, "mode": "heat"}},
    )
    assert [answer["points"][0]["fields"]["mode"] for answer in answers] == [7, 8]
    assert texts.read_bytes() == before


def test_announcement_brings_the_rule_of_the_lines_below(batch: Batch) -> None:
    announced = {"name": "Power", "state_topic": "plug/power", "unique_id": "p1",
                 "unit_of_measurement": "W", "device_class": "power"}  # fmt: skip
    topic = "homeassistant/sensor/plug/config"
    _, answers, _ = batch(
        {"topic": "plug/power", "payload": "5"},
        {"topic": topic, "payload": announced, "retained": True},
        {"topic": "plug/power", "payload": "5"},
        {"topic": topic, "payload": "", "retained": True},
        {"topic": "plug/power", "payload": "5"},
    )
    assert [answer["outcome"] for answer in answers] == [
        "no-rule", "no-value", "stored", "no-value", "no-rule",
    ]  # fmt: skip
    assert answers[2]["rule"].startswith("discovery.")


def test_what_was_announced_to_the_service_is_known(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Registry(DiscoveryConfig())
    registry.take("homeassistant/sensor/p/config", b'{"name": "P", "stat_t": "plug/p"}')
    known = {"version": 1, "brokers": {"home": registry.remembered()}}
    (tmp_path / "data.discovery.json").write_text(json.dumps(known), encoding="utf-8")
    lines = page(config, capsys, "plug/p", "5")
    assert lines[2].startswith("discovery.")
    assert lines[-2].startswith("stored by discovery.")


def test_announcement_is_told_from_a_message(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = page(config, capsys, "homeassistant/sensor/p/config", '{"name": "P"}')
    assert lines[2] == "an announcement, which `discovery` reads; no rule gets it"
    assert lines[-1].startswith(("rejected by discovery", "no-value by discovery"))


@pytest.mark.parametrize(
    ("lines", "became"),
    [
        pytest.param(
            [("slow/a", 1, 0), ("slow/a", 2, 1), ("slow/a", 3, 60)],
            [("throttled", []), ("stored", [{"value": 2.0}]), ("stored", [{"value": 3.0}])],
            id="throttle",
        ),
        pytest.param(
            [("still/a", 1, 0), ("still/a", 1.2, 1), ("still/a", 2, 2), ("still/a", 2, 90)],
            [
                ("stored", [{"value": 1.0}]), ("unchanged", []), ("stored", [{"value": 2.0}]),
                ("stored", [{"value": 2.0}]),
            ],
            id="deadband",
        ),
        pytest.param(
            [("joined/a/t", 1, 0), ("sensors/x", 5, 0), ("joined/a/h", 2, 1)],
            [("merged", []), ("stored", [{"value": 5.0}]), ("stored", [{"t": 1.0, "h": 2.0}])],
            id="merge",
        ),
    ],
)  # fmt: skip
def test_answer_is_what_became_of_it_in_the_end(
    batch: Batch, lines: list[tuple[str, float, int]], became: list[tuple[str, list[Any]]]
) -> None:
    _, answers, _ = batch(
        *({"topic": topic, "payload": value, "received": 1_732_435_200 + second}
          for topic, value, second in lines)
    )  # fmt: skip
    found = [(one["outcome"], [point["fields"] for point in one["points"]]) for one in answers]
    assert found == became


def test_availability_topic_is_told_from_a_reading(
    batch: Batch, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = page(config, capsys, "gone/a/lwt", "offline")
    assert lines[:3] == [
        "gone/a/lwt on broker away",
        "",
        "sources[9] takes it as word of its `availability`: whether a device is there",
    ]
    assert lines[-1] == "unchanged by sources[9] (availability)"
    _, answers, _ = batch(
        {"topic": "gone/a", "payload": "5"}, {"topic": "gone/a/lwt", "payload": "offline"}
    )
    assert [one["points"][0]["fields"] for one in answers] == [{"value": 5.0}, {"value": None}]


def test_page_of_a_throttled_message_shows_its_point(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = page(config, capsys, "slow/a", "5")
    assert (
        "then thinned (throttle); shown is what becomes of the first message of a series" in lines
    )
    assert lines[-2] == "stored by sources[6]"
    assert lines[-1].startswith("slow,host=cabin,x=a value=5.0 ")


@pytest.mark.parametrize("session", SESSIONS)
def test_documented_session_is_true(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], session: str
) -> None:
    (tmp_path / "config.yaml").write_text(DOCUMENTED, encoding="utf-8")
    command, _, shown = session.partition("\n")
    arguments = shlex.split(command)[2:]
    arguments[arguments.index("config.yaml")] = str(tmp_path / "config.yaml")
    assert main(arguments) == 0
    found = capsys.readouterr().out.splitlines()
    assert [*map(without_time, found)] == [*map(without_time, shown.splitlines())]


def test_page_has_sessions() -> None:
    assert len(SESSIONS) == 2


def without_time(line: str) -> str:
    return re.sub(r"20[0-9-]+T[0-9:.]+Z$", "", line)


def test_line_may_name_its_broker(batch: Batch) -> None:
    _, answers, _ = batch(
        {"topic": "far/a", "payload": "1"},
        {"topic": "far/a", "payload": "1", "broker": "home"},
        {"topic": "far/a", "payload": "1", "retained": True},
    )
    assert [answer["outcome"] for answer in answers] == ["stored", "no-rule", "retained-seen"]


def test_option_names_the_broker_of_lines_that_do_not(batch: Batch) -> None:
    line = {"topic": "far/a", "payload": "1"}
    _, answers, _ = batch(line, {**line, "broker": "away"}, options=("--broker", "home"))
    assert [answer["outcome"] for answer in answers] == ["no-rule", "stored"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        pytest.param("nonsense", "found no JSON", id="no json"),
        pytest.param("[" * 100_000, "nested too deep", id="deep"),
        pytest.param("[]", "a line is an object", id="list"),
        pytest.param({"payload": "1"}, "`topic`: found nothing", id="no topic"),
        pytest.param({"topic": "a/+", "payload": "1"}, "neither + nor #", id="wildcard"),
        pytest.param({"topic": "\ud800", "payload": "1"}, "surrogate", id="surrogate"),
        pytest.param({"topic": "a" * 65_536, "payload": "1"}, "65535 bytes", id="long topic"),
        pytest.param({"topic": "a"}, "one of `payload` and `payload_base64`", id="no payload"),
        pytest.param(
            {"topic": "a", "payload": "1", "payload_base64": ""}, "one of `payload`", id="both"
        ),
        pytest.param({"topic": "a", "payload_base64": "?"}, "no base64", id="base64"),
        pytest.param({"topic": "a", "payload_base64": 5}, "no base64", id="base64 number"),
        pytest.param({"topic": "a", "payload": "1", "retained": 1}, "`retained`", id="retained"),
        pytest.param({"topic": "a", "payload": "1", "retaind": 1}, "mean `retained`", id="slip"),
        pytest.param({"topic": "a", "payload": "1", "broker": "x"}, "home, away", id="broker"),
        pytest.param({"topic": "a", "payload": "1", "received": "x"}, "unix seconds", id="time"),
        pytest.param({"topic": "a", "payload": "1", "received": 1e99}, "unix seconds", id="far"),
        pytest.param({"topic": "a", "payload": "1", "qos": True}, "0, 1 or 2", id="qos"),
    ],
)
def test_bad_line_is_named_and_the_others_are_done(batch: Batch, line: object, found: str) -> None:
    good = {"topic": "sensors/a", "payload": "1", "id": "a note of my own"}
    code, answers, complaints = batch(good, line, "", good)
    assert (code, len(answers)) == (EX_DATAERR, 2)
    assert complaints.startswith("<stdin>:2: ")
    assert found in complaints
    assert complaints.count("\n") == 1


def test_batch_reads_a_file(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"topic": "sensors/a", "payload": "1"}\nx\n', encoding="utf-8")
    assert main(["explain", "-c", config, "--batch", str(lines)]) == EX_DATAERR
    said = capsys.readouterr()
    assert json.loads(said.out)["outcome"] == "stored"
    assert said.err.startswith(f"{lines}:2: ")


def test_page_tells_each_step_of_a_field(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(config, capsys, "sensors/attic/env", '{"t": 70, "mode": "heat"}')
    assert lines[0] == "sensors/attic/env on broker home"
    assert "sources[0] (config.yaml:6) takes it" in lines
    assert "topic fits sensors/+room/env: room = attic" in lines
    assert "payload of 25 bytes, read as auto: an object with t, mode" in lines
    assert (
        "field temperature: at $.t the number 70 -> 21.1111 (°F to °C) -> 21.1 (round: 1)" in lines
    )
    assert "field mode: at $.mode the text 'heat' -> 1 (read)" in lines
    assert (
        "sources[1] (config.yaml:12) fits, but does not get it: sources[0] takes it and has no "
        "`also: true`"
    ) in lines
    assert lines[-2] == "stored by sources[0]"
    assert lines[-1].startswith("climate,host=cabin,room=attic temperature=21.1 mode=1 2")


@pytest.mark.parametrize(
    ("topic", "payload", "told"),
    [
        pytest.param(
            "sensors/a/env", '{"t": 185}',
            "field temperature: at $.t the number 185 -> no value (ignore)", id="ignored",
        ),
        pytest.param(
            "sensors/a/env", '{"t": 212}',
            "field temperature: at $.t the number 212 -> 100 (°F to °C) -> no value (allowed ..60)",
            id="out of range",
        ),
        pytest.param(
            "sensors/a/env", '{"x": 1}', "field temperature: at $.t nothing -> no field",
            id="missing",
        ),
        pytest.param(
            "sensors/a", '{"linkquality": 3}', "left out by `exclude`: linkquality", id="excluded"
        ),
        pytest.param(
            "sensors/a", '{"a": {"b": "x"}}', "text, so no field of its own: a_b", id="text"
        ),
        pytest.param(
            "when/a", '{"kind": "x"}',
            "`when` does not hold: at $.kind stands the text 'x', needed is power; so the rules "
            "further down are asked", id="condition",
        ),
        pytest.param(
            "hub/a", '{"s": [{"n": "a", "t": 1}, {"n": "b", "t": 2}]}',
            "part 2 ['s'][1]: an object with n, t", id="each",
        ),
        pytest.param("sensor/a/env", "1", "sources[0] is for sensors/+room/env", id="no rule"),
    ],
)  # fmt: skip
def test_page_tells_why_there_is_no_value(
    config: str, capsys: pytest.CaptureFixture[str], topic: str, payload: str, told: str
) -> None:
    assert told in page(config, capsys, topic, payload)


def test_page_tells_of_retained_messages(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(config, capsys, "far/a", "1", "--retained")
    assert "retained, `retained: skip`: never taken" in lines
    assert lines[-1] == "retained-seen by sources[4]"


def test_page_takes_bytes_as_base64(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(config, capsys, "sensors/a", base64.b64encode(b"\xff").decode(), "--base64")
    assert lines[-1].startswith("rejected by sources[1]: byte 0 of the payload is no UTF-8")


@pytest.mark.parametrize(
    ("arguments", "status", "found"),
    [
        pytest.param(["a"], EX_USAGE, "give TOPIC and PAYLOAD, --batch FILE", id="no payload"),
        pytest.param(["a/#", "1"], EX_USAGE, "neither + nor #", id="filter"),
        pytest.param(["a", "1", "--broker", "x"], EX_USAGE, "home, away", id="broker"),
        pytest.param(["a", "?", "--base64"], EX_USAGE, "no message", id="base64"),
        pytest.param(["a", "1", "--batch", "-"], EX_USAGE, "--batch takes", id="both"),
        pytest.param(["--batch", "/nowhere"], EX_NOINPUT, "cannot read /nowhere", id="no file"),
        pytest.param(["--batch", "/"], EX_NOINPUT, "cannot read /", id="folder"),
    ],
)
def test_wrong_arguments_are_explained(
    config: str,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    found: str,
) -> None:
    try:
        code: object = main(["explain", "-c", config, *arguments])
    except SystemExit as ended:
        code = ended.code
    assert code == status
    assert found in capsys.readouterr().err


def test_configuration_without_brokers_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("polls: [{system: {}}]\n", encoding="utf-8")
    assert main(["explain", "-c", str(path), "a", "1"]) == EX_CONFIG
    assert "has no `brokers`" in capsys.readouterr().err


def test_reader_that_has_seen_enough_is_no_fault(config: str, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"topic": "sensors/a", "payload": "1"}\n' * 5_000, encoding="utf-8")
    command = f"{sys.executable} -m daemon explain -c {config} --batch {lines} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)


@pytest.mark.parametrize(
    ("topic", "payload", "told"),
    [
        ("homie/car/engine/$properties", "5", "left out by `exclude`: $properties"),
        ("homie/car/engine/mode", "sport", "text, so no field of its own: mode"),
        ("homie/car/engine/max-speed", "5", "field max_speed: stored as it is, 5"),
        ("slimmelezer/sensor/wifi_signal/state", "-60", "left out by `exclude`: wifi_signal"),
    ],
)
def test_page_tells_of_a_value_that_its_topic_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], topic: str, payload: str, told: str
) -> None:
    config = tmp_path / "presets.yaml"
    config.write_text("brokers: {home: {url: mqtt://x, presets: [homie, dsmr]}}\n", "utf-8")
    lines = page(str(config), capsys, topic, payload)
    about = [line for line in lines if line.startswith(("left out", "text,", "field "))]
    assert about == [told]
