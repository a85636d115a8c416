"""`import-recorder`: what Home Assistant has recorded, as points."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from daemon.cli.arguments import (
    Commands,
    Parser,
    add_command,
    names_of,
    parsed,
    take_data,
    take_zone,
)
from daemon.cli.data import locate
from daemon.cli.export import INTERRUPTED
from daemon.cli.import_ import store_refusal
from daemon.cli.meter import Meter
from daemon.errors import EX_NOINPUT, RequestError

_PARTS = {"states": "states", "short-term": "statistics_short_term", "statistics": "statistics"}
_EXAMPLES = (
    "import-recorder /config/home-assistant_v2.db --entity 'sensor.*_temperature'",
    "import-recorder home-assistant_v2.db --only statistics --data history.csv",
)


def add_import_recorder(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands,
        "import-recorder",
        _run,
        says="store what Home Assistant has recorded (SQLite): states and statistics",
        examples=_EXAMPLES,
    )
    parser.add_argument("source", type=Path, metavar="FILE", help="home-assistant_v2.db")
    take_data(parser)
    parser.add_argument(
        "--entity",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only entities that fit: sensor.*_temperature; several between commas",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=tuple(_PARTS),
        help="states, short-term (5 minutes) or statistics (hours); default: all three",
    )
    parser.add_argument("--since", metavar="TIME", help="from then on, as in query")
    parser.add_argument("--until", metavar="TIME", help="before then")
    take_zone(parser)
    parser.add_argument(
        "--restart", action="store_true", help="begin anew although an import was broken off"
    )


def _run(options: argparse.Namespace) -> int:
    from daemon.exchange.recorder import TABLES, RecorderImport, Wanted, open_recorder
    from daemon.query import parse_moment

    located = locate(options)
    read_time = partial(parse_moment, now_us=time.time_ns() // 1000, zone=located.zone)
    times = [
        None if text is None else parsed(options, name, text, read_time)
        for name, text in (("since", options.since), ("until", options.until))
    ]
    source: Path = options.source
    if not source.is_file():
        raise RequestError(f"there is no file {source}", EX_NOINPUT)
    open_recorder(source).close()
    wanted = Wanted(
        names_of(options.entity),
        tuple(_PARTS[name] for name in options.only) or TABLES,
        *times,
    )
    work = RecorderImport(source, located.path, wanted)
    if options.restart:
        work.restart()
    try:
        with Meter(f"importing {source.name}", None) as meter:
            report = work.run(
                lambda position: meter.reached(position & 0xFFFFFFFFFFFF),
                is_compact=located.is_compact,
                is_skipping_bad=False,
            )
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        raise store_refusal(located.path, error) from error
    resumed = f" ({report.resumed_at:,} of them earlier)" if report.resumed_at else ""
    print(f"{report.n_points:,} points stored in {located.path}{resumed}")
    if report.losses.n_left_out:
        print(f"note: {report.losses.n_left_out:,} rows hold no number", file=sys.stderr)
    for reason in report.losses.reasons:
        print(f"note: {reason}", file=sys.stderr)
    return 0
