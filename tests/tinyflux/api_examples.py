"""One call for each documented name, and one way into each documented error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from tests.tinyflux.backends import ListStorage
from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery, TinyFlux
from tinyflux.database import append_op, read_op, temp_storage_op, write_op
from tinyflux.index import Index, IndexResult
from tinyflux.measurement import Measurement
from tinyflux.point import validate_fields, validate_tags
from tinyflux.queries import BaseQuery, SimpleQuery
from tinyflux.storages import CSVStorage, MemoryStorage, create_file
from tinyflux.utils import FrozenDict, find_eq, find_ge, find_gt, find_le, find_lt, freeze

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().city.exists()
WARM = FieldQuery().temp > 20


def la(hour: int = 0) -> Point:
    """A point of measurement `air` with a tag and a field."""
    return Point(
        time=TIME.replace(hour=hour), measurement="air", tags={"city": "LA"}, fields={"temp": 21.5}
    )


@dataclass
class World:
    """What an example may use: a database of three points, in a file, and what belongs to it."""

    folder: Path
    db: TinyFlux = field(init=False)

    def __post_init__(self) -> None:
        self.db = TinyFlux(self.folder / "data.csv")
        self.db.insert_multiple([la(), la(1), Point(time=TIME, tags={"city": "SF"})])

    @property
    def air(self) -> Measurement:
        """The measurement of two of the points."""
        return self.db.measurement("air")

    @property
    def csv(self) -> CSVStorage:
        """The storage of the file."""
        assert isinstance(self.db.storage, CSVStorage)
        return self.db.storage

    @property
    def index(self) -> Index:
        """An index of its own."""
        return Index().build([la(), la(1)])

    @property
    def memory(self) -> MemoryStorage:
        """A memory storage of one point."""
        storage = MemoryStorage()
        storage.append([la()])
        return storage

    @property
    def own(self) -> ListStorage:
        """A user's storage of one point."""
        storage = ListStorage()
        storage.append([la()])
        return storage

    def opened(self, mode: str) -> TinyFlux:
        """The same file in another access mode."""
        return TinyFlux(self.folder / "data.csv", access_mode=mode)


Example: TypeAlias = "Callable[[World], Any]"

FROZEN = FrozenDict(a=1)


class Guarded:
    """What the decorators of operations guard: anything with a storage."""

    def __init__(self, db: TinyFlux) -> None:
        self.storage = db.storage
        self.engine = db.engine

    @append_op
    @read_op
    @temp_storage_op
    @write_op
    def four(self) -> int:
        """An operation that needs every right."""
        return 4

    @append_op
    def appending(self) -> int:
        """An operation that needs one right."""
        return 1

    @read_op
    def reading(self) -> int:
        """An operation that needs one right."""
        return 1

    @write_op
    def writing(self) -> int:
        """An operation that needs one right."""
        return 1


def _frozen_call(name: str) -> Example:
    return lambda _: getattr(FROZEN, name)


