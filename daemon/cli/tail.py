"""`tail`: the last points of a data file, and new ones as they arrive."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from daemon.cli.arguments import (
    Commands,
    Parser,
    add_command,
    count,
    seconds,
    selection_of,
    take_data,
    take_selection,
)
from daemon.cli.data import Located, locate, reading
from daemon.cli.terminal import is_stdout_read

if TYPE_CHECKING:
    from daemon.query import Selection
    from tinyflux import Point

_LOOK_S = 0.5
_FORMATS = ("text", "json", "line")
_EXAMPLES = (
    "tail",
    "tail climate --tag room=kitchen -n 0",
    "tail power --where 'watt > 2000' --json",
)


def add_tail(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands, "tail", _run, says="show the last points, and new ones as they arrive",
        examples=_EXAMPLES,
    )  # fmt: skip
    take_data(parser)
    take_selection(parser, has_times=False)
    parser.add_argument(
        "-n", "--last", type=int, default=10, metavar="N", help="how many that are there already "
        "(default: 10)",
    )  # fmt: skip
    parser.add_argument("--count", type=count, metavar="N", help="end after so many new points")
    parser.add_argument(
        "--duration",
        type=seconds,
        metavar="SECONDS",
        help="end by itself after this time (default: run until Ctrl-C)",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--format", choices=_FORMATS, default="text", help="how it is written (default: text)"
    )
    which.add_argument(
        "--json", dest="format", action="store_const", const="json", help="an object a line"
    )


def _run(options: argparse.Namespace) -> int:
    if options.last < 0:
        options.parser.error(f"argument -n/--last: found {options.last}; allowed: 0 or more")
    located = locate(options)
    selection = selection_of(options, int)
    try:
        _follow(options, located, selection)
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return 0


def _follow(options: argparse.Namespace, located: Located, selection: Selection) -> None:
    from daemon.query import Follower, check_selection

    until = float("inf") if options.duration is None else time.monotonic() + options.duration
    n_shown, limit = 0, options.count
    line = _line_of(options.format, located)
    with reading(located.path) as db, Follower(db, located.path, selection) as follower:
        check_selection(db, selection)
        _show(follower.last(options.last), line)
        n_lost = 0
        while time.monotonic() < until and is_stdout_read():
            points = follower.new()
            if follower.n_lost > n_lost:
                n_lost = follower.n_lost
                print("the file was rewritten; going on from its end", file=sys.stderr)
            n_shown += _show(points if limit is None else points[: limit - n_shown], line)
            if n_shown == limit:
                return
            time.sleep(max(0.0, min(_LOOK_S, until - time.monotonic())))


def _show(points: Sequence[Point], line: Callable[[Point], str]) -> int:
    for point in points:
        print(line(point))
    sys.stdout.flush()
    return len(points)


def _line_of(form: str, located: Located) -> Callable[[Point], str]:
    from daemon.query import point_as_json, point_text

    if form == "json":
        return lambda point: json.dumps(point_as_json(point), ensure_ascii=False, allow_nan=False)
    if form == "line":
        return _protocol_line
    return lambda point: point_text(point, located.zone)


def _protocol_line(point: Point) -> str:
    try:
        return point.to_line_protocol()
    except ValueError as error:
        return f"# {error}"  # a comment in line protocol
