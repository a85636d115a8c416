"""Metrics and health over HTTP: of a status that is made here, and of a collector that runs."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from daemon.errors import EX_UNAVAILABLE, StartError
from daemon.health.metrics import metrics_text
from daemon.health.monitoring import Monitoring
from tests.daemon.app.conftest import StartCollector, start_collector
from tests.daemon.app.processes import configuration_for, wait_for_rows
from tests.support.mosquitto import Mosquitto
from tests.support.ports import free_port

__all__ = ["start_collector"]

_WELL: dict[str, Any] = {
    "running": True,
    "uptime_s": 1.5,
    "writer": {"alive": True, "refused": False, "waiting": 2, "lag_s": 0.25},
    "brokers": {'a"b\\c': {"connected": True, "connections": 3}},
    "ledger": {"outcomes": {"stored": 7}, "points": 8, "measurements": {"climate\n": 8}},
    "jobs": {"poll system": {"done": 4, "failed": 1, "timed_out": 0}},
}
_SAMPLE = re.compile(
    r'tinyflux_collector_[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"\})? -?[0-9.e+-]+'
)


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_every_line_is_one_that_prometheus_reads() -> None:
    lines = metrics_text(_WELL).splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert samples
    assert [line for line in samples if not _SAMPLE.fullmatch(line)] == []
    assert 'tinyflux_collector_broker_connected{broker="a\\"b\\\\c"} 1' in samples
    assert 'tinyflux_collector_messages_total{outcome="stored"} 7' in samples
    assert "tinyflux_collector_lag_seconds 0.25" in samples
    named = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(named) == len(set(named))


def test_what_is_not_known_has_no_sample() -> None:
    assert metrics_text({}) == "\n"


def test_a_collector_that_is_not_well_answers_503_with_the_reason() -> None:
    status = dict(_WELL)
    port = free_port()
    with Monitoring(("127.0.0.1", port), lambda: status):
        assert _get(port, "/healthz") == (200, "ok\n")
        status["writer"] = {**_WELL["writer"], "refused": True}
        code, text = _get(port, "/healthz")
        assert code == 503
        assert "disk" in text


def test_what_is_switched_off_is_not_there() -> None:
    port = free_port()
    with Monitoring(("127.0.0.1", port), lambda: _WELL, has_metrics=False):
        assert _get(port, "/metrics") == (404, "there is /healthz\n")


def test_who_says_nothing_does_not_keep_others_out() -> None:
    port = free_port()
    with (
        Monitoring(("127.0.0.1", port), lambda: _WELL),
        socket.create_connection(("127.0.0.1", port)),
    ):
        assert _get(port, "/healthz")[0] == 200


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                StartError, match=rf"http\.listen: cannot listen on 127\.0\.0\.1:{port}"
            ) as raised,
            Monitoring(("127.0.0.1", port), lambda: _WELL),
        ):
            pass
    assert raised.value.exit_status == EX_UNAVAILABLE


def test_a_running_collector_is_measured(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    port = free_port()
    extra = f"http: {{listen: 127.0.0.1:{port}}}"
    collector = start_collector(configuration_for(mosquitto, interval="100ms", extra=extra))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("sensors/attic", "1")
    wait_for_rows(collector.data_path, "climate", 1)
    stored = 'tinyflux_collector_messages_total{outcome="stored"} 1\n'
    collector.wait_for(lambda: stored in _get(port, "/metrics")[1], "the count")
    text = _get(port, "/metrics")[1]
    assert 'tinyflux_collector_broker_connected{broker="home"} 1\n' in text
    assert "tinyflux_collector_points_total 1\n" in text
    assert mosquitto.password not in text
    assert _get(port, "/healthz") == (200, "ok\n")
