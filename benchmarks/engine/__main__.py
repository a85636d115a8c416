"""`python -m benchmarks.engine`: measure, compare, print one table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from . import report
from .engines import NAMES
from .environment import CHECKOUT, second_python
from .questions import OPERATIONS
from .results import DifferentAnswersError, Results, load
from .run import Request, Run, WorkerError

_RESULTS = CHECKOUT / "benchmarks" / "results"


def main() -> int:
    """The process's exit status: 1 if a process failed or answers differ."""
    options = _parser().parse_args()
    unknown = set(options.engines.split(",")) - set(NAMES)
    if unknown:
        raise SystemExit(f"--engines {', '.join(unknown)}: there are {', '.join(NAMES)}")
    if options.table:
        results = load(options.table)
    else:
        request = Request(
            tuple(map(_size, options.sizes.split(","))),
            tuple(options.engines.split(",")),
            _chosen(options.only),
            options.rounds,
            options.repetitions,
        )
        try:
            results = _measured(request, options.out)
        except (WorkerError, DifferentAnswersError) as error:
            print(error, file=sys.stderr)
            return 1
    print()
    print(report.tables(results))
    if options.picture:
        _draw(options.table or [options.out], options.picture)
    return 0


def _measured(request: Request, out: Path) -> Results:
    results = Run(request).measure()
    results.facts["date"] = time.strftime("%Y-%m-%d")
    results.save(out)
    n_compared = results.require_equal_answers()
    print(f"\n{n_compared} answers compared, all equal. Results: {out}")
    return results


def _draw(sources: list[Path], picture: Path) -> None:
    script = Path(__file__).with_name("picture.py")
    command = [str(second_python()), "-I", str(script), str(picture), *map(str, sources)]
    subprocess.run(command, check=True)


def _size(text: str) -> int:
    units = {"k": 1_000, "m": 1_000_000}
    factor = units.get(text[-1:].lower(), 1)
    return int(float(text[:-1] if factor > 1 else text) * factor)


def _chosen(text: str) -> tuple[str, ...]:
    """The operations that a text names, by key or part of key or title; all if it is empty."""
    keys = {operation.key: operation.title.lower() for operation in OPERATIONS}
    chosen: set[str] = set()
    for part in filter(None, (part.strip().lower() for part in text.split(","))):
        found = {part} & keys.keys() or {key for key in keys if part in key or part in keys[key]}
        if not found:
            raise SystemExit(
                f"--only {part}: there is no such operation; there are {', '.join(keys)}"
            )
        chosen |= found
    return tuple(key for key in keys if key in chosen or not chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--sizes", default="10k,100k,1M,10M", help="numbers of points")
    parser.add_argument("--engines", default=",".join(NAMES), help="any of %(default)s")
    parser.add_argument("--only", default="", help="operations, by key or part of their title")
    parser.add_argument("--rounds", type=int, default=3, help="all engines in turn, so many times")
    parser.add_argument("--repetitions", type=int, default=3, help="of a read in one round")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    parser.add_argument("--out", type=Path, default=_RESULTS / f"{stamp}.json", help="JSON results")
    parser.add_argument("--picture", type=Path, help="draw cost against size into this SVG or PNG")
    parser.add_argument(
        "--table", type=Path, nargs="+", metavar="JSON", help="measure nothing, print these results"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
