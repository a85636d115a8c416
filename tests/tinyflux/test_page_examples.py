"""The examples of the API page, as they stand there."""

from __future__ import annotations

from datetime import UTC, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import tinyflux
from tinyflux import (
    CSVStorage,
    FieldQuery,
    MeasurementQuery,
    MemoryStorage,
    Point,
    Storage,
    TagQuery,
    TimeQuery,
    TinyFlux,
)
from tinyflux.index import Index, IndexResult


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples name files in the working directory."""
    monkeypatch.chdir(tmp_path)


def test_database() -> None:
    db = TinyFlux("my_tf_db.csv")
    assert len(db) == 0
    with TinyFlux("data.csv") as db:
        db.insert(Point())
    assert Path("data.csv").read_text().count("\n") == 1


def test_point() -> None:
    p = Point(
        time=datetime.now(timezone.utc),  # noqa: UP017 - as the page writes it
        measurement="my measurement",
        fields={"my field": 123.45},
        tags={"my tag key": "my tag value"},
    )
    db = TinyFlux(storage=MemoryStorage)
    db.insert(p)
    assert db.get(MeasurementQuery() == "my measurement") == p


def test_base_query() -> None:
    p = Point(tags={"city": "LA"})
    q1: Any = TagQuery()
    assert isinstance(q1, tinyflux.queries.BaseQuery)
    with pytest.raises(RuntimeError, match="Empty query was evaluated"):
        q1(p)
    q2 = TagQuery().city == "LA"
    assert repr(q2) == "SimpleQuery('tags', '==', ('city',), 'LA')"
    assert q2(p)


def test_regex_and_test() -> None:
    def test_func(val: float) -> bool:
        return val == 42

    assert TagQuery().f1.matches(r"^\w+$")(Point(tags={"f1": "word"}))
    assert TagQuery().f1.search(r"^\w+$")(Point(tags={"f1": "word"}))
    assert FieldQuery()["my field"].test(test_func)(Point(fields={"my field": 42}))


def test_compound_query() -> None:
    time_q = FieldQuery().temp_f < 55.0
    tags_q = TagQuery().city == "Los Angeles"
    cold_la_q = time_q & tags_q
    assert repr(type(cold_la_q)).endswith("CompoundQuery'>")
    assert cold_la_q(Point(tags={"city": "Los Angeles"}, fields={"temp_f": 54}))


def test_simple_queries() -> None:
    assert (FieldQuery().my_field == 10.0)(Point(fields={"my_field": 10}))
    assert FieldQuery().my_field.exists()(Point(fields={"my_field": None}))
    assert (MeasurementQuery() == "my measurement")(Point(measurement="my measurement"))
    assert repr(type(TagQuery().city == "Los Angeles")).endswith("SimpleQuery'>")
    assert (TagQuery().my_tag_key == "my tag value")(Point(tags={"my_tag_key": "my tag value"}))
    assert TagQuery().my_tag.exists()(Point(tags={"my_tag": None}))
    assert (TimeQuery() < datetime.now(UTC))(Point(time=datetime(2020, 1, 1, tzinfo=UTC)))


def test_measurement() -> None:
    db = TinyFlux(storage=MemoryStorage)
    m = db.measurement("my_measurement")
    assert m.name == "my_measurement"


def test_index() -> None:
    i = Index().build([Point()])
    n = Index().build([Point()]).get_measurements()
    Index().insert([Point()])
    Index().invalidate()
    q = TimeQuery() < datetime(9999, 1, 1, tzinfo=UTC)
    r = i.search(q)
    assert (n, r.items) == ({"_default"}, {0})
    assert IndexResult(items=set(), index_count=0).items == set()


def test_storages() -> None:
    class MyStorageClass(Storage):
        def append(self, points: Any, temporary: bool = False) -> None:
            """Keep nothing."""

        def read(self) -> list[Point]:
            return []

        def reset(self) -> None:
            """Nothing to remove."""

    my_mem_db = TinyFlux(storage=MemoryStorage)
    my_csv_db = TinyFlux("my.csv", storage=CSVStorage)
    my_db = TinyFlux(storage=MyStorageClass)
    assert [db.insert(Point()) for db in (my_mem_db, my_csv_db, my_db)] == [1, 1, 1]