EXAMPLES: dict[str, Example] = {
    "database.TinyFlux": lambda w: TinyFlux(w.folder / "new.csv", auto_index=False),
    "database.TinyFlux.all": lambda w: w.db.all(sorted=False),
    "database.TinyFlux.close": lambda w: w.db.close(),
    "database.TinyFlux.contains": lambda w: w.db.contains(EVERY, measurement="air"),
    "database.TinyFlux.count": lambda w: w.db.count(EVERY, measurement="air"),
    "database.TinyFlux.default_measurement_name": lambda w: w.db.default_measurement_name,
    "database.TinyFlux.default_storage_class": lambda w: w.db.default_storage_class,
    "database.TinyFlux.drop_measurement": lambda w: w.db.drop_measurement(name="air"),
    "database.TinyFlux.get": lambda w: w.db.get(EVERY, measurement="air"),
    "database.TinyFlux.get_field_keys": lambda w: w.db.get_field_keys(measurement="air"),
    "database.TinyFlux.get_field_values": lambda w: w.db.get_field_values("temp", "air"),
    "database.TinyFlux.get_measurements": lambda w: w.db.get_measurements(),
    "database.TinyFlux.get_tag_keys": lambda w: w.db.get_tag_keys(measurement="air"),
    "database.TinyFlux.get_tag_values": lambda w: w.db.get_tag_values(["city"], "air"),
    "database.TinyFlux.get_timestamps": lambda w: w.db.get_timestamps(measurement="air"),
    "database.TinyFlux.index": lambda w: w.db.index,
    "database.TinyFlux.insert": lambda w: w.db.insert(la(), "air", compact_key_prefixes=True),
    "database.TinyFlux.insert_multiple": lambda w: w.db.insert_multiple(
        [la()], "air", compact_key_prefixes=True
    ),
    "database.TinyFlux.measurement": lambda w: w.db.measurement(name="air"),
    "database.TinyFlux.reindex": lambda w: w.db.reindex(),
    "database.TinyFlux.remove": lambda w: w.db.remove(EVERY, measurement="air"),
    "database.TinyFlux.remove_all": lambda w: w.db.remove_all(),
    "database.TinyFlux.search": lambda w: w.db.search(EVERY, measurement="air", sorted=False),
    "database.TinyFlux.select": lambda w: w.db.select("time", EVERY, measurement="air"),
    "database.TinyFlux.storage": lambda w: w.db.storage,
    "database.TinyFlux.update": lambda w: w.db.update(
        EVERY, TIME, "b", {"city": "SD"}, {"temp": 1}, ["x"], ["y"], _measurement="air"
    ),
    "database.TinyFlux.update_all": lambda w: w.db.update_all(
        TIME, "b", {"city": "SD"}, {"temp": 1}, ["x"], ["y"]
    ),
    "database.append_op": lambda w: Guarded(w.db).four,
    "database.read_op": lambda w: Guarded(w.db).four,
    "database.temp_storage_op": lambda w: Guarded(w.db).four,
    "database.write_op": lambda w: Guarded(w.db).four,
    "point.Point": lambda _: la(),
    "point.Point.default_measurement_name": lambda _: Point.default_measurement_name,
    "point.Point.fields": lambda _: la().fields,
    "point.Point.measurement": lambda _: la().measurement,
    "point.Point.tags": lambda _: la().tags,
    "point.Point.time": lambda _: la().time,
    "point.validate_fields": lambda _: validate_fields({"a": 1}),
    "point.validate_tags": lambda _: validate_tags({"a": "b"}),
    "queries.BaseQuery": lambda _: BaseQuery(),
    "queries.BaseQuery.is_hashable": lambda _: TagQuery().city.is_hashable(),
    "queries.BaseQuery.map": lambda _: TagQuery().city.map(str.lower),
    "queries.BaseQuery.matches": lambda _: TagQuery().city.matches("l.", flags=2),
    "queries.BaseQuery.noop": lambda _: TagQuery().noop(),
    "queries.BaseQuery.search": lambda _: TagQuery().city.search("l", flags=2),
    "queries.BaseQuery.test": lambda _: FieldQuery().temp.test(pow, 2),
    "queries.CompoundQuery": lambda _: WARM & EVERY,
    "queries.CompoundQuery.is_hashable": lambda _: (WARM & EVERY).is_hashable(),
    "queries.FieldQuery": lambda _: FieldQuery(),
    "queries.FieldQuery.exists": lambda _: FieldQuery().temp.exists(),
    "queries.FieldQuery.matches": lambda _: FieldQuery.matches,
    "queries.FieldQuery.search": lambda _: FieldQuery.search,
    "queries.MeasurementQuery": lambda _: MeasurementQuery(),
    "queries.SimpleQuery": lambda _: SimpleQuery("tags", "==", 1, bool, dict, ("x",)),
    "queries.SimpleQuery.is_hashable": lambda _: WARM.is_hashable(),
    "queries.SimpleQuery.point_attr": lambda _: WARM.point_attr,
    "queries.TagQuery": lambda _: TagQuery(),
    "queries.TagQuery.exists": lambda _: TagQuery().city.exists(),
    "queries.TimeQuery": lambda _: TimeQuery(),
    "queries.TimeQuery.matches": lambda _: TimeQuery.matches,
    "queries.TimeQuery.search": lambda _: TimeQuery.search,
    "measurement.Measurement": lambda w: Measurement(name="air", db=w.db),
    "measurement.Measurement.all": lambda w: w.air.all(sorted=False),
    "measurement.Measurement.contains": lambda w: w.air.contains(EVERY),
    "measurement.Measurement.count": lambda w: w.air.count(EVERY),
    "measurement.Measurement.get": lambda w: w.air.get(EVERY),
    "measurement.Measurement.get_field_keys": lambda w: w.air.get_field_keys(),
    "measurement.Measurement.get_field_values": lambda w: w.air.get_field_values("temp"),
    "measurement.Measurement.get_tag_keys": lambda w: w.air.get_tag_keys(),
    "measurement.Measurement.get_tag_values": lambda w: w.air.get_tag_values(["city"]),
    "measurement.Measurement.get_timestamps": lambda w: w.air.get_timestamps(),
    "measurement.Measurement.index": lambda w: w.air.index,
    "measurement.Measurement.insert": lambda w: w.air.insert(la()),
    "measurement.Measurement.insert_multiple": lambda w: w.air.insert_multiple([la()]),
    "measurement.Measurement.name": lambda w: w.air.name,
    "measurement.Measurement.remove": lambda w: w.air.remove(EVERY),
    "measurement.Measurement.remove_all": lambda w: w.air.remove_all(),
    "measurement.Measurement.search": lambda w: w.air.search(EVERY, sorted=False),
    "measurement.Measurement.select": lambda w: w.air.select(("time", "tags.city"), EVERY),
    "measurement.Measurement.storage": lambda w: w.air.storage,
    "measurement.Measurement.update": lambda w: w.air.update(
        EVERY, TIME, "b", {"city": "SD"}, {"temp": 1}, ["x"], ["y"]
    ),
    "measurement.Measurement.update_all": lambda w: w.air.update_all(
        TIME, "b", {"city": "SD"}, {"temp": 1}, ["x"], ["y"]
    ),
    "index.Index": lambda _: Index(valid=False),
    "index.Index.build": lambda _: Index().build([la()]),
    "index.Index.empty": lambda w: w.index.empty,
    "index.Index.get_field_keys": lambda w: w.index.get_field_keys(measurement="air"),
    "index.Index.get_field_values": lambda w: w.index.get_field_values("temp", "air"),
    "index.Index.get_measurements": lambda w: w.index.get_measurements(),
    "index.Index.get_tag_keys": lambda w: w.index.get_tag_keys(measurement="air"),
    "index.Index.get_tag_values": lambda w: w.index.get_tag_values(["city"], "air"),
    "index.Index.get_timestamps": lambda w: w.index.get_timestamps(measurement="air"),
    "index.Index.insert": lambda w: w.index.insert([la()]),
    "index.Index.invalidate": lambda w: w.index.invalidate(),
    "index.Index.lateset_time": lambda w: w.index.lateset_time,
    "index.Index.remove": lambda w: w.index.remove([0]),
    "index.Index.search": lambda w: w.index.search(EVERY),
    "index.Index.update": lambda w: w.index.update({0: 1, 1: 0}),
    "index.Index.valid": lambda w: w.index.valid,
    "index.IndexResult": lambda _: IndexResult(items=set(), index_count=0),
    "index.IndexResult.items": lambda w: w.index.search(EVERY).items,
    "storages.CSVStorage": lambda w: CSVStorage(
        w.folder / "new.csv", False, "utf-8", "w+", False, "", delimiter=";"
    ),
    "storages.CSVStorage.append": lambda w: w.csv.append(items=[la()], temporary=False),
    "storages.CSVStorage.can_append": lambda w: w.csv.can_append,
    "storages.CSVStorage.can_read": lambda w: w.csv.can_read,
    "storages.CSVStorage.can_write": lambda w: w.csv.can_write,
    "storages.CSVStorage.close": lambda w: w.csv.close(),
    "storages.CSVStorage.read": lambda w: w.csv.read(),
    "storages.CSVStorage.reset": lambda w: w.csv.reset(),
    "storages.MemoryStorage": lambda _: MemoryStorage(),
    "storages.MemoryStorage.append": lambda w: w.memory.append(items=[la()], temporary=True),
    "storages.MemoryStorage.read": lambda w: w.memory.read(),
    "storages.MemoryStorage.reset": lambda w: w.memory.reset(),
    "storages.Storage": lambda _: ListStorage(),
    "storages.Storage.append": lambda w: w.own.append(points=[la()], temporary=False),
    "storages.Storage.can_append": lambda w: w.own.can_append,
    "storages.Storage.can_read": lambda w: w.own.can_read,
    "storages.Storage.can_write": lambda w: w.own.can_write,
    "storages.Storage.close": lambda w: w.own.close(),
    "storages.Storage.read": lambda w: w.own.read(),
    "storages.Storage.reset": lambda w: w.own.reset(),
    "storages.create_file": lambda w: create_file(w.folder / "a" / "b.csv", create_dirs=True),
    "utils.FrozenDict": lambda _: FrozenDict(a=1),
    "utils.FrozenDict.clear": _frozen_call("clear"),
    "utils.FrozenDict.pop": _frozen_call("pop"),
    "utils.FrozenDict.popitem": _frozen_call("popitem"),
    "utils.FrozenDict.update": _frozen_call("update"),
    "utils.find_eq": lambda _: find_eq([1, 2], 2),
    "utils.find_ge": lambda _: find_ge([1, 2], 2),
    "utils.find_gt": lambda _: find_gt([1, 2], 1),
    "utils.find_le": lambda _: find_le([1, 2], 2),
    "utils.find_lt": lambda _: find_lt([1, 2], 2),
    "utils.freeze": lambda _: freeze({"a": [1, {2}]}),
}

