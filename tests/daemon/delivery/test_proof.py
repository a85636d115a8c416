"""Short forms of `make kill`: no number is missing, whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.delivery.proof import (
    Load,
    Trial,
    Verdict,
    cut_network,
    dropping_proxy,
    fill_disk,
    freeze_collector,
    kill_collector,
    reload_collector,
    restart_broker,
)
from tests.support.mosquitto import Mosquitto
from tests.support.tmpfs import MountError, mounted_tmpfs


def _expect_all(verdict: Verdict, trial: Trial) -> None:
    assert verdict.missing == 0, f"{verdict}\n{trial.collector.log_text()[-3000:]}"
    assert verdict.counted == verdict.rows, f"the ledger and the file differ: {verdict}"
    # Without a disturbance in the right moment the test would prove nothing.
    assert verdict.published > 100


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_no_number_is_missing_after_kills(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    trial = Trial(mosquitto, tmp_path, protocol=protocol)
    verdict = trial.run(Load(times=3), kill_collector)
    _expect_all(verdict, trial)
    # What is sent again is recognised, whatever moment the kill has hit.
    assert verdict.doubled == 0, verdict


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_no_number_is_missing_after_reloads(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    trial = Trial(mosquitto, tmp_path, protocol=protocol)
    verdict = trial.run(Load(times=5), reload_collector)
    _expect_all(verdict, trial)
    assert verdict.doubled == 0, verdict


def test_no_number_is_missing_after_restarts_of_the_broker(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    trial = Trial(mosquitto, tmp_path)
    _expect_all(trial.run(Load(times=2, lasts_s=0.3), restart_broker), trial)


def test_no_number_is_missing_after_the_network_was_cut(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with dropping_proxy(mosquitto) as proxy:
        trial = Trial(mosquitto, tmp_path, proxy=proxy)
        _expect_all(trial.run(Load(times=2, lasts_s=1.0), cut_network), trial)


def test_no_number_is_missing_after_the_collector_was_stopped(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    trial = Trial(mosquitto, tmp_path)
    _expect_all(trial.run(Load(times=1, lasts_s=3.0), freeze_collector), trial)


def test_no_number_is_missing_after_the_disk_was_full(mosquitto: Mosquitto, tmp_path: Path) -> None:
    try:
        with mounted_tmpfs(tmp_path, size_kb=5_000):
            trial = Trial(mosquitto, tmp_path)
            _expect_all(trial.run(Load(times=1, lasts_s=2.0), fill_disk), trial)
    except MountError as error:
        pytest.skip(str(error))
