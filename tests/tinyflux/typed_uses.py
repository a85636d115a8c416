"""Uses of the engine as a typed program writes them; mypy --strict checks that all of it fits.

Nothing here runs. test_typed_uses.py runs mypy on it; by hand: `mypy --strict
tests/tinyflux/typed_uses.py` in the root of the checkout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import assert_type

from tinyflux import (
    CSVStorage,
    FieldQuery,
    Insert,
    Measurement,
    MeasurementQuery,
    MemoryStorage,
    Point,
    Remove,
    Storage,
    TagQuery,
    TimeQuery,
    TinyFlux,
    Update,
)
from tinyflux.errors import AccessError, DamageError, StorageError, TinyFluxError
from tinyflux.index import Index, IndexResult
from tinyflux.queries import CompoundQuery, SimpleQuery


def opening(path: Path) -> None:
    """Every way to open a database."""
    TinyFlux(path)
    TinyFlux(str(path), auto_index=False, create_dirs=True, encoding="utf-8", access_mode="a+")
    TinyFlux(path, storage=CSVStorage, flush_on_insert=False, delimiter=";")
    TinyFlux(storage=MemoryStorage)
    with TinyFlux(path) as db:
        assert_type(db, TinyFlux)


def inserting(db: TinyFlux, points: Iterator[Point]) -> int:
    """Points of plain values, from anywhere."""
    tags: dict[str, str] = {"room": "kitchen"}
    fields: dict[str, float] = {"t": 21.5}
    db.insert(Point(time=datetime.now(UTC), measurement="air", tags=tags, fields=fields))
    n_points = db.insert(Point(), "air", compact_key_prefixes=True)
    n_points += db.insert_multiple(points, batch_size=10)
    n_points += db.insert_multiple((Point(), Point()), measurement="air")
    return n_points


def point(one: Point) -> None:
    """What a point holds, read and set."""
    assert_type(one.time, datetime | None)
    assert_type(one.measurement, str)
    assert_type(one.tags, dict[str, str | None])
    assert_type(one.fields, dict[str, int | float | None])
    one.time = datetime.now(UTC)
    one.tags["a"] = None
    one.fields["b"] = 1
    assert_type(one.to_line_protocol(), str)
    assert_type(Point.from_line_protocol("a b=1"), Point)


def queries() -> CompoundQuery:
    """Queries of every kind."""
    room = TagQuery().room == "kitchen"
    assert_type(room, SimpleQuery)
    assert_type(TagQuery()["my room"] != "a", SimpleQuery)
    assert_type(FieldQuery().t >= 20, SimpleQuery)
    assert_type(FieldQuery().t.map(abs) < 1, SimpleQuery)
    assert_type(MeasurementQuery().matches("a.*", 0), SimpleQuery)
    assert_type(TimeQuery() < datetime.now(UTC), SimpleQuery)
    assert_type(TagQuery().room.exists() & room, CompoundQuery)
    assert_type(~room, CompoundQuery)
    return (room | TagQuery().noop()) & FieldQuery().t.test(_is_above, 3)


def _is_above(value: float, limit: float) -> bool:
    return value > limit


def reading(db: TinyFlux) -> None:
    """Every read, and what it gives."""
    query = queries()
    assert_type(db.all(), list[Point])
    assert_type(db.search(query, "air", sorted=False, limit=3, reverse=True), list[Point])
    assert_type(db.get(query), Point | None)
    assert_type(db.count(query), int)
    assert_type(db.contains(query), bool)
    assert_type(len(db), int)
    assert_type(list(db), list[Point])
    assert_type(db.get_measurements(), list[str])
    assert_type(db.get_tag_keys(), list[str])
    assert_type(db.get_tag_values(["a"]), dict[str, list[str | None]])
    assert_type(db.get_field_keys("air"), list[str])
    assert_type(db.get_field_values("t"), list[int | float | None])
    assert_type(db.get_timestamps(), list[datetime])
    rows: list[tuple[datetime, float]] = db.select(("time", "fields.t"), query)
    names: list[str] = db.select("measurement", query)
    print(rows, names)


def changing(db: TinyFlux) -> int:
    """Every change, with values and functions."""
    query = queries()
    n_points = db.remove(query) + db.drop_measurement("air")
    n_points += db.update(query, time=datetime.now(UTC), measurement="b", tags={"a": "b"})
    n_points += db.update(query, time=_later, measurement=str.upper, tags=_tags, fields=_fields)
    n_points += db.update_all(fields={"t": 1}, unset_tags=["a"], unset_fields="b")
    counts = db.apply([Remove(query), Update(None, tags={"a": "b"}), Insert([Point()], "air")])
    assert_type(counts, list[int])
    db.remove_all()
    return n_points + sum(counts)


def _later(time: datetime) -> datetime:
    return time + timedelta(hours=1)


def _tags(tags: Mapping[str, str | None]) -> dict[str, str | None]:
    return {"room": tags["room"]}


def _fields(fields: Mapping[str, int | float | None]) -> dict[str, float]:
    return {key: value * 2 for key, value in fields.items() if value is not None}


def measurement(db: TinyFlux) -> None:
    """The same on a handle."""
    air = db.measurement("air")
    assert_type(air, Measurement)
    assert_type(air.all(), list[Point])
    assert_type(air.search(queries()), list[Point])
    assert_type(air.update_all(tags={"a": None}), int)
    assert_type(air.remove_all(), int)
    assert_type(air.name, str)


def index(db: TinyFlux) -> None:
    """The index."""
    assert_type(db.index, Index)
    assert_type(db.index.latest_time, datetime | None)
    assert_type(db.index.search(queries()), IndexResult)
    assert_type(db.index.search(queries()).items, set[int])
    assert_type(db.storage, Storage)


class OwnStorage(Storage):
    """A user's storage, typed."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def append(self, points: Sequence[Point], temporary: bool = False) -> None:
        """Add points."""
        self.points.extend(points)

    def read(self) -> list[Point]:
        """Every point."""
        return self.points

    def reset(self) -> None:
        """No point."""
        self.points = []


def errors(db: TinyFlux) -> str:
    """The errors, by their own names and as built-ins."""
    try:
        db.insert(Point())
    except DamageError as error:
        return f"{error.path} {error.offset} {error.reason}"
    except (AccessError, StorageError) as error:
        return error.strerror or ""
    except TinyFluxError as error:
        return str(error)
    return repr(TinyFlux(storage=OwnStorage))
