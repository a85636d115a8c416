"""Short forms of the floods of `make kill`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.delivery.flood import QUICK_BROKER, flood
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.tmpfs import MountError, mounted_tmpfs

# What the inbox may hold is counted generously, so far less than this is real.
MAX_GROWTH_MB = 60


@pytest.fixture
def flooded(start_mosquitto: StartMosquitto) -> Mosquitto:
    """A broker that neither logs nor saves each message: that would slow the flood down."""
    return start_mosquitto(lines=QUICK_BROKER)


@pytest.mark.parametrize("qos", [0, 1])
def test_a_flood_is_stored_or_counted_in_bounded_memory(
    flooded: Mosquitto, tmp_path: Path, qos: int
) -> None:
    verdict = flood(flooded, tmp_path, qos=qos, count=20_000)
    assert verdict.rows + verdict.dropped == verdict.published, verdict
    assert verdict.connections == 1, verdict
    assert verdict.rss_peak_mb - verdict.rss_before_mb < MAX_GROWTH_MB, verdict
    assert qos == 0 or verdict.dropped == 0, verdict


def test_what_a_full_disk_makes_us_drop_is_counted_and_said(
    flooded: Mosquitto,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    try:
        with mounted_tmpfs(tmp_path, size_kb=4_000):
            verdict = flood(flooded, tmp_path, qos=0, count=20_000, is_disk_full=True)
            log = (tmp_path / "collector.log").read_text(encoding="utf-8", errors="replace")
    except MountError as error:
        pytest.skip(str(error))
    assert verdict.rows + verdict.dropped == verdict.published, verdict
    # The inbox has room for 7,500 of them, and all have come before there was room on the disk.
    assert verdict.dropped > 10_000
    assert verdict.connections == 1, verdict
    assert verdict.rss_peak_mb - verdict.rss_before_mb < MAX_GROWTH_MB, verdict
    assert "items that nobody sends again" in log
