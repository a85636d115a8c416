"""`import-telegraf`: a configuration of ours from one of Telegraf."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from daemon.cli.arguments import Commands, Parser, add_command
from daemon.errors import (
    EX_CANTCREAT,
    EX_DATAERR,
    EX_NOINPUT,
    RequestError,
)

_EXAMPLES = (
    "import-telegraf /etc/telegraf/telegraf.conf",
    "import-telegraf telegraf.conf --to config.yaml",
)


def add_import_telegraf(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands,
        "import-telegraf",
        _run,
        says="write a configuration that collects what Telegraf's mqtt_consumer does",
        examples=_EXAMPLES,
    )
    parser.add_argument("source", type=Path, metavar="FILE", help="telegraf.conf")
    parser.add_argument(
        "-o", "--to", type=Path, metavar="FILE", help="the new file (default: print it)"
    )


def _run(options: argparse.Namespace) -> int:
    from daemon.exchange.telegraf import convert

    source: Path = options.source
    try:
        found = convert(source.read_text("utf-8"))
    except OSError as error:
        raise RequestError(f"cannot read {source}: {error.strerror}", EX_NOINPUT) from error
    except ValueError as error:
        raise RequestError(f"{source} is no TOML: {error}", EX_DATAERR) from error
    if not found.n_rules:
        raise RequestError(f"{source} has no [[inputs.mqtt_consumer]] with topics", EX_DATAERR)
    if options.to is None:
        print(found.text, end="")
    else:
        _write(options.to, found.text)
        print(
            f"{found.n_rules} rules written to {options.to}; next: tinyflux-collector check -c "
            f"{options.to}"
        )
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0


def _write(path: Path, text: str) -> None:
    """For this user only: it may hold a password. An existing file stays."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(number, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise RequestError(f"cannot write {path}: {error.strerror}", EX_CANTCREAT) from error
