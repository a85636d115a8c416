"""Payloads that fit no rule cost nothing but themselves."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.app.conftest import StartCollector
from tests.daemon.app.processes import (
    CollectorProcess,
    configuration_for,
    read_rows,
    wait_for_rows,
)
from tests.support.mosquitto import Mosquitto

RULE = "{topic: sensors/+device, measurement: climate, fields: {t: {path: $.t}}}"
BAD = {
    "not JSON": b"<xml/>",
    "half a JSON": b'{"t": 21',
    "missing key": b'{"h": 40}',
    "text for a number": b'{"t": "warm"}',
    "infinity": b'{"t": 1e999}',
    "a list for a number": b'{"t": [1, 2]}',
    "one megabyte": b'{"t": "' + b"x" * 1_000_000 + b'"}',
    "invalid UTF-8": b'{"t": "\xff\xfe"}',
    "deep": b'{"t": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a huge integer": b'{"t": ' + b"9" * 5_000 + b"}",
    "NUL bytes": bytes(64),
}


def _rejects(collector: CollectorProcess) -> list[dict[str, Any]]:
    path = collector.folder / "rejects.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def _payload(line: dict[str, Any]) -> bytes:
    if "payload" in line:
        return str(line["payload"]).encode()
    return base64.b64decode(line["payload_base64"])


@pytest.mark.parametrize("payload", BAD.values(), ids=BAD.keys())
def test_bad_payloads_are_kept_and_the_good_ones_around_them_stored(
    mosquitto: Mosquitto, start_collector: StartCollector, payload: bytes
) -> None:
    collector = start_collector(configuration_for(mosquitto, sources=[RULE]))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("sensors/attic", '{"t": 1}')
    mosquitto.publish("sensors/attic", payload)
    mosquitto.publish("sensors/attic", payload)
    mosquitto.publish("sensors/attic", '{"t": 2}')
    rows = wait_for_rows(collector.data_path, "climate", 2)
    assert [row.fields["t"] for row in rows] == [1.0, 2.0]
    assert collector.end() == 0
    lines = _rejects(collector)
    assert [_payload(line) for line in lines] == [payload, payload]
    assert {(line["topic"], line["rule"]) for line in lines} == {("sensors/attic", "sources[0]")}
    said = [line for line in collector.log_text().splitlines() if "rejected a message" in line]
    assert len(said) == 1
    assert "sensors/attic" in said[0]
    ledger = _ledger(collector.folder)
    assert ledger["outcomes"]["rejected"] == 2
    assert ledger["rules"]["sources[0]"]["rejected"] == 2


@pytest.mark.parametrize("payload", [b"", b'{"t": NaN}'], ids=["empty", "NaN"])
def test_what_devices_send_for_no_value_is_counted_and_one_of_a_kind_kept(
    mosquitto: Mosquitto, start_collector: StartCollector, payload: bytes
) -> None:
    collector = start_collector(configuration_for(mosquitto, sources=[RULE]))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("sensors/attic", payload)
    mosquitto.publish("sensors/attic", payload)
    mosquitto.publish("sensors/attic", '{"t": 2}')
    wait_for_rows(collector.data_path, "climate", 1)
    assert collector.end() == 0
    ledger = _ledger(collector.folder)
    assert (ledger["outcomes"]["stored"], ledger["outcomes"]["no-value"]) == (1, 2)
    assert ledger["rules"]["sources[0]"]["no-value"] == 2
    assert [_payload(line) for line in _rejects(collector)] == [payload]
    said = [line for line in collector.log_text().splitlines() if "nothing to store" in line]
    assert len(said) == 1
    assert "sensors/attic" in said[0]


def test_a_message_without_a_rule_is_counted_and_acknowledged(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    """The session still has a subscription that left the configuration."""
    old = "{topic: old/+device, measurement: old}"
    collector = start_collector(configuration_for(mosquitto, sources=[old, RULE]))
    collector.wait_for_log("connected (MQTT")
    assert collector.end() == 0
    mosquitto.publish("old/attic", "1")
    collector = start_collector(configuration_for(mosquitto, sources=[RULE]))
    mosquitto.publish("sensors/attic", '{"t": 2}')
    wait_for_rows(collector.data_path, "climate", 1)
    assert collector.end() == 0
    ledger = _ledger(collector.folder)
    assert ledger["outcomes"]["no-rule"] == 1
    assert ledger["unmatched"] == {"old/attic": 1}
    assert read_rows(collector.data_path, "old") == []


def _ledger(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "data.ledger.json").read_text(encoding="utf-8"))
    return found