ERRORS: dict[str, tuple[type[Exception], Example]] = {
    "database.TinyFlux.drop_measurement OSError": (
        OSError,
        lambda w: w.opened("r").drop_measurement("air"),
    ),
    "database.TinyFlux.insert OSError": (OSError, lambda w: w.opened("r").insert(la())),
    "database.TinyFlux.insert TypeError": (TypeError, lambda w: w.db.insert("no point")),
    "database.TinyFlux.insert_multiple OSError": (
        OSError,
        lambda w: w.opened("r").insert_multiple([la()]),
    ),
    "database.TinyFlux.insert_multiple TypeError": (
        TypeError,
        lambda w: w.db.insert_multiple([la(), 3]),
    ),
    "database.TinyFlux.reindex OSError": (OSError, lambda w: w.opened("a+").reindex()),
    "database.TinyFlux.remove OSError": (OSError, lambda w: w.opened("a+").remove(EVERY)),
    "database.TinyFlux.remove_all OSError": (OSError, lambda w: w.opened("a+").remove_all()),
    "database.TinyFlux.update OSError": (
        OSError,
        lambda w: w.opened("a+").update(EVERY, tags={"city": "SD"}),
    ),
    "database.TinyFlux.update_all OSError": (
        OSError,
        lambda w: w.opened("r").update_all(tags={"city": "SD"}),
    ),
    "point.validate_fields ValueError": (ValueError, lambda _: validate_fields({"a": "b"})),
    "point.validate_tags ValueError": (ValueError, lambda _: validate_tags({"a": 1})),
    "queries.FieldQuery.matches RuntimeError": (
        RuntimeError,
        lambda _: FieldQuery().temp.matches("2"),
    ),
    "queries.FieldQuery.search RuntimeError": (
        RuntimeError,
        lambda _: FieldQuery().temp.search("2"),
    ),
    "queries.TimeQuery.matches RuntimeError": (RuntimeError, lambda _: TimeQuery().matches("2")),
    "queries.TimeQuery.search RuntimeError": (RuntimeError, lambda _: TimeQuery().search("2")),
    "measurement.Measurement.insert TypeError": (TypeError, lambda w: w.air.insert(None)),
    "measurement.Measurement.insert_multiple TypeError": (
        TypeError,
        lambda w: w.air.insert_multiple([None]),
    ),
    "utils.FrozenDict.clear TypeError": (TypeError, lambda _: FROZEN.clear()),
    "utils.FrozenDict.pop TypeError": (TypeError, lambda _: FROZEN.pop("a", None)),
    "utils.FrozenDict.popitem TypeError": (TypeError, lambda _: FROZEN.popitem()),
    "utils.FrozenDict.update TypeError": (TypeError, lambda _: FROZEN.update(b=2)),
}
