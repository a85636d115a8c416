"""The reference: a plain list of points, every answer by calling the query with each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.tinyflux.exact import content
from tinyflux import Point
from tinyflux.predicates import Query


def copied(point: Point) -> Point:
    """A point of its own, as a database holds it."""
    assert point.time is not None
    return Point(
        time=point.time.astimezone(UTC),
        measurement=point.measurement,
        tags=dict(point.tags),
        fields=dict(point.fields),
    )


@dataclass(frozen=True)
class Edit:
    """The arguments of one update."""

    time: datetime | Callable[[datetime], datetime] | None = None
    measurement: str | Callable[[str], str] | None = None
    tags: Mapping[str, str | None] | Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    fields: Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]] | None = None
    unset_tags: tuple[str, ...] = ()
    unset_fields: tuple[str, ...] = ()

    @property
    def arguments(self) -> dict[str, Any]:
        """As `update` takes them."""
        return {name: value for name, value in vars(self).items() if value not in (None, ())}

    def applied(self, point: Point) -> Point:
        """The changed point."""

        def new(change: Any, old: Any) -> Any:
            if change is None:
                return old
            return change(old) if callable(change) else change

        assert point.time is not None
        time = new(self.time, point.time)
        measurement = new(self.measurement, point.measurement)
        tags = {**point.tags, **new(self.tags, dict(point.tags))}
        fields = {**point.fields, **new(self.fields, dict(point.fields))}
        return Point(
            time=time.astimezone(UTC),
            measurement=measurement,
            tags={key: value for key, value in tags.items() if key not in self.unset_tags},
            fields={key: value for key, value in fields.items() if key not in self.unset_fields},
        )


@dataclass
class Model:
    """Points in insertion order."""

    points: list[Point] = field(default_factory=list)

    def insert(self, points: Iterable[Point]) -> None:
        """Add copies."""
        self.points.extend(map(copied, points))

    def matching(self, query: Query, measurement: str | None) -> Iterator[Point]:
        """The points that match, in insertion order."""
        for point in self.points:
            if measurement in (None, point.measurement) and query(point):
                yield point

    def search(
        self,
        query: Query,
        measurement: str | None,
        *,
        is_sorted: bool,
        limit: int | None,
        is_reversed: bool,
    ) -> list[Point]:
        """As `TinyFlux.search`."""
        found = list(self.matching(query, measurement))
        if is_sorted:
            found.sort(key=lambda point: point.time or datetime.max)
        if is_reversed:
            found.reverse()
        return found[:limit]

    def get(self, query: Query, measurement: str | None) -> Point | None:
        """The first match."""
        return next(self.matching(query, measurement), None)

    def select(self, keys: Iterable[str], query: Query, measurement: str | None) -> list[Any]:
        """As `TinyFlux.select` with several keys."""
        keys = list(keys)
        return [
            tuple(_attribute(point, key) for key in keys)
            for point in self.matching(query, measurement)
        ]

    def of(self, measurement: str | None) -> list[Point]:
        """The points of one measurement, or all."""
        return [point for point in self.points if measurement in (None, point.measurement)]

    def tag_values(self, keys: list[str], measurement: str | None) -> dict[str, list[Any]]:
        """As `TinyFlux.get_tag_values`."""
        points = self.of(measurement)
        return {
            key: sorted(
                {point.tags[key] for point in points if key in point.tags},
                key=lambda value: (value is None, value or ""),
            )
            for key in keys or sorted({key for point in points for key in point.tags})
        }

    def remove(self, query: Query, measurement: str | None) -> int:
        """Drop what matches; the number."""
        gone = {id(point) for point in self.matching(query, measurement)}
        self.points = [point for point in self.points if id(point) not in gone]
        return len(gone)

    def drop(self, measurement: str) -> int:
        """Drop a measurement; the number."""
        before = len(self.points)
        self.points = [point for point in self.points if point.measurement != measurement]
        return before - len(self.points)

    def update(self, query: Query | None, measurement: str | None, edit: Edit) -> int:
        """Change what matches; the number of points that became different."""
        chosen = self.of(measurement)
        if query is not None:
            chosen = list(self.matching(query, measurement))
        new = {id(point): edit.applied(point) for point in chosen}
        n_changed = sum(
            content(new[id(point)]) != content(point) for point in self.points if id(point) in new
        )
        self.points = [new.get(id(point), point) for point in self.points]
        return n_changed


def _attribute(point: Point, key: str) -> Any:
    if key in ("time", "measurement"):
        return getattr(point, key)
    attribute, _, name = key.partition(".")
    return getattr(point, attribute).get(name)
