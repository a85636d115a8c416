"""`make test-nspawn` and `make test-vm`: the service on a booted Debian.

python -m tests.packaging.service nspawn|vm [--suite bookworm|trixie] [--keep]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.packaging.service.checks import Checks
from tests.packaging.service.container import Container
from tests.packaging.service.guest import CannotRunError
from tests.packaging.service.tree import made_tree
from tests.packaging.service.virtual import VirtualMachine
from tests.support.mosquitto import Mosquitto

_STEPS = (
    "installs",
    "takes_a_configuration",
    "stores_and_answers",
    "survives_kills",
    "reloads",
    "waits_for_the_clock",
    "is_watched",
    "is_restored",
    "rolls_back",
    "upgrades",
    "survives_power_cuts",
    "says_what_a_restart_cannot_mend",
    "uninstalls",
)
# Its memory, and what was not flushed, live on with the kernel outside.
_NOT_IN_A_CONTAINER = ("survives_power_cuts",)


def main() -> int:
    """Exit status 0 if every step holds, or if this machine cannot do it, which is said."""
    parser = argparse.ArgumentParser(prog="python -m tests.packaging.service")
    parser.add_argument("machine", choices=("nspawn", "vm"))
    parser.add_argument("--suite", choices=("bookworm", "trixie"), default="bookworm")
    parser.add_argument("--only", help="steps by name, with commas; `installs` is always done")
    parser.add_argument("--keep", action="store_true", help="leave the folder for a look")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tinyflux-service-", dir="/var/tmp"))
    try:
        return _run(chosen, folder)
    except CannotRunError as error:
        print(f"left out: {error}")
        return 1 if os.environ.get("REQUIRE_PROGRAMS") else 0
    finally:
        if chosen.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _run(chosen: argparse.Namespace, folder: Path) -> int:
    if os.geteuid() != 0:
        raise CannotRunError("only root may boot a Debian: sudo make test-nspawn")
    tree = made_tree(chosen.suite, folder)
    is_vm = chosen.machine == "vm"
    guest: Container | VirtualMachine = VirtualMachine(tree) if is_vm else Container(tree)
    (folder / "broker").mkdir()
    broker = Mosquitto(folder / "broker", lines=("log_type error", "autosave_on_changes false"))
    broker.start()
    try:
        began_s = time.monotonic()
        guest.boot()
        print(f"booted in {time.monotonic() - began_s:.0f} s", flush=True)
        checks = Checks(guest, broker)
        for name in _STEPS:
            if not _is_wanted(name, chosen):
                continue
            print(f"{name.replace('_', ' ')}: ", end="", flush=True)
            print(getattr(checks, name)(), flush=True)
    except AssertionError as error:
        print(f"FAILED: {error}")
        print(guest.run("journalctl -u tinyflux-collector --no-pager -n 40").text)
        return 1
    finally:
        guest.cut_power()
        broker.kill()
    return 0


def _is_wanted(name: str, chosen: argparse.Namespace) -> bool:
    if name == "installs":
        return True
    if chosen.machine == "nspawn" and name in _NOT_IN_A_CONTAINER:
        return False
    return chosen.only is None or name in chosen.only.split(",")


if __name__ == "__main__":
    sys.exit(main())
