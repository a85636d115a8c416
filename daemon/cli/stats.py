"""`stats`: which measurements and series a data file holds, how many points, from when to when."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import (
    Commands,
    Parser,
    add_command,
    selection_of,
    take_data,
    take_selection,
)
from daemon.cli.data import Located, locate, reading

if TYPE_CHECKING:
    from daemon.query import SeriesCount

_EXAMPLES = ("stats", "stats climate", "stats --since 7d --json")


def add_stats(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands,
        "stats",
        _run,
        says="list measurements with counts and spans; of one measurement, its series",
        examples=_EXAMPLES,
    )
    take_data(parser)
    take_selection(parser)
    parser.add_argument("--json", action="store_true", help="all of it, for a program")


def _run(options: argparse.Namespace) -> int:
    from daemon.query import census, check_selection, parse_moment

    located = locate(options)
    read_time = partial(parse_moment, now_us=time.time_ns() // 1000, zone=located.zone)
    selection = selection_of(options, read_time)
    with reading(located.path) as db:
        check_selection(db, selection)
        found = census(db, selection)
        fields = {name: db.get_field_keys(name) for name in {one.measurement for one in found}}
        size_bytes = located.path.stat().st_size
        if options.json:
            said = _as_json(located, size_bytes, found, fields)
            print(json.dumps(said, indent=1, ensure_ascii=False))
            return 0
        _print(options, located, size_bytes, found, fields)
    return 0


def _as_json(
    located: Located,
    size_bytes: int,
    found: Sequence[SeriesCount],
    fields: dict[str, list[str]],
) -> dict[str, Any]:
    from daemon.query import utc_text

    return {
        "data": str(located.path),
        "bytes": size_bytes,
        "points": sum(one.n_points for one in found),
        "measurements": {
            name: {
                "points": sum(one.n_points for one in series),
                "fields": fields[name],
                "series": [
                    {
                        "tags": one.tags,
                        "points": one.n_points,
                        "first": utc_text(one.first_us),
                        "last": utc_text(one.last_us),
                    }
                    for one in series
                ],
            }
            for name, series in _by_measurement(found)
        },
    }


def _by_measurement(found: Sequence[SeriesCount]) -> list[tuple[str, list[SeriesCount]]]:
    return [(name, list(those)) for name, those in groupby(found, lambda one: one.measurement)]


def _print(
    options: argparse.Namespace,
    located: Located,
    size_bytes: int,
    found: Sequence[SeriesCount],
    fields: dict[str, list[str]],
) -> None:
    from daemon.query import aligned, plain, span_texts, zone_name

    spans = [span_texts(one.first_us, one.last_us, located.zone) for one in found]
    heads = [f"first ({zone_name(located.zone)})", "last"]
    if options.measurement is None:
        rows = [["measurement", "points", "series", *heads, "fields"]]
        for name, series in _by_measurement(found):
            first_us = min(one.first_us for one in series)
            last_us = max(one.last_us for one in series)
            counts = [f"{sum(one.n_points for one in series):,}", f"{len(series):,}"]
            span = span_texts(first_us, last_us, located.zone)
            rows.append([plain(name), *counts, *span, plain(", ".join(fields[name]))])
        right = {1, 2}
    else:
        rows = [["series", "points", *heads]]
        for one, span in zip(found, spans, strict=True):
            tags = ", ".join(f"{key}={text}" for key, text in one.tags.items()) or "(no tags)"
            rows.append([plain(tags), f"{one.n_points:,}", *span])
        right = {1}
    for line in aligned(rows, right):
        print(line)
    n_points = sum(one.n_points for one in found)
    print(f"{n_points:,} points in {len(found):,} series; {located.path} has {size_bytes:,} bytes")
    for name in fields if options.measurement is not None else ():
        print(f"fields of {plain(name)}: {plain(', '.join(fields[name]))}")
