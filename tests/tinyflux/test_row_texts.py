"""Rows of points whose form is remembered are the rows that the exact road writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.strategies import points
from tinyflux import Point
from tinyflux.codec import RowCodec
from tinyflux.row_texts import RowTexts
from tinyflux.storable import storable

TIME = datetime(2025, 1, 1, 3, 4, 5, 678, tzinfo=UTC)


@given(st.lists(points(), max_size=5), st.booleans())
def test_rows_are_those_of_the_exact_road(some: list[Point], is_compact: bool) -> None:
    codec = RowCodec()
    texts = RowTexts(codec)
    storable(some, None).give()
    exact = [codec.encode(point, is_compact).decode() for point in some]
    for _ in ("new", "remembered"):
        assert texts.rows(some, None, is_compact=is_compact).items == exact


@pytest.mark.parametrize(
    "text", ["100%", "%s", "%(a)s", 'say "hi"', "a,b", "two\r\nlines", "", "ü"]
)
def test_texts_that_mean_something_to_a_format_or_to_csv(text: str) -> None:
    codec = RowCodec()
    texts = RowTexts(codec)
    point = Point(time=TIME, measurement=text, tags={text: text}, fields={text: 1.5})
    for _ in ("new", "remembered"):
        rows = texts.rows([point], None, is_compact=False).items
        assert rows == [codec.encode(point, False).decode()]


FIRST = Point(time=TIME, measurement="m", tags={"a": "x"}, fields={"n": 1.5})


@pytest.mark.parametrize(
    "change",
    [
        {"tags": {"a": 5}},
        {"tags": {"a": [1]}},
        {"tags": {"a": "_none"}},
        {"tags": {"a": "\ud800"}},
        {"fields": {"n": "1"}},
        {"fields": {"n": True}},
        {"fields": {5: 1}},
    ],
    ids=str,
)
def test_what_becomes_wrong_in_place_is_found_behind_good_points(
    change: dict[str, dict[Any, Any]],
) -> None:
    texts = RowTexts(RowCodec())
    texts.rows([FIRST, FIRST], None, is_compact=False)
    wrong = Point(time=TIME, measurement="m", tags={"a": "x"}, fields={"n": 1.5})
    for attribute, values in change.items():
        getattr(wrong, attribute).update(values)
    with pytest.raises(ValueError, match=r"tag|field"):
        texts.rows([FIRST, wrong], None, is_compact=False)


def test_a_measurement_that_is_given_is_in_the_row_and_later_in_the_point() -> None:
    point = Point(time=TIME, fields={"n": 2})
    ready = RowTexts(RowCodec()).rows([point], "other", is_compact=False)
    assert ",other," in ready.items[0]
    assert point.measurement == "_default"
    ready.give()
    assert point.measurement == "other"
