"""Wide data stays small: a column costs the rows that carry it, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tinyflux.programs import output
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux

N_FIELDS, N_TAGS, N_POINTS = 200, 100, 100_000
START = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int) -> Point:
    """Three of the fields, two of the tags, and a text that no other point has."""
    return Point(
        time=START + timedelta(seconds=n),
        measurement="wide",
        tags={"text": f"text {n}", f"t{n % N_TAGS}": str(n % 7)},
        fields={f"f{(n * step) % N_FIELDS}": float(n) for step in (1, 3, 7)},
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The points, with a cache."""
    path = tmp_path_factory.mktemp("wide") / "data.csv"
    with TinyFlux(path, flush_on_insert=False) as db:
        db.insert_multiple((point(n) for n in range(N_POINTS)), compact_key_prefixes=True)
        db.publish_index()
    return path


def test_every_key_and_value_is_found(path: Path) -> None:
    with TinyFlux(path) as db:
        assert len(db.get_field_keys()) == N_FIELDS
        assert len(db.get_tag_keys()) == N_TAGS + 1
        assert len(db.get_tag_values(["text"])["text"]) == N_POINTS
        assert db.get(TagQuery().text == "text 77777") == point(77777)
        expected = sum("f11" in point(n).fields for n in range(N_POINTS))
        assert db.count(FieldQuery().f11.exists()) == expected


def test_the_cache_is_no_larger_than_the_data(path: Path) -> None:
    files = path.with_name(f".{path.name}.index").iterdir()
    assert sum(file.stat().st_size for file in files) < path.stat().st_size


READING = """
    import re
    from pathlib import Path
    from tinyflux import FieldQuery, TagQuery

    def own_bytes():
        text = Path("/proc/self/smaps_rollup").read_text()
        return int(re.search(r"Anonymous:\\s+(\\d+) kB", text)[1]) * 1024

    with TinyFlux(path) as db:
        before = own_bytes()
        assert db.count(FieldQuery().f11 > 500.0)
        assert db.search(TagQuery().t5 == "3", limit=10)
        few = own_bytes() - before
        assert db.get(TagQuery().text == "text 5")
        print(few, own_bytes() - before)
    """


def test_a_question_costs_the_columns_that_it_names(path: Path) -> None:
    """All fields as columns of every row would be 160 MB."""
    few, with_texts = map(int, output(READING, path).split())
    assert few < 16_000_000
    assert with_texts < 40_000_000
