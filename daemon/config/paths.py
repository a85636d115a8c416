"""Paths into a decoded payload: `$.a.b[0]`, `$["switch:0"].apower`, `$.list[*].t`.

Names and indexes alone lead to one value and are followed by our own code, which is sixty times
faster and takes names such as `switch:0` without quotes; all else is RFC 9535, with wildcards as
our own code too. `$` is the whole
payload, `@` the part of it that a point is made of, see `each`. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.config.json_queries import Query
from daemon.config.wild_steps import WildPath, parse_wild

Steps = tuple[str | int, ...]

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]"'\s*$@?]+)|\[(?P<index>-?\d{1,9})\]|\[(?P<quote>["'])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)\]"""
)
_QUERY_SIGNS = re.compile(r"[*?]|\.\.|\[[^\]\"']*[:,]|[\"']\s*,\s*[\"']")
_ROOTS = ("$", "@")


@dataclass(frozen=True, slots=True)
class PayloadPath:
    """A path taken apart."""

    text: str
    is_relative: bool
    """Begins with @: it starts at the part that a point is made of."""
    steps: Steps | None
    """Keys and indexes that lead to one value; None for a path that may lead to several."""
    query: Query | WildPath | None
    """The other kind of path, which starts at what the path's first sign means."""


def is_path(text: str) -> bool:
    """Whether a text means a path into the payload, not itself."""
    return text in _ROOTS or text.startswith(("$.", "$[", "@.", "@["))


def parse_path(text: str) -> PayloadPath:
    """The parts of a path.

    Raises:
        ValueError: where it is no path; the text says what is allowed.
    """
    if not is_path(text):
        meant = f"; did you mean `$.{text}`?" if re.fullmatch(r"[\w.\[\]:-]+", text) else ""
        raise ValueError(f"a path begins with $. or $[{meant}")
    is_relative = text.startswith("@")
    if _QUERY_SIGNS.search(text) and not _is_plain(text):
        query = parse_wild(text[1:]) or Query("$" + text[1:])
        return PayloadPath(text, is_relative, None, query)
    return PayloadPath(text, is_relative, _steps(text), None)


def _is_plain(text: str) -> bool:
    """Whether the signs of a query stand only within quoted names."""
    try:
        _steps(text)
    except ValueError:
        return False
    return True


def _steps(text: str) -> Steps:
    steps: list[str | int] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(
                f"the path makes no sense from {text[position:]!r} on; allowed: .name, [0], "
                '["any name"] for names with dots or blanks, and [*], [0:2], ..name or '
                "[?@.name == 'x'] as in RFC 9535"
            )
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match["name"] or match["text"])
        position = match.end()
    return tuple(steps)
