"""What `tinyflux-collector` alone says: where things stand, and what one would do next."""

from __future__ import annotations

import shutil
from pathlib import Path

from daemon.cli.arguments import INSTALLED_CONFIG
from daemon.documents import data_folder, read_document


def next_step(installed: Path = INSTALLED_CONFIG) -> int:
    """Print it; 0. Looks at files only, and never at a broker."""
    here = Path("config.yaml")
    print("tinyflux-collector collects MQTT messages and sensor polls into one CSV file.\n")
    config = installed if installed.exists() else here if here.exists() else None
    if config is None:
        print(f"There is no configuration yet (neither {installed} nor ./config.yaml). Try:\n")
        _show(
            ("demo", "collect from simulated devices, to see what it is like"),
            ("presets", "the projects whose devices need no rules"),
        )
    else:
        flag = "" if config == installed else " -c config.yaml"
        data = _data_of(config)
        is_there = data is not None and data.exists()
        print(f"The configuration is {config}" + (f", the data {data}." if is_there else "."))
        print("Next:\n" if is_there else "It has collected nothing yet. Next:\n")
        if is_there:
            _show(
                (f"status -c {config}", "how the collector is, running or not"),
                (f"stats{flag}", "which measurements and series there are"),
                (f"tail{flag}", "new points as they arrive"),
                (f"query{flag} --since 1h", "points, and statistics of them"),
                (f"doctor -c {config}", "what could lose messages, and the remedy"),
            )
        else:
            _show(
                (f"check -c {config}", "everything that is wrong with it, at once"),
                (f"watch -c {config}", "live messages, and what they would become"),
                (f"run -c {config}", "collect until it is stopped"),
            )
    print("\n`tinyflux-collector --help` lists every command, `COMMAND --help` has examples.")
    return 0


def _show(*steps: tuple[str, str]) -> None:
    program = "tinyflux-collector" if shutil.which("tinyflux-collector") else "python -m daemon"
    width = max(len(command) for command, _ in steps)
    for command, says in steps:
        print(f"  {program} {command:<{width}}   {says}")


def _data_of(config: Path) -> Path | None:
    path = config.absolute()
    tree = read_document(path).tree
    storage = tree.get("storage") if isinstance(tree, dict) else None
    named = storage.get("path", "data.csv") if isinstance(storage, dict) else "data.csv"
    return data_folder(path) / named if isinstance(named, str) and "\0" not in named else None
