"""YAML is read by version 1.2's rules, and what is no YAML is explained."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from daemon.documents import Node, YamlError, parse_yaml, resolve_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("on", "on", id="on-is-a-word"),
        pytest.param("off", "off", id="off-is-a-word"),
        pytest.param("yes", "yes", id="yes-is-a-word"),
        pytest.param("No", "No", id="no-is-a-word"),
        pytest.param("y", "y", id="y-is-a-word"),
        pytest.param("10:30", "10:30", id="time-is-text"),
        pytest.param("1_000", "1_000", id="underscore-is-text"),
        pytest.param("2024-01-01", "2024-01-01", id="date-is-text"),
        pytest.param("true", True, id="true"),
        pytest.param("False", False, id="false"),
        pytest.param("tRUE", "tRUE", id="odd-case-is-text"),
        pytest.param("012", 12, id="leading-zero-is-decimal"),
        pytest.param("0o14", 12, id="octal"),
        pytest.param("0x1F", 31, id="hex"),
        pytest.param("-7", -7, id="negative"),
        pytest.param("1.50", 1.5, id="fraction"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param(".5", 0.5, id="no-leading-digit"),
        pytest.param("-.inf", -math.inf, id="infinity"),
        pytest.param("", None, id="empty"),
        pytest.param("~", None, id="tilde"),
        pytest.param("null", None, id="null"),
        pytest.param("1.2.3", "1.2.3", id="version-is-text"),
        pytest.param("1234e", "1234e", id="half-an-exponent-is-text"),
        pytest.param("9" * 5000, "9" * 5000, id="5000-digits-are-text"),
    ],
)
def test_plain_scalar_means_what_yaml_1_2_says(text: str, value: Any) -> None:
    found = resolve_plain(text)
    assert found == value
    assert isinstance(found, type(value))


def test_nan_is_a_number() -> None:
    found = resolve_plain(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("012", "012", id="leading-zero"),
        pytest.param("1.10", "1.10", id="version-like"),
        pytest.param("0x1F", "0x1F", id="hex"),
    ],
)
def test_number_remembers_how_it_was_written(text: str, written: str) -> None:
    assert getattr(resolve_plain(text), "text", None) == written


def value_of(text: str) -> Any:
    node = parse_yaml(f"key: {text}\n")
    assert node is not None
    return node.pairs[0][1].scalar


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('"on"', id="double-quotes"),
        pytest.param("'12'", id="single-quotes"),
        pytest.param('"null"', id="null-in-quotes"),
    ],
)
def test_quoted_scalar_is_text(text: str) -> None:
    assert value_of(text) == text[1:-1]


def test_node_knows_its_line() -> None:
    node = parse_yaml("a: 1\n\n# comment\nb:\n  - 2\n")
    assert node is not None
    assert [key.line for key, _ in node.pairs] == [1, 4]
    assert node.pairs[1][1].items[0].line == 5


def test_alias_stands_for_its_anchor() -> None:
    node = parse_yaml("a: &x [1, 2]\nb: *x\n")
    assert node is not None
    assert [item.scalar for item in node.pairs[1][1].items] == [1, 2]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n"])
def test_text_without_content_has_no_root(text: str) -> None:
    assert parse_yaml(text) is None


def error_of(text: str) -> YamlError:
    with pytest.raises(YamlError) as caught:
        parse_yaml(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        pytest.param("a:\n\tb: 1\n", 2, "indent with blanks", id="tab"),
        pytest.param("cron: */15 * * * *\n", 1, "begins with \\* needs quotes", id="cron"),
        pytest.param("cron: * * * * *\n", 1, "begins with \\* needs quotes", id="cron-star"),
        pytest.param("a: {room}_climate\n", 1, "begins with a brace needs", id="brace-first"),
        pytest.param("a: [x, y\nb: 1\n", 2, "not closed|indented", id="open-bracket"),
        pytest.param("a: 'x\n", 2, "close|quote", id="open-quote"),
        pytest.param("a: b: c\n", 1, "needs quotes", id="colon-in-value"),
        pytest.param("a: 1\n  b: 2\n", 2, "indented", id="indented-too-far"),
        pytest.param("a: @home\n", 1, "begins with one of @", id="at-sign"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "one document", id="second-document"),
        pytest.param("a: *nowhere\n", 1, "needs an anchor", id="unknown-alias"),
        pytest.param("a: \x07\n", 1, "without control characters", id="bell"),
        pytest.param("a: " + "[" * 100 + "]" * 100, 1, "nest less deep", id="deep"),
        pytest.param("a: &x [*x]\n", 1, "needs an anchor", id="alias-of-itself"),
        pytest.param("{measurement: climate_{room}}\n", 1, "needs quotes", id="template-in-braces"),
    ],
)
def test_what_is_no_yaml_is_explained(text: str, line: int, advice: str) -> None:
    error = error_of(text)
    assert error.line == line
    assert re.search(advice, error.allowed), error.allowed


def count(node: Node) -> int:
    return 1 + sum(count(item) for item in node.items)


def test_list_of_thousands_is_read() -> None:
    node = parse_yaml("- 1\n" * 5000)
    assert node is not None
    assert count(node) == 5001
