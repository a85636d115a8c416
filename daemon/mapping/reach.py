"""Following a path into a decoded value, and what a point's rule can look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.config import PayloadPath, QueryError
from daemon.mapping.troubles import Kind, Unfit
from daemon.messages import JsonValue

Steps = tuple[str | int, ...]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""What a path finds where there is nothing; null is something."""


class Context:
    """All that one point is made of. Lives as long as it takes to make the point."""

    __slots__ = (
        "fields", "here", "keys", "measurement", "names", "root", "tags", "text", "time_us",
        "topic",
    )  # fmt: skip

    def __init__(
        self,
        root: Any,
        here: Any = MISSING,
        *,
        text: str = "",
        tags: dict[str, str | None] | None = None,
        time_us: int | None = None,
    ) -> None:
        """`tags` and `time_us` (µs UTC) are what the payload itself says, as line protocol does."""
        self.root = root
        """The whole decoded payload, what $ means."""
        self.here = root if here is MISSING else here
        """What @ means: the part that the point is made of."""
        self.text = text
        """The payload as text; empty for bytes and for polls."""
        self.tags: dict[str, str | None] = {} if tags is None else tags
        self.time_us = time_us
        self.keys: tuple[str | int, ...] = ()
        self.names: Mapping[str, str] = {}
        """What the topic's wildcards stand for."""
        self.topic = ""
        self.measurement = ""
        self.fields: dict[str, int | float | None] = {}
        """Those that are known already, by their name in the rule."""

    def at(self, here: Any, keys: tuple[str | int, ...]) -> Context:
        """The same for another part of the payload."""
        other = Context(self.root, here, text=self.text, tags=dict(self.tags), time_us=self.time_us)
        other.keys = keys
        return other


Reach = Callable[[Context], Any]
"""What stands at a path, or MISSING. Raises Unfit where the path leads to several values."""


def reach(value: Any, steps: Steps) -> Any:
    """What stands at the path, or MISSING."""
    for step in steps:
        kind = type(value)
        if kind is dict:
            value = value.get(step, MISSING)
            if value is MISSING:
                return value
        elif kind is list and type(step) is int and -len(value) <= step < len(value):
            value = value[step]
        else:
            return MISSING
    return value


def compile_path(path: PayloadPath) -> Reach:
    """The way to the one value of a path."""
    steps, is_relative = path.steps, path.is_relative
    if steps is None:
        return lambda context: _only(path, context.here if is_relative else context.root)
    if len(steps) == 1:
        return _one_step(steps, is_relative=is_relative)
    if is_relative:
        return lambda context: reach(context.here, steps)
    return lambda context: reach(context.root, steps)


def _one_step(steps: Steps, *, is_relative: bool) -> Reach:
    # Most paths of most rules: one dictionary look-up.
    [step] = steps

    def find(context: Context) -> Any:
        value = context.here if is_relative else context.root
        return value.get(step, MISSING) if type(value) is dict else reach(value, steps)

    return find


def places(path: PayloadPath, value: JsonValue) -> list[tuple[Any, tuple[str | int, ...]]]:
    """Every value that a path leads to, with the names and indexes that lead there.

    Raises:
        Unfit: for a value nested too deep, or more places than a message may have points.
    """
    if path.query is None:
        assert path.steps is not None
        found = reach(value, path.steps)
        return [] if found is MISSING else [(found, path.steps)]
    try:
        return [(match.value, match.keys) for match in path.query.find(value)]
    except QueryError as error:
        raise Unfit(Kind.TOO_MANY, f"the path {path.text}: {error}") from None


def _only(path: PayloadPath, value: JsonValue) -> Any:
    found = places(path, value)
    if not found:
        return MISSING
    if len(found) > 1:
        raise Unfit(
            Kind.TOO_MANY,
            f"the path leads to {len(found)} values, a field or a tag has one; "
            "`each` makes a point of each",
        )
    return found[0][0]
