"""Data files in other csv dialects: every text comes back, or is refused before it is written."""

from __future__ import annotations

import contextlib
import csv
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux import by_hand
from tests.tinyflux import strategies as some
from tests.tinyflux.effort import effort
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)

DIALECTS: dict[str, dict[str, Any]] = {
    "semicolon": {"delimiter": ";"},
    "tab": {"delimiter": "\t"},
    "bar": {"delimiter": "|", "quotechar": "'"},
    "unicode delimiter": {"delimiter": "·"},
    "single quotes": {"quotechar": "'"},
    "newline": {"lineterminator": "\n"},
    "carriage return": {"lineterminator": "\r"},
    "quote all": {"quoting": csv.QUOTE_ALL},
    "quote what is no number": {"quoting": csv.QUOTE_NONNUMERIC},
    "escape": {"quoting": csv.QUOTE_NONE, "escapechar": "\\"},
    "escape, newline": {"quoting": csv.QUOTE_NONE, "escapechar": "\\", "lineterminator": "\n"},
    "escape quotes": {"doublequote": False, "escapechar": "\\"},
    "escape beside quotes": {"escapechar": "\\"},
    "skip blanks": {"skipinitialspace": True},
    "skip blanks, escape": {
        "skipinitialspace": True,
        "quoting": csv.QUOTE_NONE,
        "escapechar": "\\",
    },
    "excel-tab": {"dialect": "excel-tab"},
    "unix": {"dialect": "unix"},
    "strict": {"strict": True},
}


def point(n: int, **tags: str | None) -> Point:
    return Point(time=TIME + timedelta(hours=n), tags=tags, fields={"n": n, "x": 1.5, "z": None})


@pytest.mark.parametrize("name", DIALECTS)
def test_points_are_stored_changed_and_read_back(tmp_path: Path, name: str) -> None:
    dialect = DIALECTS[name]
    path = tmp_path / "data.csv"
    with TinyFlux(path, **dialect) as db:
        db.insert_multiple([point(1, a="x;y\tz|w"), point(2, b="'quo\"ted'"), point(3, c=None)])
        db.insert(point(4), compact_key_prefixes=True)
    with TinyFlux(path, **dialect) as db:
        db.insert(point(5, a="5\\"))
        assert db.remove(FieldQuery().n == 1) == 1
        assert db.update(TagQuery().c.exists(), tags={"c": "a,b"}) == 1
    with TinyFlux(path, auto_index=False, **dialect) as db:
        expected = [point(2, b="'quo\"ted'"), point(3, c="a,b"), point(4), point(5, a="5\\")]
        assert contents(db.all()) == contents(expected)


@pytest.mark.parametrize("name", DIALECTS)
def test_python_s_csv_reads_what_is_written(tmp_path: Path, name: str) -> None:
    dialect = DIALECTS[name]
    path = tmp_path / "data.csv"
    points = [point(1, a="b; c"), point(2, **{"ü\n": "\n\n"})]
    with TinyFlux(path, **dialect) as db:
        db.insert_multiple(points)
    reading = {} if dialect.get("quoting") == csv.QUOTE_NONNUMERIC else dialect
    assert by_hand.read(path, **reading) == [by_hand.row(p) for p in points]


@pytest.mark.parametrize("name", DIALECTS)
@given(points=st.lists(some.points(), max_size=4))
@effort(25)
def test_any_points_come_back_or_are_refused(name: str, points: list[Point]) -> None:
    dialect = DIALECTS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        stored = []
        with TinyFlux(path, **dialect) as db:
            for new in points:
                with contextlib.suppress(ValueError):
                    db.insert(new)
                    stored.append(new)
        with TinyFlux(path, **dialect) as db:
            assert contents(db.all(sorted=False)) == contents(stored)


# Those that can quote whatever they hold.
NEVER_REFUSED = ("semicolon", "bar", "newline", "carriage return", "quote all", "strict")


