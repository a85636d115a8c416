"""FORMAT.md to the byte: golden files are written and read exactly."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import tinyflux
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux
from tinyflux.codec import RowCodec

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(tinyflux.__file__).with_name("FORMAT.md")
T0 = datetime(2025, 1, 1, 4, tzinfo=UTC)

FULL = [
    Point(
        time=T0,
        measurement="climate",
        tags={"room": "kitchen"},
        fields={"temperature": 21.5, "count": 3},
    ),
    Point(
        time=T0.replace(microsecond=250_000),
        measurement="climate",
        tags={"room": 'a, "quoted" room', "floor": None},
        fields={"temperature": None},
    ),
    Point(time=datetime.min.replace(tzinfo=UTC), measurement=""),
    Point(time=datetime.max.replace(tzinfo=UTC), measurement="_none", tags={"": ""}),
    Point(time=T0, measurement="two\r\nlines", tags={"_tag_t_": "\n", "é": "日本"}),
    Point(
        time=T0,
        fields={
            "int": -7,
            "long": 2**80,
            "float": 1e-07,
            "whole": 21.0,
            "exp": 1e22,
            "inf": math.inf,
            "-inf": -math.inf,
            "nan": math.nan,
            "-0": -0.0,
            "": 5e-324,
        },
    ),
]


@pytest.mark.parametrize("style", ["full", "compact"])
def test_points_are_written_to_the_byte(tmp_path: Path, style: str) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        for point in FULL:
            db.insert(point, compact_key_prefixes=style == "compact")
    assert path.read_bytes() == (GOLDEN / f"{style}.csv").read_bytes()


@pytest.mark.parametrize("style", ["full", "compact"])
@pytest.mark.parametrize("auto_index", [True, False])
def test_points_are_read_from_the_bytes(tmp_path: Path, style: str, auto_index: bool) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes((GOLDEN / f"{style}.csv").read_bytes())
    with TinyFlux(path, auto_index=auto_index) as db:
        assert contents(db.all(sorted=False)) == contents(FULL)


@pytest.mark.parametrize("auto_index", [True, False])
def test_what_a_reader_takes_beyond_what_is_written(tmp_path: Path, auto_index: bool) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes((GOLDEN / "lenient.csv").read_bytes())
    with TinyFlux(path, access_mode="r", auto_index=auto_index) as db:
        assert contents(db.all(sorted=False)) == contents(
            [
                Point(time=T0, measurement="newline", fields={"n": 1}),
                Point(time=T0, measurement="zone", fields={"n": 1}),
                Point(time=T0, measurement="zulu", fields={"n": 1}),
                Point(time=T0, measurement="mixed", tags={"a": "x", "b": "y"}, fields={"n": 1}),
                Point(time=T0, measurement="fields first", tags={"a": "x"}, fields={"n": 1}),
                Point(time=T0, measurement="empty field", tags={"a": ""}, fields={"n": None}),
                Point(time=T0, measurement="twice", tags={"a": "last"}, fields={"n": 2}),
                Point(time=T0, measurement="quoted", tags={"a": "x"}, fields={"n": 1}),
                Point(time=T0, measurement="signs", fields={"n": 5, "m": -0.0, "k": 0}),
            ]
        )


def test_a_change_keeps_bytes_and_style(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes((GOLDEN / "before.csv").read_bytes())
    with TinyFlux(path) as db:
        counts = (
            db.remove(FieldQuery().n == 2),
            db.update(FieldQuery().n == 3, tags={"a": "new"}),
            db.update(TagQuery().b == "z", fields={"n": 40}, unset_tags=["c"]),
        )
    assert counts == (1, 1, 1)
    assert path.read_bytes() == (GOLDEN / "after.csv").read_bytes()


def test_the_rows_that_the_page_shows_are_what_is_written() -> None:
    block = re.findall(r"```\n(2025.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    codec = RowCodec()
    rows = [codec.encode(FULL[0], is_compact=False), codec.encode(FULL[1], is_compact=True)]
    assert block.splitlines() == [row.decode().removesuffix("\r\n") for row in rows]


def test_a_program_sees_only_the_data_file_and_hidden_ones(tmp_path: Path) -> None:
    with TinyFlux(tmp_path / "data.csv") as db:
        db.insert_multiple(FULL)
        db.remove(FieldQuery().int == -7)
        db.all()
    others = {path.name for path in tmp_path.iterdir()} - {"data.csv"}
    assert all(name.startswith(".data.csv.") for name in others)
    assert ".data.csv.rewrite" not in others
