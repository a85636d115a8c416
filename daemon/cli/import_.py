"""`import`: points of other programs' files into the data file."""

from __future__ import annotations

import argparse
import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.arguments import Commands, Parser, add_command, names_of, take_data, take_zone
from daemon.cli.data import Located, locate
from daemon.cli.export import INTERRUPTED, say_losses
from daemon.cli.meter import Meter
from daemon.errors import EX_CANTCREAT, EX_IOERR, EX_NOINPUT, EX_NOPERM, EX_USAGE, RequestError

if TYPE_CHECKING:
    from daemon.exchange.exporting import Report
    from daemon.exchange.form import Form
    from daemon.exchange.importing import Import

_EXAMPLES = (
    "import all.jsonl --data copy.csv",
    "import influx.lp --skip-bad",
    "import old.csv --measurement climate --time-column Timestamp --tag-columns room",
    "import archive/2024-01.csv.gz",
)


def add_import(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands,
        "import",
        _run,
        says="store the points of a file: line protocol, CSV, JSON lines, Parquet, TinyFlux",
        examples=_EXAMPLES,
    )
    parser.add_argument("source", type=Path, metavar="FILE", help="where the points are")
    take_data(parser)
    parser.add_argument(
        "--format",
        choices=("line", "csv", "jsonl", "parquet", "tinyflux"),
        help="default: by the file's name and first line",
    )
    table = parser.add_argument_group("tables of other programs (CSV)")
    table.add_argument("--measurement", metavar="NAME", help="of all points")
    table.add_argument("--time-column", default="time", metavar="NAME", help="default: time")
    table.add_argument(
        "--tag-columns",
        action="append",
        default=[],
        metavar="NAME",
        help="columns that are tags; several between commas; the others are fields",
    )
    table.add_argument(
        "--skip-columns", action="append", default=[], metavar="NAME", help="columns to pass over"
    )
    take_zone(table)
    parser.add_argument(
        "--skip-bad", action="store_true", help="pass over what is no point, and count it"
    )
    parser.add_argument(
        "--skip-stored", action="store_true", help="pass over points that are stored already"
    )
    parser.add_argument(
        "--restart", action="store_true", help="begin anew although an import was broken off"
    )


def _run(options: argparse.Namespace) -> int:
    from daemon.exchange.importing import Import
    from daemon.exchange.wide_csv import Columns

    located = locate(options)
    source: Path = options.source
    try:
        form = options.format or _form_of(source)
        if located.path.exists() and source.samefile(located.path):
            raise RequestError(f"{source} is the data file itself", EX_USAGE)
        columns = Columns(
            located.zone,
            options.time_column,
            options.measurement,
            names_of(options.tag_columns),
            names_of(options.skip_columns),
        )
        work = Import(source, located.path, form, columns)
    except OSError as error:
        raise RequestError(f"cannot read {source}: {error.strerror}", EX_NOINPUT) from error
    if options.restart:
        work.restart()
    report = _stored(options, located, work, form)
    if report is None:
        return INTERRUPTED
    resumed = f" ({report.resumed_at:,} of them earlier)" if report.resumed_at else ""
    print(f"{report.n_points:,} points stored in {located.path}{resumed}")
    return say_losses(report, "")


def _stored(
    options: argparse.Namespace, located: Located, work: Import, form: Form
) -> Report | None:
    source: Path = options.source
    is_counted = form in ("parquet", "tinyflux") or source.suffix == ".gz"
    total = None if is_counted else source.stat().st_size
    try:
        with Meter(f"importing {source.name}", total) as meter:
            return work.run(
                meter.reached,
                is_compact=located.is_compact,
                is_skipping_bad=options.skip_bad,
                is_skipping_stored=options.skip_stored,
            )
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return None
    except OSError as error:
        raise store_refusal(located.path, error) from error
    except ValueError as error:
        raise RequestError(f"{source}: {error}") from error


def store_refusal(path: Path, error: OSError) -> RequestError:
    """What the system's refusal to store means, and what to do."""
    status = {
        errno.ENOENT: EX_CANTCREAT,
        errno.EACCES: EX_NOPERM,
        errno.EPERM: EX_NOPERM,
        errno.EROFS: EX_NOPERM,
    }.get(error.errno or 0, EX_IOERR)
    hint = (
        "; write as the collector's user: sudo -u tinyflux-collector tinyflux-collector import ..."
        if status == EX_NOPERM
        else "; once that is put right, the same command goes on from here"
    )
    return RequestError(f"cannot store in {path}: {error.strerror or error}{hint}", status)


def _form_of(source: Path) -> Form:
    """By the name; a .csv whose first cell is a time has no header: it is a data file."""
    from daemon.exchange.form import ENDINGS, form_of

    form = form_of(source.name)
    if form is None:
        raise RequestError(
            f"{source}: the name does not tell the form; give --format, or a name in {ENDINGS}",
            EX_USAGE,
        )
    if form == "csv" and _begins_with_a_time(source):
        return "tinyflux"
    return form


def _begins_with_a_time(source: Path) -> bool:
    import gzip
    from datetime import datetime

    with source.open("rb") as file:
        head = file.read(2)
    with gzip.open(source) if head == b"\x1f\x8b" else source.open("rb") as file:
        first = file.read(64).split(b",")[0]
    try:
        datetime.fromisoformat(first.decode())
    except ValueError:
        return False
    return True
