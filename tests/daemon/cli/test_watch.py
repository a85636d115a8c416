"""`watch`: live messages with what they become, and nobody is disturbed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from daemon.cli import main
from daemon.errors import EX_UNAVAILABLE, EX_USAGE
from tests.daemon.app.processes import CollectorProcess, configuration_for, read_rows, wait_for_rows
from tests.daemon.cli.conftest import StartCollector
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.ports import free_port
from tests.support.publisher import NumberPublisher

CONFIG = """\
collector: {{name: cabin}}
brokers: {{home: {{url: "{url}", protocol: "{protocol}", discovery: true}}}}
sources:
  - {{topic: sensors/+room/env, measurement: climate, fields: {{t: {{}}}}}}
  - {{topic: "sensors/#", measurement: raw}}
storage: {{path: data.csv}}
"""

EMBEDDED = """\
brokers: {home: {url: embedded}}
sources: [{topic: sensors/#, measurement: raw}]
storage: {path: data.csv}
"""

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def open_broker(start_mosquitto: StartMosquitto) -> Mosquitto:
    return start_mosquitto(users={})


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts `watch` at a broker; returns once it listens."""
    started: list[subprocess.Popen[str]] = []

    def start(broker: Mosquitto, *arguments: str, protocol: str = "3.1.1") -> Any:
        path = tmp_path / "config.yaml"
        path.write_text(CONFIG.format(url=broker.url, protocol=protocol), encoding="utf-8")
        watching = subprocess.Popen(
            [sys.executable, "-m", "daemon", "watch", "-c", str(path), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(watching)
        assert said(watching.stderr) == "# listening at home\n"
        return watching

    yield start
    for process in started:
        process.kill()
        process.communicate()


def said(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_messages_are_shown_with_what_they_became(
    open_broker: Mosquitto, run: Run, protocol: str
) -> None:
    open_broker.publish("sensors/old", "7", retain=True)
    watching = run(open_broker, "--count", "3", protocol=protocol)
    shown = [said(watching.stdout) for _ in range(3)]
    open_broker.publish("sensors/attic/env", '{"t": 21.5}')
    open_broker.publish("sensors/attic/env", b"\xff\x1b[31m")
    rest, complaints = watching.communicate(timeout=30)
    lines = [line[9:] for line in (*shown, *rest.splitlines(keepends=True))]
    assert [line.rpartition(" 20")[0] or line for line in lines] == [
        "sensors/old 7 (retained)\n",
        "stored by sources[1]\n",
        "raw,host=cabin value=7.0",
        'sensors/attic/env {"t": 21.5}\n',
        "stored by sources[0]\n",
        "climate,host=cabin,room=attic t=21.5",
        "sensors/attic/env ff 1b 5b 33 31 6d (6 bytes)\n",
        "rejected by sources[0]: byte 0 of the payload is no UTF-8 text (invalid start byte)\n",
    ]
    assert (watching.returncode, complaints) == (0, "")


def test_what_is_announced_is_listened_to(open_broker: Mosquitto, run: Run) -> None:
    open_broker.publish("plug/power", "12", retain=True)
    announced = {"name": "Power", "state_topic": "plug/power", "unique_id": "p"}
    topic = "homeassistant/sensor/p/config"
    open_broker.publish(topic, json.dumps(announced), retain=True)
    watching = run(open_broker, "--json", "--count", "2")
    lines, _ = watching.communicate(timeout=30)
    seen = [json.loads(line) for line in lines.splitlines()]
    assert [(one["topic"], one["outcome"]) for one in seen] == [
        (topic, "no-value"), ("plug/power", "stored"),
    ]  # fmt: skip


def test_filter_shows_what_fits_with_a_rule_or_without(open_broker: Mosquitto, run: Run) -> None:
    for topic in ("sensors/x", "other/x", "other/y/z"):
        open_broker.publish(topic, "1", retain=True)
    watching = run(open_broker, "other/#", "--json", "--count", "2")
    lines, _ = watching.communicate(timeout=30)
    seen = {one["topic"]: one["outcome"] for one in map(json.loads, lines.splitlines())}
    assert seen == {"other/x": "no-rule", "other/y/z": "no-rule"}


def test_json_can_be_explained_again(
    open_broker: Mosquitto, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_broker.publish("sensors/a/env", '{"t": 1}', retain=True)
    open_broker.publish("sensors/b", b"\xff", retain=True)
    lines, _ = run(open_broker, "--json", "--count", "2").communicate(timeout=30)
    (tmp_path / "lines").write_text(lines, encoding="utf-8")
    path = str(tmp_path / "config.yaml")
    assert main(["explain", "-c", path, "--batch", str(tmp_path / "lines")]) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for first, second in zip(map(json.loads, lines.splitlines()), again, strict=True):
        assert second.items() <= first.items()


def test_interrupt_ends_it_quietly(open_broker: Mosquitto, run: Run) -> None:
    watching = run(open_broker)
    watching.send_signal(signal.SIGINT)
    shown, complaints = watching.communicate(timeout=30)
    assert (watching.returncode, shown, complaints.strip()) == (0, "", "")


def test_reader_that_has_gone_ends_it_though_nothing_comes(
    open_broker: Mosquitto, run: Run
) -> None:
    watching = run(open_broker)
    assert watching.stdout is not None
    watching.stdout.close()
    assert watching.wait(timeout=30) == 0
    assert said(watching.stderr) == ""


def test_service_keeps_its_session_and_its_messages(
    mosquitto: Mosquitto, start_collector: StartCollector, tmp_path: Path
) -> None:
    collector: CollectorProcess = start_collector(configuration_for(mosquitto))
    command = [sys.executable, "-m", "daemon", "watch", "-c", str(collector.config_path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        assert said(it.stderr).startswith("# listening at ")
        for number in range(20):
            mosquitto.publish("sensors/attic", str(number))
        seen = [json.loads(said(it.stdout))["payload"] for _ in range(20)]
        it.terminate()
    assert seen == [str(number) for number in range(20)]
    wait_for_rows(collector.data_path, "climate", 20)
    assert len(read_rows(collector.data_path, "climate")) == 20


def test_embedded_broker_of_a_running_collector_is_found(
    start_collector: StartCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("amqtt", reason="needs the extra `embedded`")
    collector = start_collector(EMBEDDED)
    collector.wait_for_log(": connected (MQTT")
    port = re.search(r"mqtt://127\.0\.0\.1:(\d+): connected", collector.log_text())
    assert port is not None
    with NumberPublisher(int(port[1]), "sensors/x", per_second=20):
        assert main(["watch", "-c", str(collector.config_path), "--count", "2", "--json"]) == 0
    seen = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["topic"], one["outcome"]) for one in seen] == [("sensors/x", "stored")] * 2


def test_broker_that_is_not_there_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    url = f"mqtt://127.0.0.1:{free_port()}"
    path.write_text(CONFIG.format(url=url, protocol="3.1.1"), encoding="utf-8")
    assert main(["watch", "-c", str(path)]) == EX_UNAVAILABLE
    assert "nobody listens there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "arguments", "status", "found"),
    [
        pytest.param("url: mqtt://x", ["a/#/b"], EX_USAGE, "must be the last", id="filter"),
        pytest.param("url: mqtt://x", ["--count", "0"], EX_USAGE, "a number from 1", id="count"),
        pytest.param("url: mqtt://x", [], EX_UNAVAILABLE, "no broker has a rule", id="no rules"),
        pytest.param("url: embedded", ["#"], EX_UNAVAILABLE, "does not run", id="embedded"),
    ],
)
def test_what_cannot_be_watched_is_explained(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    arguments: list[str],
    status: int,
    found: str,
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"brokers: {{home: {{{text}}}}}\n", encoding="utf-8")
    try:
        code: object = main(["watch", "-c", str(path), *arguments])
    except SystemExit as ended:
        code = ended.code
    assert code == status
    assert found in capsys.readouterr().err
