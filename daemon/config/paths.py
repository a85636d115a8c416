"""Paths into a decoded payload: `$.a.b[0]`, `$["switch:0"].apower`, `$.ENERGY["PM2.5"]`.

A small part of RFC 9535: names and indexes, no wildcards, so that a path leads to one value. Pure.
"""

from __future__ import annotations

import re

Steps = tuple[str | int, ...]

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]"'\s*$]+)|\[(?P<index>-?\d{1,9})\]|\[(?P<quote>["'])(?P<text>.*?)(?P=quote)\]"""
)


def is_path(text: str) -> bool:
    """Whether a text means a path into the payload, not itself."""
    return text == "$" or text.startswith(("$.", "$["))


def parse_path(text: str) -> Steps:
    """The keys and indexes of a path, in order; empty for `$`, the whole payload.

    Raises:
        ValueError: where it is no path; the text says what is allowed.
    """
    if not is_path(text):
        meant = f"; did you mean `$.{text}`?" if re.fullmatch(r"[\w.\[\]:-]+", text) else ""
        raise ValueError(f"a path begins with $. or $[{meant}")
    steps: list[str | int] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(
                f"the path makes no sense from {text[position:]!r} on; allowed: .name, [0], "
                'and ["any name"] for names with dots or blanks'
            )
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match["name"] or match["text"])
        position = match.end()
    return tuple(steps)
