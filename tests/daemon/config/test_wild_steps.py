"""Paths with wildcards that our own code follows mean what the library says that they mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import QueryError
from daemon.config.json_queries import MAX_MATCHES, Query
from daemon.config.wild_steps import parse_wild

PATHS = [
    ".*",
    "[*]",
    "[*][*]",
    ".a[*].b",
    "[?@.a]",
    "[?@.*]",
    "[?@.a.b].a",
    "[ ?@.a ]",
    "[?@.*.b]",
    "[*]['a']",
    "[-1][*]",
    "[*][0].b",
    ".*.*.a",
]
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "x"]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "c", "0", "*"]), inner, max_size=4),
    ),
    max_leaves=20,
)


@given(path=st.sampled_from(PATHS), value=VALUES)
def test_wildcards_mean_what_the_standard_says(path: str, value: Any) -> None:
    ours = parse_wild(path)
    if ours is None:
        return
    assert ours.find(value) == Query("$" + path).find(value)


@pytest.mark.parametrize("path", [path for path in PATHS if " ?" not in path])
def test_common_paths_are_followed_by_our_own_code(path: str) -> None:
    assert parse_wild(path) is not None


@pytest.mark.parametrize(
    "path", ["..a", "[0:2]", "[?@.a == 1]", "['a','b']", "[?@.a && @.b]", "['a\\'b']", "[?@[0]]"]
)
def test_all_else_is_left_to_the_library(path: str) -> None:
    assert parse_wild(path) is None


def test_too_many_places_are_refused() -> None:
    path = parse_wild("[*]")
    assert path is not None
    assert len(path.find(list(range(MAX_MATCHES)))) == MAX_MATCHES
    with pytest.raises(QueryError, match="more than 1000 places"):
        path.find(list(range(MAX_MATCHES + 1)))