@pytest.mark.parametrize("name", NEVER_REFUSED)
@pytest.mark.parametrize("text", ["\r", "\n", "\r\n", "a\rb", ";", "'", '"', ",", " a", "\\"])
def test_a_dialect_with_quotes_holds_every_text(tmp_path: Path, name: str, text: str) -> None:
    points = [point(1, a=text), point(2, **{text: "b"}), point(3)]
    with TinyFlux(tmp_path / "data.csv", **DIALECTS[name]) as db:
        db.insert_multiple(points)
        assert contents(db.all()) == contents(points)


def test_a_dialect_without_a_way_to_quote_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    with TinyFlux(tmp_path / "data.csv", quoting=csv.QUOTE_NONE) as db:
        db.insert(point(1, a="b"))
        with pytest.raises(ValueError, match="csv dialect cannot hold"):
            db.insert_multiple([point(2), point(3, a="b,c")])
        with pytest.raises(ValueError, match="csv dialect cannot hold"):
            db.update_all(tags={"a": "b,c"})
        assert contents(db.all()) == contents([point(1, a="b")])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        pytest.param({"delimiter": ";;"}, TypeError, "delimiter", id="two delimiters"),
        pytest.param({"delimiter": ""}, TypeError, "delimiter", id="no delimiter"),
        pytest.param({"quoting": 99}, TypeError, "quoting", id="quoting"),
        pytest.param({"colour": "red"}, TypeError, "colour", id="unknown"),
        pytest.param({"lineterminator": "|"}, ValueError, "lineterminator", id="line end"),
        pytest.param({"lineterminator": ""}, ValueError, "lineterminator", id="no line end"),
        pytest.param({"newline": "|"}, ValueError, "newline", id="newline"),
        pytest.param({"dialect": "none such"}, (ValueError, csv.Error), "dialect", id="dialect"),
        pytest.param({"delimiter": "\n"}, ValueError, "dialect cannot hold", id="newline"),
        pytest.param(
            {"delimiter": ":", "quoting": csv.QUOTE_NONE},
            ValueError,
            "dialect cannot hold",
            id="a delimiter that every time has",
        ),
    ],
)
def test_a_dialect_that_makes_no_sense_is_refused(
    tmp_path: Path, arguments: dict[str, Any], error: Any, text: str
) -> None:
    with pytest.raises(error, match=text):
        TinyFlux(tmp_path / "data.csv", **arguments)
    assert not (tmp_path / "data.csv").exists()


@pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
def test_newline_is_taken_as_open_takes_it(tmp_path: Path, newline: str | None) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, newline=newline) as db:
        db.insert(point(1, a="b\nc\rd"))
        assert contents(db.all()) == contents([point(1, a="b\nc\rd")])
    assert path.read_bytes().endswith(b"\r\n")


@pytest.mark.parametrize("n_cut", [1, 2, 5])
@pytest.mark.parametrize("name", ["newline", "carriage return", "escape", "tab", "quote all"])
def test_a_torn_row_is_no_row(tmp_path: Path, name: str, n_cut: int) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, **DIALECTS[name]) as db:
        db.insert_multiple([point(1), point(2)])
    path.write_bytes(path.read_bytes()[:-n_cut])
    with TinyFlux(path, **DIALECTS[name]) as db:
        assert db.get_field_values("n") == [1]
        db.insert(point(3))
        assert db.get_field_values("n") == [1, 3]
    with TinyFlux(path, auto_index=False, **DIALECTS[name]) as db:
        assert db.get_field_values("n") == [1, 3]


def test_a_strict_dialect_passes_over_a_torn_row_too(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('2025-01-01T00:00:00,m,_field_n,1\r\n2025-01-01T00:00:00,m,_tag_a,"b')
    with TinyFlux(path, strict=True) as db:
        assert db.get_field_values("n") == [1]


def test_a_long_value_in_a_dialect(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)
    with TinyFlux(tmp_path / "data.csv", delimiter=";") as db:
        db.insert(point(1, a="x;" * 200_000))
        assert db.count(TagQuery().a == "x;" * 200_000) == 1
