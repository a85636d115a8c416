"""Payloads far above what any rule takes: rejected, counted, and never all in memory."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.daemon.app.processes import CollectorProcess, configuration_for, wait_for_rows
from tests.support.mosquitto import StartMosquitto

SIZE_BYTES = 20_000_000
COUNT = 8


def _memory_mb(process_id: int, what: str) -> float:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1000


@pytest.mark.parametrize(("protocol", "qos"), [("3.1.1", 0), ("3.1.1", 1), ("5", 1)])
def test_large_payloads_are_rejected_in_little_memory(
    start_mosquitto: StartMosquitto, tmp_path: Path, protocol: str, qos: int
) -> None:
    broker = start_mosquitto(lines=["autosave_on_changes false"])
    rule = "{topic: n/#, measurement: numbers}"
    collector = CollectorProcess(
        tmp_path, configuration_for(broker, protocol=protocol, sources=[rule])
    )
    collector.start(says="connected (MQTT")
    try:
        before_mb = _memory_mb(collector.pid, "VmRSS")
        for _ in range(COUNT):
            broker.publish("n/large", b"x" * SIZE_BYTES, qos=qos)
        broker.publish("n/small", "7")
        wait_for_rows(collector.data_path, "numbers", 1)
        peak_mb = _memory_mb(collector.pid, "VmHWM")
        assert collector.end() == 0, collector.log_text()
    finally:
        collector.kill()
    ledger = json.loads(collector.data_path.with_suffix(".ledger.json").read_text(encoding="utf-8"))
    assert ledger["outcomes"]["rejected"] == COUNT
    assert f"has {SIZE_BYTES} bytes, max_payload is 256000" in collector.log_text()
    line = json.loads((tmp_path / "rejects.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert line["is_cut"] is True
    # Not even one of them was in memory.
    assert peak_mb - before_mb < 2 * SIZE_BYTES / 1e6, (before_mb, peak_mb)
