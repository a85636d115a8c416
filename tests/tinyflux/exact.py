"""What a point holds, to the bit: so that 1 and 1.0, 0.0 and -0.0, NaN and None are told apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import Any

from tinyflux import Point


def exact(value: Any) -> Any:
    """`value` so that it equals nothing but the very same value."""
    if isinstance(value, float):
        return type(value).__name__, value.hex()
    if isinstance(value, list | tuple):
        return type(value).__name__, [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return type(value).__name__, value


def content(point: Point) -> tuple[Any, ...]:
    """Everything that a point holds; its time must be aware and UTC."""
    assert point.time is not None
    assert point.time.utcoffset() == timedelta(0)
    return (
        point.time.replace(tzinfo=UTC),
        point.measurement,
        frozenset(point.tags.items()),
        frozenset((key, exact(number)) for key, number in point.fields.items()),
    )


def contents(points: Iterable[Point]) -> list[tuple[Any, ...]]:
    """What each point holds, in order."""
    return [content(point) for point in points]
