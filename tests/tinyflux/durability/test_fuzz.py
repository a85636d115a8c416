"""Bytes that nobody wrote on purpose: no crash, no hang, memory bounded by the input.

`make fuzz` runs this with many more inputs.
"""

from __future__ import annotations

import signal
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.durability.operations import point
from tests.tinyflux.effort import effort
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux
from tinyflux.cli import main
from tinyflux.errors import DamageError
from tinyflux.line_protocol import from_line, to_line
from tinyflux.marks import Mark

MOST_SECONDS = 20
MOST_BYTES = 4_000_000
BYTES_PER_BYTE = 2000


@contextmanager
def bounded(n_bytes: int) -> Iterator[None]:
    """Fails where it takes too long, or more memory than the input justifies."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"no answer within {MOST_SECONDS} s")

    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(MOST_SECONDS)
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    assert peak < MOST_BYTES + BYTES_PER_BYTE * n_bytes


ROW = b"2025-01-01T00:00:00,m,_tag_a,b,_field_n,%d\r\n"
PIECES = [
    ROW % 1,
    ROW % 2,
    b'2025-01-01T00:00:00,m,t_a,"q""\r\n",f_n,1e5\r\n',
    b"2025-01-01T00:00:00.123456,m,_field_x,_none\n",
    b"2025-01-01T00:00:00+01:00,,_field_x,99999999999999999999\r\n",
    b"\xef\xbb\xbf",
    b"\0" * 40,
    b'"',
    b'""',
    b",",
    b"\r",
    b"\n",
    b"\r\n\r\n",
    b"_tag_",
    b"_field_",
    b"nan",
    b"1e999",
    b"\xff\xfe",
    b"\xe2\x82",
    b"9" * 5000,
    b"9999-12-31T23:59:59.999999",
    b"0001-01-01T00:00:00-23:59",
    "2025-01-01T00:00:00,m,_tag_a,ü,_field_n,٣\r\n".encode(),
]
files = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=30).map(b"".join),
    st.lists(st.sampled_from(PIECES[:5]), min_size=5, max_size=40)
    .map(b"".join)
    .flatmap(
        lambda data: st.tuples(
            st.integers(0, len(data) - 1), st.integers(0, 255), st.just(data)
        ).map(lambda parts: parts[2][: parts[0]] + bytes([parts[1]]) + parts[2][parts[0] + 1 :])
    ),
)


def _answers(path: Path, *, auto_index: bool) -> Any:
    try:
        with TinyFlux(path, auto_index=auto_index) as db:
            found = contents(db.all(sorted=False))
            assert db.count(FieldQuery().n > 1) <= len(found) == len(db)
            return found
    except DamageError as error:
        return error.offset
    except ValueError as error:
        if "begins with the byte order mark of" not in str(error):
            raise
        return -1


REFUSED = ("no row of it can be read, so nothing was changed", "begins with the byte order mark of")


@effort(50)
@given(files, st.sampled_from([1, 3000]))
def test_any_bytes_are_rows_or_damage(data: bytes, n_times: int) -> None:
    """Few bytes are read one by one, many a column at a time: with the same result."""
    data = data if len(data) > 200 else data * n_times
    data = data[:60_000]
    with tempfile.TemporaryDirectory() as folder, bounded(len(data)):
        path = Path(folder, "data.csv")
        path.write_bytes(data)
        assert _answers(path, auto_index=True) == _answers(path, auto_index=False)


@effort(30)
@given(files)
def test_any_bytes_can_be_repaired_or_stay(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, bounded(len(data)):
        path = Path(folder, "data.csv")
        path.write_bytes(data)
        before = _answers(path, auto_index=True)
        is_well = main(["check", str(path)]) == 0
        assert path.read_bytes() == data
        with redirect_stderr(StringIO()) as said:
            is_repaired = main(["repair", "--run", str(path)]) == 0
        if not is_repaired:
            assert any(text in said.getvalue() for text in REFUSED)
            assert path.read_bytes() == data
            assert not before or isinstance(before, int)
            return
        after = _answers(path, auto_index=True)
        assert isinstance(after, list)
        assert after == before or isinstance(before, int)
        assert not is_well or after == before
        assert main(["check", str(path)]) == 0
        with TinyFlux(path) as db:
            db.insert(point(9))
        assert _answers(path, auto_index=True) == [*after, *contents([point(9)])]


@effort(40)
@given(files, st.integers(0, 400))
def test_any_bytes_behind_good_rows_leave_them(data: bytes, n_nuls: int) -> None:
    """An insert keeps every row before, whatever stands at the end."""
    with tempfile.TemporaryDirectory() as folder, bounded(len(data)):
        path = Path(folder, "data.csv")
        with TinyFlux(path) as db:
            db.insert_multiple([point(1), point(2)])
        own = path.read_bytes()
        path.write_bytes(own + data + b"\0" * n_nuls)
        with TinyFlux(path) as db:
            db.insert(point(3))
        assert path.read_bytes().startswith(own)
        found = _answers(path, auto_index=True)
        assert found >= len(own) if isinstance(found, int) else len(found) >= 3


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    """Changes of the cache: which file, where, and what is put there."""
    place = st.floats(0, 1, exclude_max=True)
    what = st.one_of(st.binary(min_size=1, max_size=12), st.just(b""))
    name = st.sampled_from(["manifest", "segment", "mark"])
    return draw(st.lists(st.tuples(name, place, what), min_size=1, max_size=4))


@effort(40)
@given(mutations())
def test_any_bytes_in_the_cache_give_the_same_answers(
    changes: list[tuple[str, float, bytes]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, bounded(20_000):
        path = Path(folder, "data.csv")
        with TinyFlux(path) as db:
            db.insert_multiple([point(n, rare="x") if n % 3 else point(n) for n in range(20)])
            db.publish_index()
            expected = contents(db.all())
        for name, share, what in changes:
            place = next(path.with_name(".data.csv.index").glob(f"*{name}"))
            data = place.read_bytes()
            start = int(share * len(data))
            place.write_bytes(
                data[:start] + what + data[start + len(what) :] if what else data[:start]
            )
        for mode in ("r", "r+"):
            with TinyFlux(path, access_mode=mode) as db:
                assert contents(db.all()) == expected
                assert db.count(TagQuery().rare == "x") == 13
        with TinyFlux(path) as db:
            assert db.remove(FieldQuery().n == 0) == 1
            assert contents(db.all()) == expected[1:]


@effort(200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_mark_or_none(data: bytes) -> None:
    mark = Mark.of_bytes(data)
    assert mark is None or mark.to_bytes() == data


LINE_PIECES = ["m", ",", "=", " ", "\\", '"', "1", "i", "1.5", "\n", "t", "-", "e9", "ü", "\0"]
lines = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(LINE_PIECES)).map("".join))


@effort(250)
@given(lines, st.sampled_from([1, 2000]))
def test_any_text_is_line_protocol_or_a_value_error(text: str, n_times: int) -> None:
    text *= n_times
    with bounded(len(text)):
        try:
            parts = from_line(text)
        except ValueError:
            return
        try:
            line = to_line(parts)
        except ValueError:
            return
        again = from_line(line)
    assert again.measurement == parts.measurement
    assert again.fields.keys() <= parts.fields.keys()


@effort(100)
@given(lines)
def test_points_take_any_line_or_refuse_it(text: str) -> None:
    try:
        found = Point.from_line_protocol(text)
    except ValueError:
        return
    assert isinstance(found, Point)
