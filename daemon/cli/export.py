"""`export`: points as line protocol, CSV, JSON lines or Parquet."""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.arguments import (
    Commands,
    Parser,
    add_command,
    selection_of,
    take_data,
    take_selection,
)
from daemon.cli.data import Located, locate, reading
from daemon.cli.meter import Meter
from daemon.errors import EX_CANTCREAT, EX_DATAERR, EX_IOERR, RequestError

if TYPE_CHECKING:
    from daemon.exchange.exporting import Report
    from daemon.exchange.form import Form
    from daemon.query import Selection

INTERRUPTED = 130
"""As a shell says of a process that Ctrl-C has ended."""

_EXAMPLES = (
    "export --to all.jsonl",
    "export climate --tag room=kitchen --since 30d --to kitchen.csv",
    "export --to - --format line | influx write --bucket home",
)


def add_export(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands,
        "export",
        _run,
        says="write points to a file that other programs read; broken off, it goes on where it was",
        examples=_EXAMPLES,
    )
    take_data(parser)
    take_selection(parser)
    parser.add_argument(
        "-o", "--to", required=True, metavar="FILE", help="the new file; - for standard output"
    )
    parser.add_argument(
        "--format",
        choices=("line", "csv", "jsonl", "parquet"),
        help="default: by the file's name (.lp, .csv, .jsonl, .parquet)",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    parser.add_argument(
        "--restart", action="store_true", help="begin anew although an export was broken off"
    )


def _run(options: argparse.Namespace) -> int:
    from daemon.exchange.form import ENDINGS, OUT_FORMS, form_of
    from daemon.query import check_selection, parse_moment

    form: Form | None = options.format or form_of(options.to)
    parser: Parser = options.parser
    if form is None or form not in OUT_FORMS:
        parser.error(
            f"--to {options.to}: the name does not tell the form; end it in {ENDINGS}, or give "
            "--format"
        )
    located = locate(options)
    read_time = partial(parse_moment, now_us=time.time_ns() // 1000, zone=located.zone)
    selection = selection_of(options, read_time)
    with reading(located.path) as db:
        if selection != type(selection)():
            check_selection(db, selection)
        report = (
            _to_stdout(options, located, form, selection)
            if options.to == "-"
            else _to_file(options, located, form, selection)
        )
    if report is None:
        return INTERRUPTED
    return say_losses(report, "jsonl or csv can say everything")


def _to_file(
    options: argparse.Namespace, located: Located, form: Form, selection: Selection
) -> Report | None:
    from daemon.exchange.exporting import Export

    target = Path(os.path.realpath(options.to))
    if target.exists() and (not options.force or not target.is_file()):
        what = "exists; choose another name, or --force" if target.is_file() else "is no file"
        raise RequestError(f"{options.to} {what}", EX_CANTCREAT)
    if target.exists() and target.samefile(located.path):
        raise RequestError(f"{options.to} is the data file itself", EX_CANTCREAT)
    export = Export(located.path, target, form, selection)
    if options.restart:
        export.restart()
    total = located.path.stat().st_size
    try:
        with Meter(f"exporting {located.path.name}", total) as meter:
            report = export.run(meter.reached)
    except KeyboardInterrupt:
        print(
            f"stopped; {options.to} is not there yet, and the same command goes on from here",
            file=sys.stderr,
        )
        return None
    except OSError as error:
        status = EX_CANTCREAT if error.filename else EX_IOERR
        raise RequestError(
            f"cannot write {options.to}: {error.strerror or error}; once that is put right, the "
            "same command goes on from here",
            status,
        ) from error
    resumed = f" ({report.resumed_at:,} of them earlier)" if report.resumed_at else ""
    n_written = report.n_points - report.losses.n_left_out
    print(f"{n_written:,} points written to {options.to}{resumed}")
    return report


def _to_stdout(
    options: argparse.Namespace, located: Located, form: Form, selection: Selection
) -> Report:
    from daemon.exchange.exporting import Report, text_encoder
    from daemon.exchange.form import Losses
    from daemon.exchange.source import DataSource, Survey

    if form == "parquet":
        options.parser.error("Parquet needs a file; --to - is for the other forms")
    report = Report(Losses())
    with DataSource(located.path, selection) as source:
        encode, header = text_encoder(form, source.survey() if form == "csv" else Survey())
        sys.stdout.buffer.write(header)
        for piece in source.pieces(source.start):
            sys.stdout.buffer.write(encode(piece.points, report.losses))
            report.n_points += len(piece.points)
        sys.stdout.buffer.flush()
    return report


def say_losses(report: Report, remedy: str) -> int:
    """Say what could not be said; the exit status: EX_DATAERR where whole points are missing."""
    losses = report.losses
    for number, what in (
        (losses.n_left_out, "points are left out"),
        (losses.n_shortened, "points lack a part"),
    ):
        if number:
            print(f"note: {number:,} {what}", file=sys.stderr)
    for reason in losses.reasons:
        print(f"note: {reason}", file=sys.stderr)
    if losses.reasons and remedy:
        print(f"note: {remedy}", file=sys.stderr)
    return EX_DATAERR if losses.n_left_out else 0
