"""Many rows of one shape are read column by column: with the result of reading one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.effort import effort
from tests.tinyflux.exact import contents
from tests.tinyflux.rows import SHAPES, file_of, odd_lines
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux
from tinyflux.codec import RowCodec, point_of
from tinyflux.errors import DamageError
from tinyflux.parsing import FEW_BYTES, parse
from tinyflux.records import Chunk, records
from tinyflux.table import Table

CODEC = RowCodec()
OFFSET = 1_000
seeds = st.integers(0, 2**32)


def one_by_one(data: bytes) -> tuple[list[Point], list[int]]:
    """The points of complete rows by the slow road, and where each of them ends."""
    found = list(records(Chunk(data, OFFSET, "data.csv"), CODEC))
    return [point_of(record.cells) for record in found], [record.stop for record in found]


def at_once(data: bytes) -> tuple[list[Point], int]:
    """The points by the fast road, and how far complete rows reach."""
    parsed = parse(Chunk(data, OFFSET, "data.csv"), CODEC)
    table = Table([parsed.segment])
    return table.points(np.arange(table.n_rows)), parsed.n_bytes


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_of_one_shape(shape: str) -> None:
    data = file_of([shape], random.Random(shape), n_bytes=2 * FEW_BYTES)
    assert contents(at_once(data)[0]) == contents(one_by_one(data)[0])


@given(seed=seeds, shapes=st.lists(st.sampled_from(list(SHAPES)), min_size=1, max_size=9))
@effort(60)
def test_rows_of_mixed_shapes(seed: int, shapes: list[str]) -> None:
    data = file_of(shapes, random.Random(seed), n_bytes=2 * FEW_BYTES)
    assert contents(at_once(data)[0]) == contents(one_by_one(data)[0])


@given(
    seed=seeds,
    shapes=st.lists(st.sampled_from(list(SHAPES)), min_size=1, max_size=3),
    odd=st.lists(odd_lines, min_size=1, max_size=12),
)
@effort(60)
def test_odd_lines_among_plain_ones(seed: int, shapes: list[str], odd: list[bytes]) -> None:
    data = file_of(shapes, random.Random(seed), n_bytes=2 * FEW_BYTES, odd=odd)
    fast, n_bytes = at_once(data)
    slow, stops = one_by_one(data)
    assert contents(fast) == contents(slow)
    assert data[stops[-1] : n_bytes].strip() == b""


@given(
    seed=seeds,
    shapes=st.lists(st.sampled_from(list(SHAPES)), min_size=1, max_size=3),
    odd=st.lists(odd_lines, max_size=6),
    from_end=st.integers(0, 300),
)
@effort(60)
def test_a_chunk_that_ends_anywhere(
    seed: int, shapes: list[str], odd: list[bytes], from_end: int
) -> None:
    whole = file_of(shapes, random.Random(seed), n_bytes=3 * FEW_BYTES, odd=odd)
    cut = len(whole) // 2 - from_end
    first, n_bytes = at_once(whole[:cut])
    rest, _ = at_once(whole[n_bytes:])
    assert cut - n_bytes < 11_000
    assert contents(first + rest) == contents(one_by_one(whole)[0])


@given(seed=seeds, odd=st.lists(odd_lines, max_size=4))
@effort(40)
def test_rows_can_be_removed_and_changed_by_their_bytes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, odd: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("db") / "data.csv"
    data = file_of(["sensor", "tags"], random.Random(seed), n_bytes=2 * FEW_BYTES, odd=odd)
    path.write_bytes(data)
    points = one_by_one(data)[0]
    odd_ones = FieldQuery().n.test(lambda n: n is not None and n > 0)
    with TinyFlux(path) as db:
        assert db.remove(odd_ones) == sum(map(odd_ones, points))
        assert db.update(TagQuery().room == "kitchen", tags={"room": "k"}) == sum(
            point.tags.get("room") == "kitchen" for point in points if not odd_ones(point)
        )
        kept = [point for point in points if not odd_ones(point)]
        for point in kept:
            if point.tags.get("room") == "kitchen":
                point.tags["room"] = "k"
        assert contents(db.all(sorted=False)) == contents(kept)
    with TinyFlux(path, auto_index=False) as db:
        assert contents(db.all(sorted=False)) == contents(kept)


DAMAGE: dict[str, bytes] = {
    "no time": b"yesterday,m,_field_n,1\r\n",
    "no such day": b"2025-02-30T00:00:00,m,_field_n,1\r\n",
    "leap second": b"2025-01-01T00:00:60,m,_field_n,1\r\n",
    "year 0": b"0000-01-01T00:00:00,m,_field_n,1\r\n",
    "one cell": b"2025-01-01T00:00:00\r\n",
    "no value": b"2025-01-01T00:00:00,m,_field_n\r\n",
    "no number": b"2025-01-01T00:00:00,m,_field_n,one\r\n",
    "no number, hexadecimal": b"2025-01-01T00:00:00,m,_field_n,0x10\r\n",
    "no key": b"2025-01-01T00:00:00,m,n,1\r\n",
    "half a prefix": b"2025-01-01T00:00:00,m,_tag,1\r\n",
    "no utf-8 in a name": b"2025-01-01T00:00:00,\xff,_field_n,1\r\n",
    "no utf-8 in a tag": b"2025-01-01T00:00:00,m,_tag_a,\xe9\r\n",
    "no utf-8 in a key": b"2025-01-01T00:00:00,m,_tag_\xc3,a\r\n",
    "surrogates": b"2025-01-01T00:00:00,m,_tag_a,\xed\xa0\x80\r\n",
    "in quotes": b'2025-01-01T00:00:00,m,_field_n,"one"\r\n',
    "NULs": b"\0" * 40 + b"\r\n",
}


@pytest.mark.parametrize("n_before", [0, 20, 700], ids=["first", "early", "late"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_at_its_byte(tmp_path: Path, kind: str, n_before: int) -> None:
    row = b"2025-01-01T00:00:00,m,_tag_room,kitchen,_field_n,1\r\n"
    path = tmp_path / "data.csv"
    path.write_bytes(row * n_before + DAMAGE[kind] + row * 800)
    with TinyFlux(path) as db, pytest.raises(DamageError) as found:
        len(db)
    assert found.value.offset == n_before * len(row)
    assert str(path) in str(found.value)
    assert f"byte {n_before * len(row)}" in str(found.value)


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_first_of_several_damages_is_named(tmp_path: Path, kind: str) -> None:
    row = b"2025-01-01T00:00:00,m,_tag_room,kitchen,_field_n,1\r\n"
    path = tmp_path / "data.csv"
    others = b"".join(DAMAGE.values())
    path.write_bytes(row * 700 + DAMAGE[kind] + row * 9 + others + row * 9)
    with TinyFlux(path) as db, pytest.raises(DamageError) as found:
        len(db)
    assert found.value.offset == 700 * len(row)


WIDE: dict[str, Callable[[int], Point]] = {
    "200 fields": lambda n: Point(
        time=TIME, fields={f"field {i}": n / 8 if i % 2 else n * i for i in range(200)}
    ),
    "100 tags": lambda n: Point(time=TIME, tags={f"tag {i}": f"v{n * i % 11}" for i in range(100)}),
    "5000 distinct values": lambda n: Point(time=TIME, tags={"id": f"id-{n}"}, fields={"n": n}),
    "300 shapes": lambda n: Point(time=TIME, fields={f"f{n % 300}": n}, tags={"a": "b"}),
    "100 sparse fields": lambda n: Point(time=TIME, fields={f"f{n * 7 % 100}": n, "all": n}),
    "70,000 distinct values in one row": lambda n: Point(
        time=TIME, tags={f"k{i}": f"{n}-{i}" for i in range(15)}
    ),
}
TIME = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", WIDE)
def test_wide_and_varied_points(tmp_path: Path, kind: str) -> None:
    points = [WIDE[kind](n) for n in range(5000 if "distinct" in kind else 1200)]
    with TinyFlux(tmp_path / "data.csv") as db:
        db.insert_multiple(points, compact_key_prefixes=True)
    with TinyFlux(tmp_path / "data.csv") as db:
        assert contents(db.all(sorted=False)) == contents(points)
        assert db.get_field_keys() == sorted({key for point in points for key in point.fields})
        assert db.get_tag_keys() == sorted({key for point in points for key in point.tags})
