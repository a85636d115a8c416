"""A typed program that analyses is checked as mypy --strict sees it; wrong uses are found."""

from __future__ import annotations

from pathlib import Path

from tests.tinyflux.test_typed_uses import mypy

WRONG = {
    "no query": "TinyFlux('a.csv').aggregate('room', 'x')",
    "a number as field": "TinyFlux('a.csv').aggregate(None, 3)",
    "no field": "TinyFlux('a.csv').aggregate(None)",
    "a number as duration": "TinyFlux('a.csv').aggregate(None, 'x', 3600)",
    "a function as statistic": "TinyFlux('a.csv').aggregate(None, 'x', how=max)",
    "numbers as tags": "TinyFlux('a.csv').latest(by=[1])",
    "an empty query": "TinyFlux('a.csv').to_numpy(TagQuery().room)",
    "bytes as line": "Point.from_line_protocol(b'm f=1')",
}


def test_typed_analysis_passes() -> None:
    result = mypy("tests/tinyflux/analysis/typed_analysis.py")
    assert (result.stdout, result.returncode) == ("", 0)


def test_wrong_analysis_is_found(tmp_path: Path) -> None:
    lines = ["from tinyflux import Point, TagQuery, TinyFlux", *WRONG.values()]
    program = tmp_path / "wrong.py"
    program.write_text("\n".join(lines) + "\n")
    found = mypy(str(program)).stdout
    missed = [
        name
        for number, name in enumerate(WRONG, start=2)
        if f"wrong.py:{number}: error" not in found
    ]
    assert missed == []
