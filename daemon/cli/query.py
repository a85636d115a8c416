"""`query`: points or statistics of them, as a table, CSV, JSON or line protocol."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from daemon.cli.arguments import (
    Commands,
    Parser,
    add_command,
    count,
    names_of,
    parsed,
    selection_of,
    take_data,
    take_selection,
)
from daemon.cli.data import Located, locate, reading

if TYPE_CHECKING:
    from daemon.query import Question

_TABLE_ROWS = 100
_FORMATS = ("table", "csv", "json", "line")
_EXAMPLES = (
    "query climate --since 24h",
    "query climate --field temperature --tag room=kitchen --since 24h --every 10min --how mean",
    "query climate --latest --by room",
    "query power --field energy --every 1d --how increase --by device --format csv",
)


def add_query(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands, "query", _run, says="show points, or statistics of them", examples=_EXAMPLES
    )
    take_data(parser)
    take_selection(parser)
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME",
        help="only this field; several between commas (default: all)",
    )
    parser.add_argument(
        "--how",
        action="append",
        default=[],
        metavar="STATISTIC",
        help="mean, min, max, sum, count, first, last, std, increase (of a counter) or "
        "time_weighted_mean; several between commas (default with --every: mean)",
    )
    parser.add_argument(
        "--every",
        metavar="DURATION",
        help="a statistic for each window of this length: 10min, 1h, 1d, 1mo",
    )
    parser.add_argument(
        "--by", action="append", default=[], metavar="TAG", help="keep the values of this tag apart"
    )
    parser.add_argument(
        "--latest", action="store_true", help="only the last point of each series (or of each --by)"
    )
    parser.add_argument(
        "--limit",
        type=count,
        metavar="N",
        help=f"only the latest N rows (default: all; in a table {_TABLE_ROWS})",
    )
    parser.add_argument("--all", action="store_true", help="every row, in a table too")
    parser.add_argument("--reverse", action="store_true", help="the latest first")
    take_format(parser)


def take_format(parser: argparse.ArgumentParser) -> None:
    """How an answer is written."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--format", choices=_FORMATS, default="table", help="how it is written (default: table)"
    )
    which.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        help="as --format json",
    )


def _run(options: argparse.Namespace) -> int:
    from daemon.query import Question, parse_duration, parse_moment

    if options.latest and (options.every or options.how):
        options.parser.error("--latest shows points; --every and --how are of statistics")
    if options.by and not (options.latest or options.every or options.how):
        options.parser.error("--by groups statistics (--how, --every) or --latest")
    located = locate(options)
    read_time = partial(parse_moment, now_us=time.time_ns() // 1000, zone=located.zone)
    every = None
    if options.every is not None:
        every = parsed(options, "every", options.every, parse_duration)
    how = names_of(options.how) or (("mean",) if every else ())
    limit = options.limit
    if limit is None and options.format == "table" and not options.all:
        limit = _TABLE_ROWS
    question = Question(
        selection_of(options, read_time),
        located.zone,
        names_of(options.field),
        how,
        every,
        names_of(options.by) or None,
        options.latest,
        limit,
        options.reverse,
    )
    return _answer(options, located, question)


def _answer(options: argparse.Namespace, located: Located, question: Question) -> int:
    from daemon.query import answer, lines_of

    with reading(located.path) as db:
        require_statistics(options, question.how)
        found = answer(db, question)
        measurement = question.selection.measurement
        lines = lines_of(found, options.format, zone=located.zone, measurement=measurement)
        for line in lines:
            print(line)
    if options.format == "table":
        _say_rest(options, found.n_rows, found.n_found)
    return 0


def require_statistics(options: argparse.Namespace, how: tuple[str, ...]) -> None:
    """End with EX_USAGE, and the nearest name, where one of these is no statistic."""
    from daemon.query import nearest
    from tinyflux.statistics import STATISTICS

    for name in how:
        if name not in STATISTICS:
            options.parser.error(
                f"argument --how: there is no statistic {name!r}; "
                f"{nearest('statistic', name, STATISTICS)}"
            )


def _say_rest(options: argparse.Namespace, n_rows: int, n_found: int) -> None:
    sys.stdout.flush()
    if not n_found:
        print("no points fit", file=sys.stderr)
    elif n_rows < n_found and options.limit is None:
        print(
            f"the latest {n_rows:,} of {n_found:,} rows; --all shows every row, --limit so many",
            file=sys.stderr,
        )
