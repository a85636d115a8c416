"""The small documented tools."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.effort import effort
from tinyflux.utils import FrozenDict, find_eq, find_ge, find_gt, find_le, find_lt, freeze

FINDERS: dict[str, tuple[Callable[[Any, Any], int | None], Callable[[list[int], int], Any]]] = {
    "eq": (find_eq, lambda items, x: min(i for i, item in enumerate(items) if item == x)),
    "ge": (find_ge, lambda items, x: min(i for i, item in enumerate(items) if item >= x)),
    "gt": (find_gt, lambda items, x: min(i for i, item in enumerate(items) if item > x)),
    "le": (find_le, lambda items, x: max(i for i, item in enumerate(items) if item <= x)),
    "lt": (find_lt, lambda items, x: max(i for i, item in enumerate(items) if item < x)),
}


@pytest.mark.parametrize("name", FINDERS)
@given(items=st.lists(st.integers(0, 5), max_size=8).map(sorted), x=st.integers(-1, 6))
@effort(100)
def test_finding_in_a_sorted_list(name: str, items: list[int], x: int) -> None:
    find, looked_for = FINDERS[name]
    try:
        expected = looked_for(items, x)
    except ValueError:
        expected = None
    assert find(items, x) == expected


def test_a_frozen_dict_hashes_whatever_its_order() -> None:
    one, other = FrozenDict(a=1, b=2), FrozenDict([("b", 2), ("a", 1)])
    assert one == other == {"a": 1, "b": 2}
    assert hash(one) == hash(other)
    assert {one: 1}[other] == 1


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda frozen: pickle.loads(pickle.dumps(frozen))]
)
def test_a_frozen_dict_can_be_copied_and_pickled(clone: Callable[[Any], Any]) -> None:
    frozen = freeze({"a": {"b": [1]}})
    assert isinstance(clone(frozen), FrozenDict)
    assert clone(frozen) == frozen
    assert hash(clone(frozen)) == hash(frozen)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda d: d.__setitem__("a", 2),
    "delete": lambda d: d.__delitem__("a"),
    "clear": lambda d: d.clear(),
    "pop": lambda d: d.pop("a"),
    "popitem": lambda d: d.popitem(),
    "update": lambda d: d.update(a=2),
    "setdefault": lambda d: d.setdefault("b", 1),
    "or": lambda d: d.__ior__({"b": 1}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_frozen_dict_cannot_be_changed(name: str) -> None:
    frozen = FrozenDict(a=1)
    with pytest.raises(TypeError, match="FrozenDict cannot be changed"):
        CHANGES[name](frozen)
    assert frozen == {"a": 1}


@pytest.mark.parametrize(
    ("value", "frozen"),
    [
        pytest.param({"a": [1, {2}]}, FrozenDict(a=(1, frozenset({2}))), id="nested"),
        pytest.param([[1], [2]], ((1,), (2,)), id="lists"),
        pytest.param(([1], {}), ((1,), FrozenDict()), id="tuple"),
        pytest.param({1, 2}, frozenset({1, 2}), id="set"),
        pytest.param("text", "text", id="text"),
        pytest.param(None, None, id="None"),
    ],
)
def test_freezing_makes_containers_hash(value: Any, frozen: Any) -> None:
    assert freeze(value) == frozen
    assert type(freeze(value)) is type(frozen)
    assert isinstance(hash(freeze(value)), int)


def test_what_cannot_be_frozen_is_returned() -> None:
    value = bytearray(b"a")
    assert freeze(value) is value
