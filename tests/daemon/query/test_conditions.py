"""What a typed condition on a tag or a field means, asked of points."""

from __future__ import annotations

import pytest

from daemon.query import Selection, parse_field_condition, parse_tag_condition
from tinyflux import MemoryStorage, Point, TinyFlux

ROOMS = ("kitchen", "kids", "attic", None)


def _rooms(*texts: str) -> list[str | None]:
    """Which rooms fit; `none at all` is the point without the tag."""
    db = TinyFlux(storage=MemoryStorage)
    for room in ROOMS:
        db.insert(Point(tags={"room": room}, fields={"x": 1}))
    db.insert(Point(tags={"floor": "2"}, fields={"x": 1}))
    query = Selection(tags=tuple(map(parse_tag_condition, texts))).query()
    assert query is not None
    return [point.tags.get("room", "none at all") for point in db.search(query)]


@pytest.mark.parametrize(
    ("texts", "rooms"),
    [
        (["room=kitchen"], ["kitchen"]),
        (["room=kitchen", "room=attic"], ["kitchen", "attic"]),
        (["room=ki*"], ["kitchen", "kids"]),
        (["room=k?ds"], ["kids"]),
        (["room=~it"], ["kitchen"]),
        (["room=~^k", "room!=kids"], ["kitchen"]),
        (["room!=kitchen"], ["kids", "attic", None, "none at all"]),
        (["room!=kitchen", "room!=kids"], ["attic", None, "none at all"]),
        (["room!~t"], ["kids", None, "none at all"]),
        (["room="], [None, "none at all"]),
        (["room!="], ["kitchen", "kids", "attic"]),
        (["room=kitchen", "floor=2"], []),
    ],
)
def test_conditions_of_one_tag_are_alternatives_and_all_tags_must_fit(
    texts: list[str], rooms: list[str | None]
) -> None:
    assert _rooms(*texts) == rooms


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x > 1", [2.0, 3.0]),
        ("x>=2", [2.0, 3.0]),
        ("x < 2", [1.0]),
        ("x <= 2", [1.0, 2.0]),
        ("x = 2", [2.0]),
        ("x == 2.0", [2.0]),
        ("x != 2", [1.0, 3.0]),
        ("x < 1e0", []),
        ("x exists", [1.0, 2.0, 3.0]),
        ("y exists", []),
    ],
)
def test_a_field_is_compared_with_a_number(text: str, values: list[float]) -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(Point(fields={"x": float(number)}) for number in (1, 2, 3))
    query = Selection(where=(parse_field_condition(text),)).query()
    assert query is not None
    assert [point.fields["x"] for point in db.search(query)] == values


@pytest.mark.parametrize("text", ["room", "", "=x", " =x"])
def test_what_is_no_condition_of_a_tag_is_answered_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: KEY=VALUE"):
        parse_tag_condition(text)


def test_a_wrong_regular_expression_is_named() -> None:
    with pytest.raises(ValueError, match="no regular expression: missing"):
        parse_tag_condition("room=~(a")


@pytest.mark.parametrize("text", ["x", "x >", "x > warm", "> 3", "x => 3", "exists"])
def test_what_is_no_condition_of_a_field_is_answered_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="allowed: FIELD and a comparison"):
        parse_field_condition(text)
