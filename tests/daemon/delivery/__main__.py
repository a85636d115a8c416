"""`make kill`: the whole proof, one line of figures for each disturbance.

python -m tests.daemon.delivery [--kills 50] [--seconds 60] [--only kill,network]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.daemon.delivery.flood import QUICK_BROKER, flood
from tests.daemon.delivery.proof import (
    Load,
    Trial,
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


def main() -> int:
    """Exit status 0 if no number is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.daemon.delivery")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60, help="of a stop, a cut, a full disk")
    parser.add_argument(
        "--only",
        default="kill,kill5,saving,reload,reload5,broker,network,stop,disk,flood0,flood1",
    )
    chosen = parser.parse_args()
    trials: dict[str, tuple[str, Load, Callable[[Trial, Load], None]]] = {
        "kill": ("kill -9", Load(chosen.kills), kill_collector),
        "kill5": ("kill -9, MQTT 5", Load(chosen.kills), kill_collector),
        "saving": (
            "kill -9, broker that saves each message",
            Load(min(chosen.kills, 12), per_second=400),
            kill_collector,
        ),
        "reload": ("reloaded", Load(20), reload_collector),
        "reload5": ("reloaded, MQTT 5", Load(20), reload_collector),
        "broker": ("broker restarted", Load(10, 1.0), restart_broker),
        "network": ("network cut", Load(1, chosen.seconds), cut_network),
        "stop": ("SIGSTOP", Load(1, chosen.seconds), freeze_collector),
        "disk": ("disk full", Load(1, chosen.seconds), fill_disk),
    }
    lost = 0
    for name in chosen.only.split(","):
        if name.startswith("flood"):
            lost += _flood(int(name[-1]))
            continue
        told, load, disturb = trials[name]
        print(f"{told}, {load.times} times: ", end="", flush=True)
        try:
            lost += _one(name, load, disturb)
        except MountError as error:
            print(f"left out: {error}")
    return 1 if lost else 0


def _one(name: str, load: Load, disturb: Callable[[Trial, Load], None]) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tinyflux-proof-")))
        (folder / "broker").mkdir()
        data = folder / "data"
        data.mkdir()
        if name == "disk":
            stack.enter_context(mounted_tmpfs(data, size_kb=20_000))
        # A queue that is written as a whole at every change makes the broker the slowest part. It
        # then reads acknowledgements late, so that a kill lets more come again; but on a busy
        # machine it falls behind for good.
        lines = ("log_type error",) if name in ("broker", "saving") else QUICK_BROKER
        broker = Mosquitto(folder / "broker", lines=lines)
        stack.callback(broker.kill)
        broker.start()
        proxy = stack.enter_context(dropping_proxy(broker)) if name == "network" else None
        trial = Trial(broker, data, proxy=proxy, protocol="5" if name.endswith("5") else "3.1.1")
        verdict = trial.run(load, disturb)
        print(verdict, flush=True)
        if verdict.rows != verdict.counted:
            print(f"  the ledger has {verdict.counted} points, the file {verdict.rows}")
        return verdict.missing


def _flood(qos: int) -> int:
    print(f"flood at QoS {qos}: ", end="", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tinyflux-proof-")))
        (folder / "broker").mkdir()
        (folder / "data").mkdir()
        broker = Mosquitto(folder / "broker", lines=QUICK_BROKER)
        stack.callback(broker.kill)
        broker.start()
        verdict = flood(broker, folder / "data", qos=qos, count=100_000)
        print(verdict, flush=True)
        return verdict.published - verdict.rows - verdict.dropped


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.SubprocessError as error:
        sys.exit(f"cannot run the proof: {error}")
