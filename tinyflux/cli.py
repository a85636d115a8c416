"""`python -m tinyflux`: look at a data file, mend it, copy it."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tinyflux import cache
from tinyflux.backups import backup, export
from tinyflux.checking import Damage, Good, cache_disagreements, examine, open_for_check
from tinyflux.codec import RowCodec
from tinyflux.csvfile import CsvFile
from tinyflux.database import TinyFlux
from tinyflux.errors import CacheDamageError
from tinyflux.repairing import repair
from tinyflux.text_encoding import first_bytes
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
        sub.add_argument("--encoding", type=_encoding, help="of the file, if it is not UTF-8")
        sub.set_defaults(command=run)
        return sub

    command("check", _check, "name every byte that is no row and every cached column that differs")
    command("info", _info, "points, time span, series, size, state of the index cache")
    command("index", _index, "write what the index cache lacks, so that the file opens quickly")
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
    out.add_argument("--force", action="store_true", help="replace an existing file")
    out.add_argument(
        "--safe",
        action="store_true",
        help="put an apostrophe before text that a spreadsheet would run as a formula",
    )
    return parser


def _encoding(name: str) -> str:
    try:
        "a\n".encode(name)
    except (LookupError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"{name!r} is no encoding of text ({error}); utf-8, utf-16 and latin-1 are some"
        ) from None
    return name


def _check(options: argparse.Namespace) -> int:
    n_rows = n_problems = 0
    with open_for_check(options.path, options.encoding) as file:
        for problem in _problems(file):
            if isinstance(problem, Good):
                n_rows += problem.n_rows
                continue
            n_problems += 1
            if n_problems <= _SHOWN:
                print(f"{options.path}: {problem}")
    if n_problems > _SHOWN:
        print(f"{options.path}: and {n_problems - _SHOWN:,} more")
    if n_problems and not n_rows:
        print(f"{options.path}: no row of it can be read; it seems to be no TinyFlux data file")
    print(f"{options.path}: {n_rows:,} rows, {_counted(n_problems, 'problem')}")
    return 1 if n_problems else 0


def _problems(file: CsvFile) -> Iterator[Good | str]:
    """Rows that are well, and a line for each problem."""
    for piece in examine(file):
        yield piece if isinstance(piece, Good) else _damage_line(piece)
    yield from cache_disagreements(file)


def _damage_line(damage: Damage) -> str:
    return f"bytes {damage.start} to {damage.stop}: {damage.reason}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}" if number else f"no {what}"


def _repair(options: argparse.Namespace) -> int:
    path = options.path.resolve(strict=True)
    codec = RowCodec(options.encoding, head=first_bytes(path))
    with CsvFile(path, codec, is_writable=options.is_run) as file:
        report = repair(file, accept_tail=options.accept_tail, is_dry=not options.is_run)
    for damage in report.damages:
        print(f"{options.path}: {_damage_line(damage)}")
    if report.n_damages > len(report.damages):
        print(f"{options.path}: and {report.n_damages - len(report.damages):,} more")
    if report.accepted_tail is not None:
        print(f"{options.path}: the last row is kept and gets its end")
    kept, bad = _counted(report.n_rows_kept, "row"), _counted(report.n_damages, "piece")
    if not report.is_needed:
        print(f"{options.path}: nothing to repair, {kept}")
        return 0
    if not options.is_run:
        print(
            f"{options.path}: would keep {kept} and set {bad} aside; "
            f"to do it: python -m tinyflux repair --run {shlex.quote(str(options.path))}"
        )
        return 1
    where = f" in {report.aside}" if report.aside else " (only NUL bytes, nothing to keep)"
    aside = f", set {bad} aside{where}" if report.n_damages else ""
    print(f"{options.path}: kept {kept}{aside}")
    return 0


def _info(options: argparse.Namespace) -> int:
    path = options.path.resolve(strict=True)
    size_bytes = path.stat().st_size
    with TinyFlux(path, access_mode="r", encoding=options.encoding) as db:
        n_points = len(db)
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
    print(f"index cache    {_cache_state(options, n_points)}")
    return 0


def _cache_state(options: argparse.Namespace, n_points: int) -> str:
    with open_for_check(options.path, options.encoding) as file:
        try:
            cached = cache.opened(file.path, file.codec.key)
        except CacheDamageError as error:
            return f"damaged ({error}); the next program that may write makes it anew"
        if cached is None:
            return "none"
        n_rows = sum(segment.n_rows for segment in cached.segments)
        said = f"{n_rows:,} of {n_points:,} rows in {_counted(len(cached.segments), 'segment')}"
        state = file.state()
        is_current = state.generation == cached.coverage.generation or cache.matches(
            cached.coverage, cached.end, file.read
        )
        return said if is_current else f"{said}, of another state of the file: not used"


def _index(options: argparse.Namespace) -> int:
    path = options.path.resolve(strict=True)
    with TinyFlux(path, encoding=options.encoding) as db:
        db.publish_index()
        n_points = len(db)
    print(f"index cache    {_cache_state(options, n_points)}")
    return 0


def _backup(options: argparse.Namespace) -> int:
    with open_for_check(options.path, options.encoding) as file:
        n_bytes = backup(file, options.target, is_replacing=options.force)
    print(f"{options.target}: {n_bytes:,} bytes copied")
    return 0


def _export(options: argparse.Namespace) -> int:
    with open_for_check(options.path, options.encoding) as file:
        n_points = export(file, options.target, is_safe=options.safe, is_replacing=options.force)
    print(f"{options.target}: {_counted(n_points, 'point')}")
    return 0
