"""`python -m tinyflux`: look at a data file, mend it, copy it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tinyflux import cache
from tinyflux.checking import Damage, cache_disagreements, examine, open_for_check
from tinyflux.codec import RowCodec
from tinyflux.csvfile import CsvFile
from tinyflux.database import TinyFlux
from tinyflux.repairing import backup, export, repair
from tinyflux.times import from_us

_SHOWN = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0 well, 1 something is wrong with the file, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except (OSError, ValueError) as error:
        print(f"tinyflux: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tinyflux", description="Look at a TinyFlux data file, mend it, copy it."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("path", type=Path, help="the data file")
        sub.add_argument("--encoding", help="of the file, if it is not UTF-8")
        sub.set_defaults(command=run)
        return sub

    command("check", _check, "name every byte that is no row and every cached column that differs")
    command("info", _info, "points, time span, series, size, state of the index cache")
    mend = command("repair", _repair, "set bad rows aside in NAME.bad and keep the rest")
    mend.add_argument(
        "--run",
        dest="is_run",
        action="store_true",
        help="do it; without, only say what would be done",
    )
    mend.add_argument(
        "--accept-tail",
        action="store_true",
        help="keep a last row that only lacks its end, as a person leaves it",
    )
    copy = command("backup", _backup, "make a consistent copy while others write")
    copy.add_argument("target", type=Path, help="the copy, or a directory for it")
    copy.add_argument("--force", action="store_true", help="replace an existing copy")
    out = command("export", _export, "write every point to a new CSV file")
    out.add_argument("target", type=Path, help="the new file")
    out.add_argument(
        "--safe",
        action="store_true",
        help="put an apostrophe before text that a spreadsheet would run as a formula",
    )
    return parser


def _check(options: argparse.Namespace) -> int:
    with open_for_check(options.path, options.encoding) as file:
        n_rows = 0
        problems: list[str] = []
        for piece in examine(file):
            if isinstance(piece, Damage):
                problems.append(_damage_line(piece))
            else:
                n_rows += piece.segment.n_rows
        problems.extend(cache_disagreements(file))
    for problem in problems[:_SHOWN]:
        print(f"{options.path}: {problem}")
    if len(problems) > _SHOWN:
        print(f"{options.path}: and {len(problems) - _SHOWN} more")
    state = f"{len(problems)} problems" if problems else "no problem"
    print(f"{options.path}: {n_rows:,} rows, {state}")
    return 1 if problems else 0


def _damage_line(damage: Damage) -> str:
    return f"bytes {damage.start} to {damage.stop}: {damage.reason}"


def _repair(options: argparse.Namespace) -> int:
    codec = RowCodec(options.encoding)
    path = options.path.resolve(strict=True)
    with CsvFile(path, codec, is_writable=options.is_run) as file:
        report = repair(file, accept_tail=options.accept_tail, is_dry=not options.is_run)
    for damage in report.damages[:_SHOWN]:
        print(f"{options.path}: {_damage_line(damage)}")
    if report.accepted_tail is not None:
        print(f"{options.path}: the last row is kept and gets its end")
    n_bad = len(report.damages)
    if not n_bad and report.accepted_tail is None:
        print(f"{options.path}: nothing to repair, {report.n_rows_kept:,} rows")
    elif not options.is_run:
        print(
            f"{options.path}: would keep {report.n_rows_kept:,} rows and set {n_bad} pieces aside; "
            f"to do it: python -m tinyflux repair --run {options.path}"
        )
    else:
        where = f" in {report.aside}" if report.aside else " (only NUL bytes, nothing to keep)"
        aside = f", set {n_bad} pieces aside{where}" if n_bad else ""
        print(f"{options.path}: kept {report.n_rows_kept:,} rows{aside}")
    return 0


def _info(options: argparse.Namespace) -> int:
    path = options.path.resolve(strict=True)
    with TinyFlux(path, access_mode="r", encoding=options.encoding) as db:
        n_points = len(db)
        size_bytes = path.stat().st_size
        print(f"file           {path}")
        print(f"size           {size_bytes:,} bytes")
        print(f"points         {n_points:,}")
        if n_points:
            print(f"bytes a point  {size_bytes / n_points:.1f}")
            spans = [segment.span_us for segment in db.index.table.segments]
            first_us, last_us = min(low for low, _ in spans), max(high for _, high in spans)
            print(f"first          {from_us(first_us).isoformat()}")
            print(f"last           {from_us(last_us).isoformat()}")
            print(f"series         {len(db.latest()):,}")
        for name in db.get_measurements():
            print(f"measurement    {name!r}: {len(db.measurement(name)):,} points")
    cached = cache.load(path, RowCodec(options.encoding).key)
    if cached is None:
        print("index cache    none")
    else:
        rows = sum(segment.n_rows for segment in cached.segments)
        print(f"index cache    {rows:,} rows in {len(cached.segments)} segments")
    return 0


def _backup(options: argparse.Namespace) -> int:
    with open_for_check(options.path, options.encoding) as file:
        n_bytes = backup(file, options.target, is_replacing=options.force)
    print(f"{options.target}: {n_bytes:,} bytes copied")
    return 0


def _export(options: argparse.Namespace) -> int:
    with open_for_check(options.path, options.encoding) as file:
        n_points = export(file, options.target, is_safe=options.safe)
    print(f"{options.target}: {n_points:,} points")
    return 0
