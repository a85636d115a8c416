"""Typed programs are checked against the package, as mypy --strict sees it installed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRONG = {
    "a text as field": "Point().fields['a'] = 'b'",
    "a number as tag": "Point().tags['a'] = 1",
    "no query": "TinyFlux('a.csv').search('room')",
    "no point": "TinyFlux('a.csv').insert('point')",
    "an unknown argument": "TinyFlux('a.csv').search(TagQuery().a == 'b', order=True)",
    "an empty query": "TinyFlux('a.csv').count(TagQuery().a)",
    "a value as condition": "TinyFlux('a.csv').remove(True)",
    "a function of the wrong type": "TinyFlux('a.csv').update_all(measurement=lambda name: 1)",
    "aggregate: no query": "TinyFlux('a.csv').aggregate('room', 'x')",
    "a number as the field": "TinyFlux('a.csv').aggregate(None, 3)",
    "no field": "TinyFlux('a.csv').aggregate(None)",
    "a number as duration": "TinyFlux('a.csv').aggregate(None, 'x', 3600)",
    "a function as statistic": "TinyFlux('a.csv').aggregate(None, 'x', how=max)",
    "numbers as tags": "TinyFlux('a.csv').latest(by=[1])",
    "to_numpy: an empty query": "TinyFlux('a.csv').to_numpy(TagQuery().room)",
    "bytes as line": "Point.from_line_protocol(b'm f=1')",
}


def mypy(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "MYPYPATH"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_typed_uses_pass() -> None:
    result = mypy("tests/tinyflux/typed_uses.py", "tests/tinyflux/analysis/typed_analysis.py")
    assert (result.stdout, result.returncode) == ("", 0)


def test_wrong_uses_are_found(tmp_path: Path) -> None:
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


def test_a_program_elsewhere_finds_the_types_of_what_is_installed(tmp_path: Path) -> None:
    try:
        distribution("tinyflux-collector")
    except PackageNotFoundError:
        pytest.skip("the package is not installed here, only on the path")
    (tmp_path / "program.py").write_text(
        "from tinyflux import FieldQuery, TinyFlux\n"
        "reveal_type(TinyFlux('a.csv').count(FieldQuery().x > 3))\n"
    )
    found = mypy("program.py", folder=tmp_path)
    assert found.stdout == 'program.py:2: note: Revealed type is "int"\n'


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "tinyflux" / "py.typed").exists()
