"""`plot`: curves in the terminal, or as a PNG or SVG file."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path
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
from daemon.cli.query import require_statistics

if TYPE_CHECKING:
    from daemon.plots import Curve
    from daemon.query import Question

_MOST_CURVES = 8
_PICTURE_PLACES = 900
_HEIGHT = 22
_EXAMPLES = (
    "plot climate --field temperature --since 24h",
    "plot climate --field temperature,humidity --tag room=kitchen --since 7d --every 1h",
    "plot power --field energy --every 1d --how increase --by device --output power.svg",
)


def add_plot(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands, "plot", _run, says="draw curves, here or as a picture", examples=_EXAMPLES
    )
    take_data(parser)
    take_selection(parser)
    parser.add_argument(
        "--field", action="append", default=[], metavar="NAME", help="as in query (default: all)"
    )
    parser.add_argument(
        "--every", metavar="DURATION", help="a value for each such window (default: what fits)"
    )
    parser.add_argument(
        "--how", metavar="STATISTIC", default="mean", help="as in query, one (default: mean)"
    )
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="TAG",
        help="a curve for each value of this tag (default: for each series)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write a picture, .png or .svg"
    )
    parser.add_argument(
        "--width", type=count, metavar="N", help="columns (default: the terminal's)"
    )
    parser.add_argument("--height", type=count, metavar="N", help=f"lines (default: {_HEIGHT})")


def _run(options: argparse.Namespace) -> int:
    from daemon.plots import PICTURES, curves_of, save_picture
    from daemon.query import Question, parse_duration, parse_moment, plain

    output: Path | None = options.output
    if output is not None and output.suffix.lower() not in PICTURES:
        options.parser.error(f"argument --output: found {str(output)!r}; allowed: .png or .svg")
    located = locate(options)
    read_time = partial(parse_moment, now_us=time.time_ns() // 1000, zone=located.zone)
    every = None
    if options.every is not None:
        every = parsed(options, "every", options.every, parse_duration)
    require_statistics(options, (options.how,))
    question = Question(
        selection_of(options, read_time),
        located.zone,
        names_of(options.field),
        (options.how,),
        every,
        names_of(options.by) or None,
    )
    width = options.width or shutil.get_terminal_size().columns
    n_places = width * 2 if output is None else _PICTURE_PLACES
    with reading(located.path) as db:
        found = curves_of(db, question, n_places=n_places, most=_MOST_CURVES)
        fields = question.fields or tuple(db.get_field_keys(question.selection.measurement))
    if not found.curves:
        print("no points fit", file=sys.stderr)
        return 0
    label = _label(fields, located)
    if output is None:
        _draw(options, located, question, found.curves, label, width)
    else:
        title = plain(question.selection.measurement or "all measurements")
        save_picture(output, found.curves, title=title, y_label=label, zone=located.zone)
    if found.n_hidden:
        print(
            f"{found.n_hidden} more curves are not shown; choose with --tag, --field or --by",
            file=sys.stderr,
        )
    return 0


def _label(fields: tuple[str, ...], located: Located) -> str:
    """What stands at the axis of numbers: the fields with their units, as the rules name them."""
    units = {located.units.get(field) for field in fields}
    named = ", ".join(fields) if len(fields) <= 3 else f"{len(fields)} fields"
    [unit] = units if len(units) == 1 else [None]
    return f"{named} ({unit})" if unit else named


def _draw(
    options: argparse.Namespace,
    located: Located,
    question: Question,
    curves: list[Curve],
    label: str,
    width: int,
) -> None:
    from daemon.plots import Style, draw
    from daemon.query import plain, zone_name

    is_terminal = sys.stdout.isatty()
    style = Style(
        width,
        options.height or _HEIGHT,
        is_coloured=is_terminal and "NO_COLOR" not in os.environ,
        is_braille="utf" in (sys.stdout.encoding or "").lower(),
    )
    how = "" if options.how == "mean" else f", {options.how}"
    measurement = question.selection.measurement
    title = plain(f"{measurement} " if measurement else "") + plain(f"{label}{how}")
    for line in draw(curves, style, title=f"{title}, {zone_name(located.zone)}", zone=located.zone):
        print(line)
